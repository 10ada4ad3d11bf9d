// Compressed sensing:  minimise over x   1/2 |A x - y|^2 + lambda |W x|_1,   W an orthonormal wavelet transform (db4),
// by FISTA (Beck & Teboulle, SIAM J. Imaging Sci. 2(1), 2009) with step 1, which A^H A <= I allows.
//
// W goes over y and x of each frame (rank 2) or over z, y and x (rank 3), as the Fourier transform of `sense` does; never over
// time. |.|_1 sums the magnitudes of all complex coefficients, approximations included. Several sets of maps: each set is an
// image of its own to W.
#pragma once

#include "modules/sense.hpp"

namespace gleam::modules {

struct L1WaveletOptions {
    int iterations = 200;
    double lambda = 5e-3;  // in units of the image, for images of order one
    // Rotates the image by another random amount in each iteration (cycle spinning: Coifman & Donoho 1995, Figueiredo & Nowak
    // 2003), so that the result does not depend on where the wavelets lie. The amounts depend on the iteration only. Without it
    // the iteration minimises the objective for W at rest.
    bool random_shift = true;
};

// `b` is A^H y. Starts from 0; every sample of the batch is treated as if it were alone.
void l1_wavelet(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b, const L1WaveletOptions& options,
                const Tensor& x, Arena& workspace);

}  // namespace gleam::modules
