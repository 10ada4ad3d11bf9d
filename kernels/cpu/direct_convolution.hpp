// Convolutions of 3 x 3 between features of one or two vectors of channels each, as they are defined.
#pragma once

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

// Whether the kernel is a plane and both sides have 16 channels (8, where vectors have four numbers). Winograd's transforms then
// take longer than what they save; in volumes they serve three planes of the kernel.
bool direct_suits(const ConvolutionSizes& sizes);

std::size_t direct_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads);

// sizes.weights are those of `weights` as viewed.
void direct_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                    const ConvolutionOutput<float>& out, void* scratch);
// dweights += gradient. The order of its sums depends on the sizes only.
void direct_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                        void* scratch);

}  // namespace gleam::kernels::cpu
