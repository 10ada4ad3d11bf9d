// Convolutions between features of about one vector of channels, as they are defined: a window's row is a piece of a channels-last
// tensor, so that products of matrices read windows where they lie, overlapping, without gathering them.
#pragma once

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

// Whether there are so few channels, a vector of them at least, that Winograd's transforms take longer than what they save.
bool direct_suits(const ConvolutionSizes& sizes);

std::size_t direct_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads);

// sizes.weights are those of `weights` as viewed.
void direct_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                    const ConvolutionOutput<float>& out, void* scratch);
// dweights += gradient. The order of its sums depends on the sizes only.
void direct_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                        void* scratch);

}  // namespace gleam::kernels::cpu
