// What a convolution in single precision is called with, whatever the method.
#pragma once

#include <cstdint>

#include "core/shape.hpp"
#include "kernels/device/convolution.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cpu {

enum class ConvolutionPass : std::uint8_t { forward, weights };

// One convolution of given sizes: x [N,D,H,W,I], weights [O,I,kd,kh,kw], y [N,D',H',W',O].
struct ConvolutionSizes {
    Shape x, weights, y;
    Padding padding{};
};

using WeightView = device::WeightView<float>;
template <class Y>  // float or Bf16
using ConvolutionOutput = device::ConvolutionOutput<Y>;

}  // namespace gleam::kernels::cpu
