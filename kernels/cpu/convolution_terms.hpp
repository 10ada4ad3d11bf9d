// What a convolution in single precision is called with, whatever the method.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/shape.hpp"
#include "kernels/cpu/simd.hpp"
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

// Calls f(k) for whole vectors of channels from k on; the last may overlap the one before.
template <class F>
void for_each_vector(std::int64_t channels, F&& f) {
    for (std::int64_t k = 0; k < channels; k += lanes) f(std::min<std::int64_t>(k, channels - lanes));
}

// Stores the sums of channels k on into `to`. A gate is passed once: where the vector overlaps the one before, `to` stays.
template <class Element>
void store_output(const ConvolutionOutput<Element>& out, Floats sum, std::int64_t k, Element* to) {
    if (out.gated) {
        const Floats before = load(to), result = before > Floats{} ? sum : out.slope * sum;
        const std::int64_t done = (lanes - k % lanes) % lanes;
        store(to, done == 0 ? result : lane_numbers() >= static_cast<float>(done) ? result : before);
    } else {
        store(to, out.bias ? sum + load(out.bias + k) : sum);
    }
}

}  // namespace gleam::kernels::cpu
