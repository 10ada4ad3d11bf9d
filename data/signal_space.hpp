// The space that the patches of a calibration block span, the heart of ESPIRiT's calibration; used by coupling_kernel().
#pragma once

#include <Eigen/Dense>
#include <array>
#include <complex>

#include "core/array.hpp"
#include "data/coupling_kernel.hpp"

namespace gleam::data {

inline std::int64_t points_of(const Extent& e) { return e[0] * e[1] * e[2]; }

// Sum over all patches p of p p^H, where a patch holds coil by coil the `kernel` points (z, y, x) of one place of the block
// [coil, z, y, x]. Every product of two points of k-space is computed once for all patches that hold both.
Eigen::MatrixXcd patch_gram(const Array<std::complex<double>>& block, const Extent& kernel);

// Orthonormal eigenvectors of a Hermitian positive semidefinite matrix whose eigenvalues are above `threshold` times the largest;
// none when the matrix is 0. `expected` says about how many these are: with many fewer than the matrix has rows, they are found
// by subspace iteration, to residuals of 1e-6 of the eigenvalue; where that takes long, from all eigenvectors. Eigenvalues below
// 1e-13 of the largest are rounding and never kept. NumericError when the eigenvalues do not converge.
Eigen::MatrixXcd leading_space(const Eigen::MatrixXcd& matrix, double threshold, Eigen::Index expected);

}  // namespace gleam::data
