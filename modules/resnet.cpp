#include "modules/resnet.hpp"

#include <cmath>

namespace gleam::modules {
namespace {

constexpr int image_channels = 2;  // re, im

}  // namespace

ResNet::ResNet(const ResNetOptions& options, ParameterPack& pack, const std::string& prefix, std::uint32_t stream)
    : options_(options) {
    std::uint32_t index = 0;
    // Initial values uniform within 1/sqrt(fan-in), bias alike.
    const auto add = [&](const std::string& name, const Shape& shape, std::int64_t fan_in) {
        const bool zero = options.identity_start && name.starts_with("final");
        return pack.add(prefix + "/" + name, shape, zero ? 0 : 1 / std::sqrt(static_cast<double>(fan_in)), stream, index++);
    };
    const std::int64_t k = options.kernel, f = options.features;
    const auto weight = [&](const std::string& name, std::int64_t out, std::int64_t in) {
        return add(name + "/weight", Shape{out, in, 1, k, k}, in * k * k);
    };
    for (int b = 0; b < options.blocks; ++b) {
        const std::string name = "block" + std::to_string(b);
        const std::int64_t in = b == 0 ? image_channels : f;
        Block block{weight(name + "/conv0", f, in), weight(name + "/conv1", f, f)};
        if (in != f) {
            block.resample_weight = add(name + "/resample/weight", Shape{f, in, 1, 1, 1}, in);
            block.resample_bias = add(name + "/resample/bias", Shape{f}, in);
        }
        blocks_.push_back(block);
    }
    const std::int64_t last = options.blocks ? f : image_channels;
    final_weight_ = weight("final", image_channels, last);
    final_bias_ = add("final/bias", Shape{image_channels}, last * k * k);
}

Var ResNet::forward(Context& c, const ParameterPack& pack, const Var& x) const {
    const int width = options_.kernel / 2;
    const kernels::Border relu_border{options_.border, {0, width, width}, true};
    const kernels::Padding none{0, 0, 0}, same{0, width, width};
    Var h = x;
    for (const Block& block : blocks_) {
        Var u = convolution(c, border(c, h, relu_border), pack.parameter(block.conv0), nullptr, none);
        u = convolution(c, border(c, u, relu_border), pack.parameter(block.conv1), nullptr, none);
        if (block.resample_weight >= 0) {
            const Parameter bias = pack.parameter(block.resample_bias);
            h = convolution(c, h, pack.parameter(block.resample_weight), &bias, none);
        }
        h = add(c, std::move(u), h);
    }
    const Parameter bias = pack.parameter(final_bias_);
    return add(c, convolution(c, h, pack.parameter(final_weight_), &bias, same), x);
}

}  // namespace gleam::modules
