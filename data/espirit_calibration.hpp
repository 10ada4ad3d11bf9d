// From the calibration block to the convolution between coils that ESPIRiT's image-space matrices are made of; used by espirit().
#pragma once

#include <complex>
#include <vector>

#include "core/array.hpp"
#include "data/coupling_kernel.hpp"
#include "data/signal_space.hpp"

namespace gleam::data {

// A central block of `side` points along each axis, or as many as the axis has.
Extent block_of(const Extent& matrix, std::int64_t side);

// Side of the largest central block, at most `wanted`, in which every point is sampled in some frame; 0 when there is none. mask
// [1, T, 1, Z, Y, X].
int sampled_centre(const RealArray& mask, int wanted);

// That block of k-space [1, T, C, Z, Y, X], [coil, z, y, x], in double precision: the mean of the frames in which a point is
// sampled. A null mask: sampled everywhere.
Array<std::complex<double>> calibration_block(const ComplexArray& kspace, const RealArray* mask, int side);

// For patches of `kernel` points along axes longer than 1, spanned by singular vectors above `threshold` relative to the largest
// singular value. When the block is 0, so is W.
CouplingKernel coupling_kernel(const Array<std::complex<double>>& block, int kernel, double threshold);

// Coil weights (unit norm) of the combination with the most energy in a block [coil, ...]; its largest weight is real and
// positive.
std::vector<std::complex<float>> principal_coil(const Array<std::complex<double>>& block);

}  // namespace gleam::data
