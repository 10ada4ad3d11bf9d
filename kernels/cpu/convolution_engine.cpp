#include "kernels/cpu/convolution_engine.hpp"

#include <fmt/format.h>

#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "core/error.hpp"
#include "core/memory.hpp"

namespace gleam::kernels::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;


// What oneDNN wants to know of a convolution. Without extent in depth that axis is left out, so that the 2D kernels are used.
struct Descriptors {
    memory::dims strides, padding;
    memory::desc x, y, plain_weights, any_weights;

    explicit Descriptors(const ConvolutionSizes& s) {
        const bool flat = s.x[1] == 1 && s.weights[2] == 1 && s.padding[0] == 0;
        const int first = flat ? 1 : 0;  // of the spatial axes d, h, w
        memory::dims xd{s.x[0], s.x[4]}, yd{s.y[0], s.y[4]}, wd{s.weights[0], s.weights[1]};
        for (int i = first; i < 3; ++i) {
            xd.push_back(s.x[1 + i]);
            yd.push_back(s.y[1 + i]);
            wd.push_back(s.weights[2 + i]);
            strides.push_back(1);
            padding.push_back(s.padding[static_cast<std::size_t>(i)]);
        }
        const auto f32 = memory::data_type::f32;
        x = memory::desc(xd, f32, flat ? Tag::nhwc : Tag::ndhwc);
        y = memory::desc(yd, f32, flat ? Tag::nhwc : Tag::ndhwc);
        plain_weights = memory::desc(wd, f32, flat ? Tag::oihw : Tag::oidhw);
        any_weights = memory::desc(wd, f32, Tag::any);
    }
};

dnnl::primitive_attr lent_scratch() {
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attr;
}

// Version 3 takes what version 2 wanted as a separate descriptor.
dnnl::convolution_forward::primitive_desc forward_description(const Descriptors& d, const dnnl::engine& engine) {
    const auto kind = dnnl::prop_kind::forward_training;
    const auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    return {engine, kind, algorithm, d.x, d.any_weights, d.y, d.strides, d.padding, d.padding, lent_scratch()};
#else
    return {{kind, algorithm, d.x, d.any_weights, d.y, d.strides, d.padding, d.padding}, lent_scratch(), engine};
#endif
}

dnnl::convolution_backward_weights::primitive_desc weights_description(const Descriptors& d, const dnnl::engine& engine) {
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const auto hint = forward_description(d, engine);
#if DNNL_VERSION_MAJOR >= 3
    return {engine, algorithm, d.x, d.any_weights, d.y, d.strides, d.padding, d.padding, hint, lent_scratch()};
#else
    return {{algorithm, d.x, d.any_weights, d.y, d.strides, d.padding, d.padding}, lent_scratch(), engine, hint};
#endif
}

std::vector<std::int64_t> key_of(ConvolutionPass pass, const ConvolutionSizes& s) {
    std::vector<std::int64_t> key{static_cast<std::int64_t>(pass)};
    for (const Shape* shape : {&s.x, &s.weights, &s.y}) key.insert(key.end(), shape->begin(), shape->end());
    key.insert(key.end(), s.padding.begin(), s.padding.end());
    return key;
}

}  // namespace

// Scratch memory of one run: [weights in the library's layout | its scratchpad].
struct ConvolutionEngine::Plan {
    dnnl::primitive convolution;
    dnnl::reorder reorder;  // plain -> library's weights (forward), library's -> plain with addition (weights)
    memory::desc x, y, plain_weights, weights, scratchpad;

    std::size_t scratch_bytes() const { return aligned(weights.get_size()) + aligned(scratchpad.get_size()); }
};

struct ConvolutionEngine::Impl {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<std::vector<std::int64_t>, Plan> plans;

    memory memory_at(const memory::desc& desc, const void* data) { return memory(desc, engine, const_cast<void*>(data)); }
};

ConvolutionEngine::ConvolutionEngine() : impl_(std::make_unique<Impl>()) {}
ConvolutionEngine::~ConvolutionEngine() = default;

ConvolutionEngine::Plan& ConvolutionEngine::plan(ConvolutionPass pass, const ConvolutionSizes& sizes) {
    auto [it, fresh] = impl_->plans.try_emplace(key_of(pass, sizes));
    Plan& p = it->second;
    if (!fresh) return p;
    try {
        const Descriptors d(sizes);
        p.x = d.x, p.y = d.y, p.plain_weights = d.plain_weights;
        if (pass == ConvolutionPass::forward) {
            const auto description = forward_description(d, impl_->engine);
            p.convolution = dnnl::convolution_forward(description);
            p.weights = description.weights_desc(), p.scratchpad = description.scratchpad_desc();
            p.reorder = dnnl::reorder({impl_->engine, p.plain_weights, impl_->engine, p.weights});
        } else {
            const auto description = weights_description(d, impl_->engine);
            p.convolution = dnnl::convolution_backward_weights(description);
            p.weights = description.diff_weights_desc(), p.scratchpad = description.scratchpad_desc();
            dnnl::primitive_attr add;
            dnnl::post_ops sum;
            sum.append_sum(1.0F);
            add.set_post_ops(sum);
            p.reorder = dnnl::reorder({impl_->engine, p.weights, impl_->engine, p.plain_weights, add});
        }
    } catch (const dnnl::error& e) {
        impl_->plans.erase(it);
        throw InternalError("convolution", fmt::format("oneDNN has no kernel for x {}, weights {}: {}", sizes.x.str(),
                                                       sizes.weights.str(), e.what()));
    }
    return p;
}

std::size_t ConvolutionEngine::scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes) {
    return plan(pass, sizes).scratch_bytes();
}

void ConvolutionEngine::forward(const ConvolutionSizes& sizes, const float* x, const float* weights, float* y, void* scratch) {
    Plan& p = plan(ConvolutionPass::forward, sizes);
    memory own_weights = impl_->memory_at(p.weights, scratch);
    memory plain = impl_->memory_at(p.plain_weights, weights);
    p.reorder.execute(impl_->stream, plain, own_weights);
    p.convolution.execute(
        impl_->stream,
        {{DNNL_ARG_SRC, impl_->memory_at(p.x, x)},
         {DNNL_ARG_WEIGHTS, own_weights},
         {DNNL_ARG_DST, impl_->memory_at(p.y, y)},
         {DNNL_ARG_SCRATCHPAD, impl_->memory_at(p.scratchpad, static_cast<char*>(scratch) + aligned(p.weights.get_size()))}});
    impl_->stream.wait();
}

void ConvolutionEngine::weights_acc(const ConvolutionSizes& sizes, const float* x, const float* dy, float* dweights,
                                    void* scratch) {
    Plan& p = plan(ConvolutionPass::weights, sizes);
    memory own_weights = impl_->memory_at(p.weights, scratch);
    p.convolution.execute(
        impl_->stream,
        {{DNNL_ARG_SRC, impl_->memory_at(p.x, x)},
         {DNNL_ARG_DIFF_DST, impl_->memory_at(p.y, dy)},
         {DNNL_ARG_DIFF_WEIGHTS, own_weights},
         {DNNL_ARG_SCRATCHPAD, impl_->memory_at(p.scratchpad, static_cast<char*>(scratch) + aligned(p.weights.get_size()))}});
    memory plain = impl_->memory_at(p.plain_weights, dweights);
    p.reorder.execute(impl_->stream, own_weights, plain);
    impl_->stream.wait();
}

std::string convolution_library_version() {
    const dnnl_version_t* v = dnnl_version();
    return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace gleam::kernels::cpu
