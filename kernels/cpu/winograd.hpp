// Convolutions with kernels of 3 x 3 (x any depth) by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for four
// outputs instead of 36, with rounding errors about those of the plain sums. Lavin and Gray, "Fast algorithms for convolutional
// neural networks", CVPR 2016:   y = A' [ (G w G') . (B' x B) ] A   for each tile of 2 x 2 outputs, summed over input channels
// and kernel planes; the gradient by the weights is   G' [ sum of (B' x B) . (A dy A') ] G   over all tiles.
#pragma once

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

// Whether the sizes suit: a 3 x 3 kernel in the plane and enough channels on both sides to pay for the transforms.
bool winograd_suits(const ConvolutionSizes& sizes);

std::size_t winograd_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads);

// sizes.weights are those of `weights` as viewed.
void winograd_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                      const ConvolutionOutput& out, float* scratch);
// dweights += gradient. The order of its sums depends on the sizes only.
void winograd_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                          float* scratch);

}  // namespace gleam::kernels::cpu
