// Conjugate gradient for (A^H A + lambda I) x = b, per sample; with b = A^H y this is CG-SENSE (Pruessmann et al. 2001).
#pragma once

#include "modules/sense.hpp"

namespace gleam::modules {

struct ConjugateGradientOptions {
    int iterations = 20;
    double lambda = 1e-2;  // relative to A^H A, whose norm is at most 1 for maps of unit norm
};

// Starts from 0. A sample whose right-hand side is all zero gives zeros.
void conjugate_gradient(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b,
                        const ConjugateGradientOptions& options, const Tensor& x, Arena& workspace);

}  // namespace gleam::modules
