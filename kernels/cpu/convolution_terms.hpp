// What a convolution in single precision is called with, whatever the method.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/shape.hpp"
#include "kernels/cpu/simd.hpp"
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
