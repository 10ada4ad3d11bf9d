#include "modules/conjugate_gradient.hpp"

#include <utility>

namespace gleam::modules {
namespace {

// On a recording tape every line is differentiable, and what its backward pass needs is kept.
Var solve(Context& c, const SenseOperator& sense, const Var& b, const Var* start, const ConjugateGradientOptions& o,
          const Scalar& lambda) {
    const bool whole = o.inner_products == InnerProducts::batch;
    Var x, r;
    if (start) {
        x = *start;
        r = sense_normal(c, sense, x, {-1, {-lambda.factor, lambda.learned}, 1, &b});
    } else {
        const Tensor& t = b.tensor();
        x = c.tape.result(c.tape.allocate("solution", t.dtype, t.shape, t.device), false);
        c.ops.fill_zero(x.tensor());
        r = b;
    }
    Var rho_of_b;
    const auto stop_where_converged = [&](const Var& rho) {
        if (o.tolerance > 0) c.ops.drop_below(o.tolerance * o.tolerance, rho_of_b.tensor(), rho.tensor());
    };
    if (o.tolerance > 0) rho_of_b = inner(c, b, b, whole);

    Var p = r, rho = inner(c, r, r, whole);
    stop_where_converged(rho);
    for (int i = 0; i < o.iterations; ++i) {
        const Var q = sense_normal(c, sense, p, {1, lambda, 0, nullptr, &rho.tensor()});
        const Var curvature = inner(c, p, q, whole);
        x = add_quotient(c, 1, rho, curvature, p, std::move(x));
        if (i + 1 == o.iterations) break;
        r = add_quotient(c, -1, rho, curvature, q, std::move(r));
        Var rho_new = inner(c, r, r, whole);
        stop_where_converged(rho_new);
        p = add_quotient(c, 1, rho_new, rho, std::move(p), r);
        rho = std::move(rho_new);
    }
    return x;
}

}  // namespace

Var conjugate_gradient(Context& c, const SenseOperator& sense, const Var& b, const Var* start, const ConjugateGradientOptions& o,
                       const Parameter* learned_lambda) {
    const Scalar lambda = learned_lambda ? Scalar{1, *learned_lambda} : Scalar{o.lambda};
    if (o.gradient == SolverGradient::unrolled || !c.tape.recording()) return solve(c, sense, b, start, o, lambda);

    // With M x = b and M its own adjoint, the gradient by b is M^-1 g, and the one by lambda - <M^-1 g, x>.
    Tape silent(c.tape.activations(), false);
    Context quiet{c.ops, silent, c.workspace};
    Var x = solve(quiet, sense, b, start, o, lambda);
    Var out = c.tape.result(x.buffer(), b.needs_gradient() || lambda.learned);
    c.tape.record(out, [c, sense, o, lambda, of_b = b.gradient(),
                        solution = lambda.learned ? x.buffer() : nullptr](const BufferPtr& incoming) mutable {
        Tape tape(c.tape.activations(), false);
        Context backward{c.ops, tape, c.workspace};
        const Var adjoint = solve(backward, sense, tape.constant(incoming->tensor), nullptr, o, lambda);
        if (lambda.learned) {
            const BufferPtr t = c.tape.allocate("inner product", DType::f64, Shape{1}, incoming->tensor.device);
            c.ops.dot(adjoint.tensor(), solution->tensor, t->tensor);
            c.ops.add_quotient_scalars_acc(-lambda.factor, lambda.learned->value, nullptr, t->tensor, &lambda.learned->gradient,
                                           nullptr);
        }
        if (of_b) contribute(c, of_b, adjoint.buffer());
    });
    return out;
}

void cg_sense(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b, const ConjugateGradientOptions& o,
              const Tensor& x, Arena& workspace) {
    Tape tape(workspace, false);
    Context c{ops, tape, workspace};
    ops.copy(solve(c, sense, tape.constant(b), nullptr, o, Scalar{o.lambda}).tensor(), x);
}

}  // namespace gleam::modules
