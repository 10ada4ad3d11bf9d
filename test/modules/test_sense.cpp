#include "modules/conjugate_gradient.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

TEMPLATE_TEST_CASE("sense_adjoint is the adjoint of sense_forward", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Shape& s : {Shape{1, 1, 3, 1, 8, 6}, Shape{2, 1, 2, 1, 7, 5}, Shape{1, 1, 1, 1, 1, 11}, Shape{1, 1, 4, 1, 13, 16}}) {
        const Shape image{s[0], 1, 1, 1, s[4], s[5]};
        const auto maps = random_array<C>(s, 1), x = random_array<C>(image, 2), y = random_array<C>(s, 3);
        Array<TestType> mask(image);
        Philox random(1, Purpose::test);
        for (auto& m : mask.values) m = random.uniform() < 0.5 ? TestType(1) : TestType(0);
        mask[0] = 1;
        Array<C> ax(s), ahy(image), scratch = y;
        sense_forward(*b.ops, x.view(), maps.view(), mask.view(), 2, ax.view(), b.workspace);
        sense_adjoint(*b.ops, scratch.view(), maps.view(), mask.view(), 2, ahy.view(), b.workspace);
        CHECK(adjoint_error(x, ax, y, ahy) < adjoint_bound<TestType>());
    }
}

TEST_CASE("Conjugate gradient solves (A^H A + lambda) x = b per sample, and leaves an all-zero sample at zero") {
    using C = std::complex<double>;
    Bench b;
    const Shape coils{3, 1, 2, 1, 6, 5}, image{3, 1, 1, 1, 6, 5};
    const auto maps = random_array<C>(coils, 1);
    Array<double> mask(image), folded(image);
    for (std::int64_t i = 0; i < mask.elements(); ++i) mask[i] = i % 3 ? 1 : 0;
    b.ops->normal_mask(mask.view(), 2, folded.view());
    const SenseOperator sense{maps.view(), folded.view(), 2};
    auto rhs = random_array<C>(image, 2);
    std::fill_n(rhs.slice(1), 30, C(0));
    Array<C> x(image), check(image);
    conjugate_gradient(*b.ops, sense, rhs.view(), {80, 0.1}, x.view(), b.workspace);
    sense.normal(*b.ops, x.view(), {1, 0.1, 0, nullptr}, check.view(), b.workspace);
    CHECK(relative_error(check, rhs) < 1e-9);
    for (std::int64_t i = 30; i < 60; ++i) CHECK(x[i] == C(0));

    Array<C> alone(Shape{1, 1, 1, 1, 6, 5});
    const SenseOperator first{maps.view().slice(0), folded.view().slice(0), 2};
    conjugate_gradient(*b.ops, first, rhs.view().slice(0), {5, 0.1}, alone.view(), b.workspace);
    conjugate_gradient(*b.ops, sense, rhs.view(), {5, 0.1}, x.view(), b.workspace);
    for (std::int64_t i = 0; i < 30; ++i) CHECK(std::abs(x[i] - alone[i]) < 1e-14);
}
