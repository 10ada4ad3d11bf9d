// Convolutions with kernels of 3 x 3 (x any depth) by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for four
// outputs instead of 36, with rounding errors about those of the plain sums. Lavin and Gray, "Fast algorithms for convolutional
// neural networks", CVPR 2016:   y = A' [ (G w G') . (B' x B) ] A   for each tile of 2 x 2 outputs, summed over input channels
// and kernel planes; the gradient by the weights is   G' [ sum of (B' x B) . (A dy A') ] G   over all tiles.
//
// Element is float, or Bf16: then what has been transformed is rounded to bf16 before it is multiplied, and summed in float.
#pragma once

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

// Whether the sizes suit: a 3 x 3 kernel in the plane and enough channels on both sides to pay for the transforms.
bool winograd_suits(const ConvolutionSizes& sizes);

template <class Element>
std::size_t winograd_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads);

// sizes.weights are those of `weights` as viewed.
template <class Element>
void winograd_forward(const ConvolutionSizes& sizes, int threads, const Element* x, const WeightView& weights,
                      const ConvolutionOutput<Element>& out, void* scratch);
// dweights += gradient. The order of its sums depends on the sizes only.
template <class Element>
void winograd_weights_acc(const ConvolutionSizes& sizes, int threads, const Element* x, const Element* dy, float* dweights,
                          void* scratch);

}  // namespace gleam::kernels::cpu
