// The normal operator for masks of lines (sense_lines.cu).
#pragma once

#include "kernels/cu/device_ptr.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cu {

// Whether sense_normal_by_lines() takes this: the mask varies along exactly one of the transformed axes, and lines along it have
// a length that it transforms and that fits its memory. Looks at shapes alone.
bool are_lines(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank);

// sense_normal (kernels/operations.hpp) where are_lines(). Needs no scratch memory.
void sense_normal_by_lines(Stream stream, const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                           const NormalTerms& terms, const Tensor& out);

}  // namespace gleam::kernels::cu
