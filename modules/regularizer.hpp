// The learned part of an unrolled iteration: a small residual network on the channels of the image, channel 2 e + {0: re, 1: im}
// for map set e.
//
//   resnet (PGD)   h = x;  per block: h = u(h) + shortcut(h);  out = conv(h) + x
//                  before-activation:  u = conv(act(conv(act(h))))          after-activation:  u = act(conv(act(conv(h))))
//                  The shortcut is a 1 x 1 convolution with bias where the channels differ, else the identity. The convolutions
//                  of the blocks have no bias; the last one has a bias and a zero border.
//   revnet (MoDL)  out = x + conv(act(conv(... act(conv(x))))), `layers` convolutions without bias
//
// With `normalize` every activation is preceded by an instance normalisation.
#pragma once

#include <memory>
#include <string>

#include "modules/functions.hpp"

namespace gleam::modules {

enum class Architecture : std::uint8_t { resnet, revnet };
enum class Activation : std::uint8_t { before, after };  // of the convolutions of a block

struct RegularizerOptions {
    Architecture architecture = Architecture::resnet;
    int channels = 2;    // twice the number of map sets
    bool depth = false;  // kernels k x k x k, over z or time as well; else 1 x k x k
    int features = 32, kernel = 3;
    int blocks = 2;                              // resnet
    int layers = 5;                              // revnet
    Activation activation = Activation::before;  // resnet
    double slope = 0;                            // of the activation for negative numbers: 0 ReLU, 0.01 leaky ReLU
    bool normalize = false;
    std::array<kernels::BorderMode, 3> border = kernels::on_every_axis(kernels::BorderMode::reflect);
    bool bf16 = false;            // features, which are what lies between the first and the last convolution, are stored as bf16
    bool identity_start = false;  // the last layer starts at 0, so that an untrained network hands its input through
};

class Regularizer {
public:
    virtual ~Regularizer() = default;

    // x: real [N, D, H, W, channels], and so the result.
    virtual Var forward(Context& context, const ParameterPack& pack, const Var& x) const = 0;
};

// Registers the parameters in `pack`: prefix/block{j}/conv{0,1}/weight, prefix/block0/resample/{weight,bias} and
// prefix/final/{weight,bias}, or prefix/conv{k}/weight. `stream` names the random stream of the initial values (the unroll's
// number).
std::shared_ptr<const Regularizer> make_regularizer(const RegularizerOptions& options, ParameterPack& pack,
                                                    const std::string& prefix, std::uint32_t stream);

}  // namespace gleam::modules
