// How a convolution finds its weights and what becomes of its sums, on every device.
#pragma once

#include <cstdint>

#include "core/bf16.hpp"
#include "core/shape.hpp"
#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

// Where weights lie, stored as [K_out, K_in, kd, kh, kw], from output 0, input 0, first tap on: as they are stored, or flipped
// and transposed for the gradient by the data, which is a convolution of dy with them.
struct WeightStrides {
    std::int64_t first, out, in, tap;

    static WeightStrides plain(const Shape& stored) {
        const std::int64_t taps = stored[2] * stored[3] * stored[4];
        return {0, stored[1] * taps, taps, 1};
    }
    static WeightStrides flipped(const Shape& stored) {
        const std::int64_t taps = stored[2] * stored[3] * stored[4];
        return {taps - 1, taps, stored[1] * taps, -1};
    }
};

// Weights as a convolution reads them.
template <class W>
struct WeightView {
    const W* data;
    WeightStrides stride;

    static WeightView plain(const W* weights, const Shape& stored) { return {weights, WeightStrides::plain(stored)}; }
    static WeightView flipped(const W* weights, const Shape& stored) { return {weights, WeightStrides::flipped(stored)}; }
    GLEAM_DEVICE W operator()(std::int64_t o, std::int64_t i, std::int64_t t) const {
        return data[stride.first + o * stride.out + i * stride.in + t * stride.tap];
    }
};

// Where the sums go: y = sum + bias (null: none; of the first channels), or, gated, y = sum times `slope` where y was not
// positive before.
template <class Y>
struct ConvolutionOutput {
    Y* y;
    const Arithmetic<Y>* bias = nullptr;
    bool gated = false;
    Arithmetic<Y> slope = 1;
    int biased = 0x7fffffff;  // as many channels have a bias

    // What a number of `channel` that was `before` (read only where gated) becomes.
    GLEAM_DEVICE Y value(Arithmetic<Y> sum, std::int64_t channel, const Y& before) const {
        return Y(gated ? (Arithmetic<Y>(before) > 0 ? sum : slope * sum) : bias && channel < biased ? sum + bias[channel] : sum);
    }
    // y[i], which belongs to `channel`
    GLEAM_DEVICE void put(Arithmetic<Y> sum, std::int64_t channel, std::int64_t i) const { y[i] = value(sum, channel, y[i]); }
};

}  // namespace gleam::kernels::device
