// From the calibration block to the convolution between coils that ESPIRiT's image-space matrices are made of; used by espirit().
#pragma once

#include <complex>
#include <vector>

#include "core/array.hpp"
#include "data/espirit.hpp"

namespace gleam::data {

// W with  y_c[k] = sum over c', l of W_cc'[l] y_c'[k - l]  for k-space that fits the calibration. Only c' <= c: W_c'c[-l] = conj
// W_cc'[l].
struct CouplingKernel {
    int coils = 0, lags = 0;                  // lags = 2k-1 per axis, centre at k-1
    std::vector<std::complex<float>> values;  // [pair, lag_x, lag_y], pair = c (c+1)/2 + c'
};

// Side of the largest central square, at most `wanted`, where `mask` [y, x] is nowhere 0; 0 when there is none.
int sampled_centre(const RealArray& mask, int wanted);

// The central square of k-space [coil, y, x], in double precision.
Array<std::complex<double>> calibration_block(const ComplexArray& kspace, int side);

// Patches are spanned by singular vectors above `threshold` relative to the largest singular value, and above `floor` in the
// units of the block. Without any, W is 0.
CouplingKernel coupling_kernel(const Array<std::complex<double>>& block, int kernel, double threshold, double floor = 0);

// Coil weights (unit norm) of the combination with the most energy in a block [coil, ...]; its largest weight is real and
// positive.
std::vector<std::complex<float>> principal_coil(const Array<std::complex<double>>& block);

}  // namespace gleam::data
