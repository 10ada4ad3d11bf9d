#include "modules/conjugate_gradient.hpp"
#include "test/support/catch.hpp"
#include "test/support/gradients.hpp"
#include "test/support/sense_problem.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

namespace {

using C = std::complex<double>;

// Bytes of activations of one forward and backward pass.
std::size_t activation_bytes(SolverGradient gradient, int iterations) {
    const SenseProblem p({"2D", 1, 1, 16, 16, 1, 0}, 1, 2);
    Bench b;
    b.ops->set_planning(true);
    Arena activations("activations"), workspace("workspace");
    ArenaProgram program, scratch;
    activations.book(program);
    workspace.book(scratch);
    {
        Tape tape(activations, true);
        Context c{*b.ops, tape, workspace};
        const Var rhs = tape.leaf(p.zero_filled.view());
        ConjugateGradientOptions options{iterations, 0.1};
        options.gradient = gradient;
        const Var x = conjugate_gradient(c, p.sense, rhs, nullptr, options);
        backpropagate(c, x, {{kernels::LossKind::l2, 1}}, 1, p.zero_filled.view(), Tensor{nullptr, DType::f64, Shape{1}, {}});
    }
    activations.finish_booking();
    return program.bytes();
}

}  // namespace

TEST_CASE("Conjugate gradient solves (A^H A + lambda) x = b in every physics") {
    Bench b;
    for (const Physics& physics : all_physics) {
        INFO(physics.name);
        const SenseProblem p(physics, 2, 3);
        const auto rhs = random_array<C>(p.zero_filled.shape, 7);
        Array<C> x(rhs.shape), check(rhs.shape);
        cg_sense(*b.ops, p.sense, rhs.view(), {80, 0.1}, x.view(), b.workspace);
        p.sense.normal(*b.ops, x.view(), {1, 0.1, 0, nullptr}, check.view(), b.workspace);
        CHECK(relative_error(check, rhs) < 1e-9);
    }
}

TEST_CASE("Each sample is solved for itself, and an all-zero one gives zeros") {
    Bench b;
    const SenseProblem p(all_physics[0], 3, 2);
    auto rhs = random_array<C>(p.zero_filled.shape, 2);
    std::fill_n(rhs.slice(1), 30, C(0));
    Array<C> x(rhs.shape), alone(Shape{1, 1, 1, 1, 6, 5});
    cg_sense(*b.ops, p.sense, rhs.view(), {5, 0.1}, x.view(), b.workspace);
    for (std::int64_t i = 30; i < 60; ++i) CHECK(x[i] == C(0));
    const SenseOperator first{p.maps.view().slice(0), p.folded.view().slice(0), 2};
    cg_sense(*b.ops, first, rhs.view().slice(0), {5, 0.1}, alone.view(), b.workspace);
    for (std::int64_t i = 0; i < 30; ++i) CHECK(std::abs(x[i] - alone[i]) < 1e-14);
}

TEST_CASE("With inner products over the batch the other samples change a result, as in the published code") {
    Bench b;
    const SenseProblem p(all_physics[0], 2, 2);
    Array<C> own(p.zero_filled.shape), common(p.zero_filled.shape);
    ConjugateGradientOptions options{3, 0.1};
    cg_sense(*b.ops, p.sense, p.zero_filled.view(), options, own.view(), b.workspace);
    options.inner_products = InnerProducts::batch;
    cg_sense(*b.ops, p.sense, p.zero_filled.view(), options, common.view(), b.workspace);
    CHECK(relative_error(common, own) > 1e-3);
    options.iterations = 60;  // both converge to the same solution
    cg_sense(*b.ops, p.sense, p.zero_filled.view(), options, common.view(), b.workspace);
    options.inner_products = InnerProducts::per_sample;
    cg_sense(*b.ops, p.sense, p.zero_filled.view(), options, own.view(), b.workspace);
    CHECK(relative_error(common, own) < 1e-9);
}

TEST_CASE("With a tolerance each sample stops at the first iterate whose residual is small enough") {
    Bench b;
    const SenseProblem p(all_physics[0], 2, 2);
    const auto residual = [&](const Array<C>& x, std::int64_t sample) {
        Array<C> r(x.shape);
        const Tensor rhs = p.zero_filled.view();
        p.sense.normal(*b.ops, x.view(), {-1, -0.1, 1, &rhs}, r.view(), b.workspace);
        double r2 = 0, b2 = 0;
        for (std::int64_t i = 30 * sample; i < 30 * (sample + 1); ++i) r2 += std::norm(r[i]), b2 += std::norm(p.zero_filled[i]);
        return std::sqrt(r2 / b2);
    };
    Array<C> stopped(p.zero_filled.shape), fixed(p.zero_filled.shape);
    ConjugateGradientOptions options{100, 0.1, 1e-3};
    cg_sense(*b.ops, p.sense, p.zero_filled.view(), options, stopped.view(), b.workspace);
    for (std::int64_t n : {0, 1}) {
        CHECK(residual(stopped, n) <= 1e-3);
        for (int iterations = 1;; ++iterations) {
            cg_sense(*b.ops, p.sense, p.zero_filled.view(), {iterations, 0.1}, fixed.view(), b.workspace);
            if (residual(fixed, n) > 1e-3) continue;
            for (std::int64_t i = 30 * n; i < 30 * (n + 1); ++i) CHECK(stopped[i] == fixed[i]);
            break;
        }
    }
}

TEST_CASE("The unrolled gradient is that of the finite differences, by right-hand side, start and lambda, in every physics") {
    for (const Physics& physics : all_physics)
        for (InnerProducts products : {InnerProducts::per_sample, InnerProducts::batch}) {
            INFO(physics.name);
            const SenseProblem p(physics, 2, 3);
            OwnedPack owned;
            const int lambda = owned.pack.add("lambda", Shape{1}, 0, 0, 0, 0.3);
            owned.bind();
            ConjugateGradientOptions options{3};
            options.gradient = SolverGradient::unrolled;
            options.inner_products = products;
            const auto f = [&](Context& c, const ParameterPack& pack, const Var& v) {
                const Parameter l = pack.parameter(lambda);
                const Var b = add_multiple(c, {1, l}, v, c.tape.constant(p.zero_filled.view()));
                return conjugate_gradient(c, p.sense, b, &v, options, &l);
            };
            const auto e = gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9), 1e-4);
            CHECK(e.input < 1e-6);
            CHECK(e.parameters < 1e-6);
        }
}

TEST_CASE(
    "The implicit gradient is that of the finite differences when the solve has converged, and then equals the unrolled one") {
    for (const Physics& physics : all_physics) {
        INFO(physics.name);
        const SenseProblem p(physics, 2, 3);
        for (SolverGradient gradient : {SolverGradient::implicit, SolverGradient::unrolled}) {
            OwnedPack owned;
            const int lambda = owned.pack.add("lambda", Shape{1}, 0, 0, 0, 0.5);
            owned.bind();
            // Not further than to convergence: past it, the unrolled gradient divides rounding errors by one another.
            ConjugateGradientOptions options{40, 0, 1e-12};
            options.gradient = gradient;
            const auto f = [&](Context& c, const ParameterPack& pack, const Var& v) {
                const Parameter l = pack.parameter(lambda);
                const Var b = add_multiple(c, {1, l}, v, c.tape.constant(p.zero_filled.view()));
                return conjugate_gradient(c, p.sense, b, &v, options, &l);
            };
            const auto e = gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9), 1e-4);
            CHECK(e.input < 1e-6);
            CHECK(e.parameters < 1e-6);
        }
    }
}

TEST_CASE("The gradient of an all-zero sample is zero, not NaN") {
    const SenseProblem p(all_physics[0], 1, 2);
    for (SolverGradient gradient : {SolverGradient::implicit, SolverGradient::unrolled}) {
        Bench b;
        Arena activations("activations");
        activations.serve_on_demand(b.ops->allocator());
        Tape tape(activations, true);
        Context c{*b.ops, tape, b.workspace};
        Array<C> zeros(p.zero_filled.shape);
        Array<double> value(Shape{1});
        const Var rhs = tape.leaf(zeros.view());
        ConjugateGradientOptions options{4, 0.1};
        options.gradient = gradient;
        const Var x = conjugate_gradient(c, p.sense, rhs, nullptr, options);
        backpropagate(c, x, {{kernels::LossKind::l1, 1}}, 1, zeros.view(), value.view());
        for (std::int64_t i = 0; i < zeros.elements(); ++i) {
            CHECK(x.tensor().as<C>()[i] == C(0));
            CHECK(rhs.gradient()->buffer->tensor.as<C>()[i] == C(0));
        }
    }
}

TEST_CASE("The implicit gradient needs the same memory for any number of iterations, the unrolled one ever more") {
    const std::size_t few = activation_bytes(SolverGradient::implicit, 2), many = activation_bytes(SolverGradient::implicit, 50);
    CHECK(few == many);
    CHECK(many <= 9 * 16 * 16 * sizeof(C));
    const std::size_t image = 16 * 16 * sizeof(C);
    CHECK(activation_bytes(SolverGradient::unrolled, 12) >= activation_bytes(SolverGradient::unrolled, 2) + 20 * image);
}
