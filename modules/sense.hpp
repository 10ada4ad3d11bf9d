// The SENSE operator A = M F S of one batch: coil maps S, centred orthonormal Fourier transform F, sampling mask M (always explicit).
//
//   image x  complex [N, T, 1, Z, Y, X]    k-space y  complex [N, T, C, Z, Y, X]
//   maps     complex [N, T|1, C, Z, Y, X]  mask       real    [N, T|1, 1, Z, Y, X]
// Maps of unit norm over the coils give 0 <= A^H A <= I. The dimension is data: `rank` (2 or 3) says how many axes F transforms.
#pragma once

#include "kernels/operations.hpp"

namespace gleam::modules {

struct SenseOperator {
    Tensor maps;
    Tensor normal_mask;  // kernels::Operations::normal_mask of the sampling mask
    int rank = 2;

    // out = alpha A^H A x + beta x + gamma b
    void normal(kernels::Operations& ops, const Tensor& x, const kernels::NormalTerms& terms, const Tensor& out,
                Arena& workspace) const {
        ops.sense_normal(x, maps, normal_mask, rank, terms, out, workspace);
    }
};

// y = M F S x; `mask` is the sampling mask itself, `y` complex [N, T, C, Z, Y, X].
void sense_forward(kernels::Operations& ops, const Tensor& x, const Tensor& maps, const Tensor& mask, int rank, const Tensor& y,
                   Arena& workspace);

// out = S^H F^H M y. `y` is overwritten.
void sense_adjoint(kernels::Operations& ops, const Tensor& y, const Tensor& maps, const Tensor& mask, int rank, const Tensor& out,
                   Arena& workspace);

}  // namespace gleam::modules
