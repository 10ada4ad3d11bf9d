#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

struct Case {
    std::int64_t n, t, c, z, y, x;
    int rank;
};

// Size 1, odd, prime, one coil, stacks of slices, frames that share maps, volumes.
const Case cases[] = {{1, 1, 1, 1, 1, 1, 2},  {1, 1, 3, 1, 8, 6, 2},  {2, 1, 4, 1, 7, 5, 2}, {1, 1, 8, 1, 32, 17, 2},
                      {1, 1, 1, 1, 1, 13, 2}, {3, 1, 2, 1, 9, 16, 2}, {1, 3, 2, 1, 6, 5, 2}, {1, 1, 2, 3, 4, 5, 2},
                      {2, 1, 3, 4, 5, 6, 3},  {1, 2, 2, 3, 7, 4, 3}};

Shape image_shape(const Case& k) { return {k.n, k.t, 1, k.z, k.y, k.x}; }
Shape coil_shape(const Case& k) { return {k.n, k.t, k.c, k.z, k.y, k.x}; }
Shape shared_shape(const Case& k, std::int64_t coils) { return {k.n, 1, coils, k.z, k.y, k.x}; }

template <class T>
Array<T> random_mask(const Shape& shape) {
    Array<T> mask(shape);
    Philox random(5, Purpose::test);
    for (auto& m : mask.values) m = random.uniform() < 0.5 ? T(1) : T(0);
    return mask;
}

// F by its definition, centred and orthonormal, along the last axis of [rows, n].
std::vector<std::complex<double>> centred_dft(const std::vector<std::complex<double>>& x) {
    const auto n = static_cast<std::int64_t>(x.size());
    std::vector<std::complex<double>> y(x.size());
    for (std::int64_t k = 0; k < n; ++k)
        for (std::int64_t i = 0; i < n; ++i)
            y[std::size_t(k)] += x[std::size_t(i)] *
                                 std::polar(1 / std::sqrt(double(n)), -2 * M_PI * double((i - n / 2) * (k - n / 2)) / double(n));
    return y;
}

}  // namespace

TEMPLATE_TEST_CASE("coil_combine is the adjoint of coil_expand", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases) {
        const auto maps = random_array<C>(shared_shape(k, k.c), 1), x = random_array<C>(image_shape(k), 2),
                   y = random_array<C>(coil_shape(k), 3);
        Array<C> ax(coil_shape(k)), ahy(image_shape(k));
        b.ops->coil_expand(x.view(), maps.view(), ax.view());
        b.ops->coil_combine(y.view(), maps.view(), ahy.view());
        CHECK(adjoint_error(x, ax, y, ahy) < adjoint_bound<TestType>());
    }
}

TEMPLATE_TEST_CASE("The inverse Fourier transform is the adjoint and the inverse of the forward one", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<C>(coil_shape(k), 1), y = random_array<C>(coil_shape(k), 2);
        auto fx = x, fhy = y;
        b.ops->fft(FftDirection::forward, k.rank, fx.view(), b.workspace);
        b.ops->fft(FftDirection::inverse, k.rank, fhy.view(), b.workspace);
        CHECK(adjoint_error(x, fx, y, fhy) < adjoint_bound<TestType>());
        CHECK(norm(fx) == Approx(norm(x)).epsilon(1e-5));
        b.ops->fft(FftDirection::inverse, k.rank, fx.view(), b.workspace);
        CHECK(relative_error(fx, x) < adjoint_bound<TestType>());
    }
}

TEST_CASE("The Fourier transform is centred for even and odd sizes, as its definition says") {
    Bench b;
    for (std::int64_t n : {1, 2, 3, 4, 6, 7, 9, 16}) {
        const auto x = random_array<std::complex<double>>(Shape{1, 1, n}, 1);
        auto fx = x;
        b.ops->fft(FftDirection::forward, 2, fx.view(), b.workspace);
        const auto expected = centred_dft(x.values);
        for (std::int64_t i = 0; i < n; ++i) CHECK(std::abs(fx[i] - expected[std::size_t(i)]) < 1e-12);
    }
}

TEMPLATE_TEST_CASE("sense_normal equals expand, transform, mask, transform back, combine", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases) {
        const auto maps = random_array<C>(shared_shape(k, k.c), 1), x = random_array<C>(image_shape(k), 2),
                   rhs = random_array<C>(image_shape(k), 4);
        const auto mask = random_mask<TestType>(shared_shape(k, 1));
        Array<C> coils(coil_shape(k)), expected(image_shape(k)), out(image_shape(k));
        b.ops->coil_expand(x.view(), maps.view(), coils.view());
        b.ops->fft(FftDirection::forward, k.rank, coils.view(), b.workspace);
        b.ops->mask_multiply(mask.view(), coils.view());
        b.ops->fft(FftDirection::inverse, k.rank, coils.view(), b.workspace);
        b.ops->coil_combine(coils.view(), maps.view(), expected.view());
        for (std::int64_t i = 0; i < expected.elements(); ++i)
            expected[i] = TestType(-2) * expected[i] + TestType(0.5) * x[i] + TestType(3) * rhs[i];

        Array<TestType> folded(mask.shape);
        b.ops->normal_mask(mask.view(), k.rank, folded.view());
        const Tensor rhs_view = rhs.view();
        b.ops->sense_normal(x.view(), maps.view(), folded.view(), k.rank, NormalTerms{-2, 0.5, 3, &rhs_view}, out.view(),
                            b.workspace);
        CHECK(relative_error(out, expected) < adjoint_bound<TestType>());
    }
}

TEMPLATE_TEST_CASE("sense_normal is its own adjoint", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases) {
        const auto maps = random_array<C>(shared_shape(k, k.c), 1), x = random_array<C>(image_shape(k), 2),
                   y = random_array<C>(image_shape(k), 3);
        auto mask = random_mask<TestType>(shared_shape(k, 1));
        mask[0] = 1;
        Array<TestType> folded(mask.shape);
        b.ops->normal_mask(mask.view(), k.rank, folded.view());
        Array<C> ax(image_shape(k)), ay(image_shape(k));
        b.ops->sense_normal(x.view(), maps.view(), folded.view(), k.rank, NormalTerms{}, ax.view(), b.workspace);
        b.ops->sense_normal(y.view(), maps.view(), folded.view(), k.rank, NormalTerms{}, ay.view(), b.workspace);
        CHECK(adjoint_error(x, ax, y, ay) < adjoint_bound<TestType>());
    }
}

TEST_CASE("Operations on coils refuse shapes that do not fit, naming them") {
    Bench b;
    const auto maps = random_array<std::complex<float>>(Shape{1, 1, 4, 1, 8, 8}, 1);
    const auto x = random_array<std::complex<float>>(Shape{1, 1, 1, 1, 8, 7}, 2);
    Array<std::complex<float>> out(Shape{1, 1, 4, 1, 8, 8});
    CHECK_THROWS_WITH(b.ops->coil_expand(x.view(), maps.view(), out.view()),
                      ContainsSubstring("coil_expand") && ContainsSubstring("8, 7"));
    const auto doubles = random_array<std::complex<double>>(Shape{1, 1, 1, 1, 8, 8}, 2);
    CHECK_THROWS_AS(b.ops->coil_expand(doubles.view(), maps.view(), out.view()), ShapeError);
}
