#include "modules/sense.hpp"
#include "test/support/catch.hpp"
#include "test/support/sense_problem.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

using C = std::complex<double>;

TEST_CASE("sense_adjoint is the adjoint of sense_forward in every physics, centred or not") {
    Bench b;
    for (const Physics& physics : all_physics)
        for (bool centred : {true, false}) {
            INFO(physics.name);
            const SenseProblem p(physics, 2, 3);
            Shape coils{2, physics.frames, 3, physics.depth, physics.height, physics.width};
            const auto x = random_array<C>(p.zero_filled.shape, 5), y = random_array<C>(coils, 6);
            Array<C> ax(coils), ahy(x.shape), scratch = y;
            const kernels::Fourier fourier{physics.rank(), centred};
            sense_forward(*b.ops, x.view(), p.maps.view(), p.mask.view(), fourier, ax.view(), b.workspace);
            sense_adjoint(*b.ops, scratch.view(), p.maps.view(), p.mask.view(), fourier, ahy.view(), b.workspace);
            CHECK(adjoint_error(x, ax, y, ahy) < 1e-12);
        }
}

TEST_CASE("The normal operator is the adjoint after the forward operator, its own adjoint, and at most the identity") {
    Bench b;
    for (const Physics& physics : all_physics) {
        INFO(physics.name);
        const SenseProblem p(physics, 2, 3);
        const auto x = random_array<C>(p.zero_filled.shape, 5), y = random_array<C>(p.zero_filled.shape, 6);
        Array<C> coils(Shape{2, physics.frames, 3, physics.depth, physics.height, physics.width}), expected(x.shape), nx(x.shape),
            ny(x.shape);
        sense_forward(*b.ops, x.view(), p.maps.view(), p.mask.view(), physics.rank(), coils.view(), b.workspace);
        sense_adjoint(*b.ops, coils.view(), p.maps.view(), p.mask.view(), physics.rank(), expected.view(), b.workspace);
        p.sense.normal(*b.ops, x.view(), {}, nx.view(), b.workspace);
        p.sense.normal(*b.ops, y.view(), {}, ny.view(), b.workspace);
        CHECK(relative_error(nx, expected) < 1e-12);
        CHECK(adjoint_error(x, nx, y, ny) < 1e-12);
        CHECK(norm(nx) <= norm(x) * (1 + 1e-12));
    }
}

TEST_CASE("A single coil with unit maps is a plain Fourier transform") {
    Bench b;
    const Shape shape{1, 1, 1, 1, 6, 5};
    Array<C> maps(shape), y(shape);
    for (C& s : maps.values) s = 1;
    Array<double> mask(shape);
    for (double& m : mask.values) m = 1;
    const auto x = random_array<C>(shape, 1);
    auto expected = x;
    b.ops->fft(kernels::FftDirection::forward, 2, expected.view(), b.workspace);
    sense_forward(*b.ops, x.view(), maps.view(), mask.view(), 2, y.view(), b.workspace);
    CHECK(relative_error(y, expected) < 1e-14);
}
