// Conjugate gradient for (A^H A + lambda I) x = b (Hestenes & Stiefel 1952). With b = A^H y this is CG-SENSE (Pruessmann et al.
// 2001), with b = A^H y + lambda z the data consistency of MoDL (Aggarwal et al. 2019). Its scalars stay on the device.
#pragma once

#include "modules/functions.hpp"

namespace gleam::modules {

enum class InnerProducts : std::uint8_t {
    per_sample,  // each sample is solved for itself
    batch        // the whole batch is one vector, so that a result depends on what else is in the batch (published code)
};

enum class SolverGradient : std::uint8_t {
    implicit,  // one more solve with the same operator; exact at convergence, memory independent of the iterations
    unrolled   // through every iteration; exact for any number of them, keeps some images per iteration
};

struct ConjugateGradientOptions {
    int iterations = 20;
    double lambda = 1e-2;  // relative to A^H A, whose norm is at most 1 for maps of unit norm
    double tolerance = 0;  // a sample with |residual| <= tolerance |b| stays as it is, and costs (nearly) no time any more
    InnerProducts inner_products = InnerProducts::per_sample;
    SolverGradient gradient = SolverGradient::implicit;
};

// From `start`, or from 0 when null. `learned_lambda` ([1]) takes the place of options.lambda. All-zero samples give zeros.
Var conjugate_gradient(Context& context, const SenseOperator& sense, const Var& b, const Var* start,
                       const ConjugateGradientOptions& options, const Parameter* learned_lambda = nullptr);

// CG-SENSE: the same without gradients, from 0, into x.
void cg_sense(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b, const ConjugateGradientOptions& options,
              const Tensor& x, Arena& workspace);

}  // namespace gleam::modules
