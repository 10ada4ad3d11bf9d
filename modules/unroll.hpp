// One unrolled iteration: data consistency and a learned regulariser D.
//
//   gradient (PGD)             z = x - step (A^H A x - A^H y);   result D(z)
//   conjugate_gradient (MoDL)  z = D(x);   result: the solution of (A^H A + lambda) x' = A^H y + lambda z, started at x
#pragma once

#include "modules/conjugate_gradient.hpp"
#include "modules/regularizer.hpp"

namespace gleam::modules {

enum class DataConsistency : std::uint8_t { gradient, conjugate_gradient };

struct UnrollOptions {
    DataConsistency consistency = DataConsistency::gradient;
    double step = 2.0;                // of the gradient step; 2 is admissible because A^H A <= I for maps of unit norm
    bool learned = false;             // step or lambda is a parameter of the unroll and starts at the value given
    ConjugateGradientOptions solver;  // holds lambda
    RegularizerOptions regularizer;
};

class Unroll {
public:
    // Unroll `number` of the whole network; its parameters are named unroll{number}/...
    Unroll(const UnrollOptions& options, ParameterPack& pack, int number);

    // x and the result: complex image [N, T, 1, Z, Y, X(, E)].
    Var forward(Context& context, const ParameterPack& pack, const Var& x, const SenseOperator& sense,
                const Tensor& zero_filled) const;

    // MoDL with a revnet can be run backwards: the x whose result would be `out`. First z = (A^H A out + lambda out - A^H y) / lambda,
    // by the normal equations, exact when the solve has converged; then D(x) = z by `iterations` of x <- x + (z - D(x)) from z, that
    // is x <- z - g(x) for D = 1 + g, which converges where g is a contraction (Kellman et al. 2020, memory-efficient learning).
    // Keeps nothing for a backward pass. InternalError for other unrolls.
    Var inverse(Context& context, const ParameterPack& pack, const Tensor& out, const SenseOperator& sense,
                const Tensor& zero_filled, int iterations) const;

    // D alone, of an image.
    Var regularize(Context& context, const ParameterPack& pack, const Var& x) const;

private:
    UnrollOptions options_;
    std::shared_ptr<const Regularizer> regularizer_;
    int learned_ = -1;  // number of the learned step or lambda
};

}  // namespace gleam::modules
