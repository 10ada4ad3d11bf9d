// Convolutions between an image of a few channels and many features, as at both ends of every network. Both are products of
// matrices: with the thin side's pixels gathered into rows of (kernel plane, row, column, channel), or scattered from there.
#pragma once

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

// Whether one side has few enough channels.
bool thin_suits(const ConvolutionSizes& sizes);

std::size_t thin_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads);

// X and Y are float or Bf16; numbers are multiplied and summed in float. sizes.weights are those of `weights` as viewed.
template <class X, class Y>
void thin_forward(const ConvolutionSizes& sizes, int threads, const X* x, const WeightView& weights,
                  const ConvolutionOutput<Y>& out, void* scratch);
// dweights += gradient. The order of its sums depends on the sizes only.
template <class X, class Y>
void thin_weights_acc(const ConvolutionSizes& sizes, int threads, const X* x, const Y* dy, float* dweights, void* scratch);

}  // namespace gleam::kernels::cpu
