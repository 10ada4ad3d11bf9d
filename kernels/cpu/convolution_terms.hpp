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
struct ConvolutionOutput {
    float* y;
    const float* bias = nullptr;
    bool gated = false;
    float slope = 1;

    float element(float sum, std::int64_t channel, float before) const {
        if (gated) return before > 0 ? sum : slope * sum;
        return bias ? sum + bias[channel] : sum;
    }
};

}  // namespace gleam::kernels::cpu
