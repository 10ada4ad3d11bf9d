#include "modules/unroll.hpp"
#include "test/support/catch.hpp"
#include "test/support/gradients.hpp"
#include "test/support/sense_problem.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

namespace {

using C = std::complex<double>;
constexpr double bound = 1e-6;

}  // namespace

TEST_CASE("Each differentiable function has the gradient of its finite differences") {
    OwnedPack owned;
    const int weights = owned.pack.add("w", Shape{4, 3, 1, 3, 3}, 0.3, 0, 0), bias = owned.pack.add("b", Shape{4}, 0.3, 0, 1);
    owned.bind();
    const auto x = random_array<double>(Shape{2, 1, 6, 5, 3}, 5);

    SECTION("activation, in place of its input where that may be replaced and elsewhere") {
        for (double slope : {0.0, 0.1}) {
            const auto apart = [&](Context& c, const ParameterPack&, const Var& v) { return activate(c, v, slope); };
            CHECK(gradient_errors<double>(apart, owned, x, 1e-5).input < bound);
            const auto in_place = [&](Context& c, const ParameterPack&, const Var& v) {
                return activate(c, add(c, v, v), slope);
            };
            CHECK(gradient_errors<double>(in_place, owned, x, 1e-5).input < bound);
        }
    }
    SECTION("convolution by its input, weights and bias") {
        const auto f = [&](Context& c, const ParameterPack& p, const Var& v) {
            const Parameter b = p.parameter(bias);
            return convolution(c, v, p.parameter(weights), &b, {0, 1, 1}, DType::f64);
        };
        const auto e = gradient_errors<double>(f, owned, x);
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
    SECTION("convolution with a border and an activation, by its input, weights and bias") {
        using kernels::BorderMode;
        for (auto mode : {BorderMode::zero, BorderMode::reflect, BorderMode::replicate, BorderMode::circular})
            for (double slope : {1.0, 0.0, 0.1}) {
                const kernels::Border border{kernels::on_every_axis(mode), {0, 1, 1}, slope};
                const auto f = [&](Context& c, const ParameterPack& p, const Var& v) {
                    const Parameter b = p.parameter(bias);
                    return bordered_convolution(c, v, border, p.parameter(weights), &b, DType::f64);
                };
                const auto e = gradient_errors<double>(f, owned, x, 1e-5);
                CHECK(e.input < bound);
                CHECK(e.parameters < bound);
            }
    }
    SECTION("instance normalisation") {
        const auto f = [&](Context& c, const ParameterPack&, const Var& v) { return normalize(c, v, 1e-5); };
        CHECK(gradient_errors<double>(f, owned, x).input < bound);
    }
    SECTION("a value used three times collects all its gradients") {
        const auto f = [&](Context& c, const ParameterPack&, const Var& v) { return add(c, add(c, v, v), activate(c, v, 0)); };
        CHECK(gradient_errors<double>(f, owned, x, 1e-5).input < bound);
    }
}

TEST_CASE("Functions of vectors and scalars have the gradients of their finite differences") {
    OwnedPack owned;
    const int weight = owned.pack.add("weight", Shape{1}, 0, 0, 0, 0.7);
    owned.bind();
    const auto x = random_array<C>(Shape{3, 1, 1, 1, 4, 5}, 5), other = random_array<C>(x.shape, 6);
    const auto errors = [&](const Function& f) { return gradient_errors<C>(f, owned, x, 1e-5); };

    SECTION("a learned multiple, by vector and weight") {
        const auto e = errors([&](Context& c, const ParameterPack& p, const Var& v) {
            return add_multiple(c, {-2, p.parameter(weight)}, v, add_multiple(c, {3}, v, c.tape.constant(other.view())));
        });
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
    SECTION("a multiple by a quotient of inner products, per sample and over the batch") {
        for (bool batch : {false, true}) {
            const auto e = errors([&](Context& c, const ParameterPack&, const Var& v) {
                const Var o = c.tape.constant(other.view());
                return add_quotient(c, -1, inner(c, v, o, batch), inner(c, v, v, batch), v, add(c, v, o));
            });
            CHECK(e.input < bound);
        }
    }
}

TEST_CASE(
    "The data-consistency step has the gradient of its finite differences, with a fixed and a learned step, in every physics") {
    for (const Physics& physics : all_physics)
        for (bool learned : {false, true}) {
            INFO(physics.name);
            OwnedPack owned;
            const int step = owned.pack.add("step", Shape{1}, 0, 0, 0, 2.0);
            owned.bind();
            const SenseProblem p(physics, 2, 3);
            const auto f = [&](Context& c, const ParameterPack& pack, const Var& v) {
                return gradient_step(c, v, p.sense, p.zero_filled.view(),
                                     learned ? Scalar{1, pack.parameter(step)} : Scalar{2.0});
            };
            const auto e = gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9));
            CHECK(e.input < bound);
            if (learned) CHECK(e.parameters < bound);
        }
}

TEST_CASE("An unrolled iteration of either kind has the gradient of its finite differences in every physics") {
    for (const Physics& physics : all_physics) {
        if (physics.height == 1) continue;  // nothing to mirror at the border
        for (DataConsistency consistency : {DataConsistency::gradient, DataConsistency::conjugate_gradient})
            for (bool learned : {false, true}) {
                INFO(physics.name << (learned ? ", learned " : ", fixed ")
                                  << (consistency == DataConsistency::gradient ? "step" : "lambda"));
                UnrollOptions o;
                o.consistency = consistency, o.learned = learned;
                o.solver.iterations = 3, o.solver.lambda = 0.4, o.solver.gradient = SolverGradient::unrolled;
                o.regularizer.channels = 2 * static_cast<int>(physics.sets);
                o.regularizer.features = 3, o.regularizer.layers = 3;
                if (consistency == DataConsistency::conjugate_gradient) o.regularizer.architecture = Architecture::revnet;
                if (physics.frames * physics.depth > 1) {
                    o.regularizer.depth = true, o.regularizer.activation = Activation::after;
                    o.regularizer.border = kernels::on_every_axis(kernels::BorderMode::replicate);
                }
                OwnedPack owned;
                const Unroll first(o, owned.pack, 0), second(o, owned.pack, 1);
                owned.bind();
                const SenseProblem p(physics, 2, 3);
                const auto f = [&](Context& c, const ParameterPack& pack, const Var& v) {
                    const Var x = first.forward(c, pack, v, p.sense, p.zero_filled.view());
                    return second.forward(c, pack, x, p.sense, p.zero_filled.view());
                };
                // So short a step that hardly any ReLU changes sides within it.
                const auto e = gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9), 3e-7);
                CHECK(e.input < bound);
                CHECK(e.parameters < bound);
            }
    }
}
