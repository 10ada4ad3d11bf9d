// What a convolution in single precision is called with, whatever the method.
#pragma once

#include <cstdint>

#include "core/shape.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cpu {

enum class ConvolutionPass : std::uint8_t { forward, weights };

// One convolution of given sizes: x [N,D,H,W,I], weights [O,I,kd,kh,kw], y [N,D',H',W',O].
struct ConvolutionSizes {
    Shape x, weights, y;
    Padding padding{};
};

// The weights as a convolution reads them: as they are stored, [K_out, K_in, kd, kh, kw], or flipped and transposed for the
// gradient by the data, which is a convolution of dy with them.
struct WeightView {
    const float* data;          // of output 0, input 0, first tap
    std::int64_t out, in, tap;  // strides

    static WeightView plain(const float* weights, const Shape& stored) {
        const std::int64_t taps = stored[2] * stored[3] * stored[4];
        return {weights, stored[1] * taps, taps, 1};
    }
    static WeightView flipped(const float* weights, const Shape& stored) {
        const std::int64_t taps = stored[2] * stored[3] * stored[4];
        return {weights + taps - 1, taps, stored[1] * taps, -1};
    }
    float operator()(std::int64_t o, std::int64_t i, std::int64_t t) const { return data[o * out + i * in + t * tap]; }
};

// Where the sums go: y = sum + bias (null: none), or, gated, y = sum times `slope` where y was not positive before.
template <class Y>  // float or Bf16
struct ConvolutionOutput {
    Y* y;
    const float* bias = nullptr;
    bool gated = false;
    float slope = 1;

    // y[i], which belongs to `channel`
    void put(float sum, std::int64_t channel, std::int64_t i) const {
        const float value = gated ? (static_cast<float>(y[i]) > 0 ? sum : slope * sum) : bias ? sum + bias[channel] : sum;
        y[i] = Y(value);
    }
};

}  // namespace gleam::kernels::cpu
