// The residual network of PGD-unrolled reconstruction: pre-activation blocks on the two channels (re, im) of the image.
//
//   h = x;  per block:  u = conv_b(relu(conv_a(relu(h))))   k x k, no bias, bordered
//                       h = u + shortcut(h)                 1 x 1 convolution with bias where the channels differ, else identity
//   out = conv(h) + x                                       k x k, bias, zero border
#pragma once

#include <string>
#include <vector>

#include "modules/functions.hpp"

namespace gleam::modules {

struct ResNetOptions {
    int features = 32, blocks = 2, kernel = 3;
    kernels::BorderMode border = kernels::BorderMode::reflect;
    bool identity_start = false;  // the last layer starts at 0, so that an untrained network hands its input through
};

class ResNet {
public:
    // Registers its parameters in `pack` as prefix/block{j}/conv{0,1}/weight, prefix/block0/resample/{weight,bias},
    // prefix/final/{weight,bias}. `stream` names the random stream of the initial values (the unroll's number).
    ResNet(const ResNetOptions& options, ParameterPack& pack, const std::string& prefix, std::uint32_t stream);

    // x: real [N, D, H, W, 2], and so the result.
    Var forward(Context& context, const ParameterPack& pack, const Var& x) const;

private:
    struct Block {
        int conv0, conv1, resample_weight = -1, resample_bias = -1;
    };
    ResNetOptions options_;
    std::vector<Block> blocks_;
    int final_weight_, final_bias_;
};

}  // namespace gleam::modules
