// The SENSE operator A = M F S of one batch: coil maps S, centred orthonormal Fourier transform F, sampling mask M (always
// explicit).
//
//   image x  complex [N, T, 1, Z, Y, X(, E)]    k-space y  complex [N, T, C, Z, Y, X]
//   maps     complex [N, T|1, C, Z, Y, X(, E)]  mask       real    [N, T|1, 1, Z|1, Y|1, X|1]
// The dimension is data: F transforms the last two axes (slices; 2D + time: frame by frame) or three (volumes); a mask that is
// constant along an axis may have length 1 there, which spares that axis' transform in A^H A. Maps with a 7th axis E are several
// sets (soft SENSE, Uecker et al. 2014): y_c = M F sum_e S_ce x_e. Maps of unit norm over the coils (and orthogonal sets) give
// 0 <= A^H A <= I.
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

// y = M F S x; `mask` is the sampling mask itself.
void sense_forward(kernels::Operations& ops, const Tensor& x, const Tensor& maps, const Tensor& mask,
                   const kernels::Fourier& fourier, const Tensor& y, Arena& workspace);

// out = S^H F^H M y. `y` is overwritten.
void sense_adjoint(kernels::Operations& ops, const Tensor& y, const Tensor& maps, const Tensor& mask,
                   const kernels::Fourier& fourier, const Tensor& out, Arena& workspace);

}  // namespace gleam::modules
