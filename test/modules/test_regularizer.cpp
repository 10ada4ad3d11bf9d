#include "modules/regularizer.hpp"
#include "test/support/catch.hpp"
#include "test/support/gradients.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;
using kernels::BorderMode;
using kernels::on_every_axis;

namespace {

constexpr double bound = 1e-6;

RegularizerOptions resnet(int features, int blocks, int kernel, BorderMode mode = BorderMode::reflect) {
    RegularizerOptions o;
    o.features = features, o.blocks = blocks, o.kernel = kernel, o.border = on_every_axis(mode);
    return o;
}

RegularizerOptions revnet(int features, int layers, BorderMode mode = BorderMode::reflect) {
    RegularizerOptions o = resnet(features, 0, 3, mode);
    o.architecture = Architecture::revnet, o.layers = layers;
    return o;
}

// The 3D variants: kernels over depth, activations after the convolutions.
RegularizerOptions deep(RegularizerOptions o) {
    o.depth = true;
    o.activation = Activation::after;
    return o;
}

std::int64_t parameter_count(const RegularizerOptions& options) {
    ParameterPack pack(DType::f32, Device{});
    make_regularizer(options, pack, "net", 0);
    return pack.elements();
}

// What a network with random weights makes of x.
Array<double> output(const RegularizerOptions& options, const Array<double>& x) {
    OwnedPack owned;
    const auto net = make_regularizer(options, owned.pack, "net", 0);
    owned.bind();
    Bench b;
    Arena activations("activations");
    activations.serve_on_demand(b.ops->allocator());
    Tape tape(activations, false);
    Context c{*b.ops, tape, b.workspace};
    Array<double> out(x.shape);
    b.ops->copy(net->forward(c, owned.pack, tape.constant(x.view())).tensor(), out.view());
    return out;
}

}  // namespace

TEST_CASE("Every regulariser has the gradient of its finite differences, in two and three dimensions") {
    RegularizerOptions leaky = resnet(3, 1, 3), normalized = resnet(3, 2, 3), sets = resnet(3, 1, 3),
                       circular = deep(resnet(3, 2, 3, BorderMode::replicate));
    leaky.slope = 0.01;
    normalized.normalize = true;
    sets.channels = 4;
    circular.border[0] = BorderMode::circular;
    RegularizerOptions normalized_after = deep(resnet(3, 1, 3, BorderMode::replicate));
    normalized_after.normalize = true;
    for (const RegularizerOptions& options :
         {resnet(5, 2, 3), resnet(2, 1, 5, BorderMode::zero), resnet(3, 3, 1), resnet(4, 0, 3), leaky, normalized, sets,
          revnet(4, 5), revnet(3, 1), deep(resnet(3, 2, 3, BorderMode::replicate)), circular, normalized_after,
          deep(revnet(3, 3, BorderMode::replicate))}) {
        OwnedPack owned;
        const auto net = make_regularizer(options, owned.pack, "net", 0);
        owned.bind();
        const auto f = [&](Context& c, const ParameterPack& p, const Var& v) { return net->forward(c, p, v); };
        const Shape shape{2, options.depth ? 4 : 1, 5, 6, options.channels};
        const auto e = gradient_errors<double>(f, owned, random_array<double>(shape, 4), 1e-5);
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
}

TEST_CASE("Networks of the published sizes have the published numbers of parameters") {
    CHECK(parameter_count(resnet(100, 2, 3)) == 273902);
    CHECK(parameter_count(deep(resnet(64, 2, 3))) == 338882);
    CHECK(parameter_count(revnet(70, 5)) == 134820);
    CHECK(parameter_count(revnet(80, 5)) == 175680);
}

TEST_CASE("A network that starts as the identity hands its input through") {
    const auto x = random_array<double>(Shape{1, 1, 6, 5, 2}, 1);
    for (RegularizerOptions options : {resnet(4, 2, 3), revnet(4, 5)}) {
        options.identity_start = true;
        CHECK(output(options, x).values == x.values);
        options.identity_start = false;
        CHECK(relative_error(output(options, x), x) > 1e-3);
    }
}

TEST_CASE("With a circular border in time, shifting the frames shifts the result") {
    const std::int64_t frames = 4, frame = 5 * 4 * 2;
    const auto x = random_array<double>(Shape{1, frames, 5, 4, 2}, 1);
    Array<double> shifted(x.shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) shifted[(i + frame) % x.elements()] = x[i];
    for (const RegularizerOptions& base :
         {deep(resnet(3, 2, 3, BorderMode::replicate)), deep(revnet(3, 3, BorderMode::replicate))})
        for (bool around : {true, false}) {
            RegularizerOptions options = base;
            if (around) options.border[0] = BorderMode::circular;
            const auto y = output(options, x), z = output(options, shifted);
            double difference = 0;
            for (std::int64_t i = 0; i < x.elements(); ++i)
                difference = std::max(difference, std::abs(z[(i + frame) % x.elements()] - y[i]));
            CHECK((difference < 1e-12) == around);
        }
}

TEST_CASE("Instance normalisation makes mean 0 and deviation 1 of every channel of every sample") {
    Bench b;
    auto x = random_array<double>(Shape{2, 2, 5, 4, 3}, 1);
    for (auto& v : x.values) v = 3 * v + 7;
    Array<double> y(x.shape), inverse(Shape{2, 3});
    b.ops->normalize(x.view(), 1e-5, y.view(), inverse.view());
    for (std::int64_t n = 0; n < 2; ++n)
        for (std::int64_t k = 0; k < 3; ++k) {
            double sum = 0, squares = 0;
            for (std::int64_t i = 0; i < 40; ++i) sum += y[(n * 40 + i) * 3 + k], squares += std::pow(y[(n * 40 + i) * 3 + k], 2);
            CHECK(sum / 40 == Approx(0).margin(1e-12));
            CHECK(squares / 40 == Approx(1).epsilon(1e-5));
        }
}
