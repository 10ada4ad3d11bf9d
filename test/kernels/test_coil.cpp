#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

struct Case {
    std::int64_t n, t, c, z, y, x;
    int rank;
    std::int64_t sets = 1;
};

// Size 1, odd, prime, one coil, stacks of slices, frames that share maps, volumes, several map sets.
const Case cases[] = {{1, 1, 1, 1, 1, 1, 2},   {1, 1, 3, 1, 8, 6, 2},  {2, 1, 4, 1, 7, 5, 2},    {1, 1, 8, 1, 32, 17, 2},
                      {1, 1, 1, 1, 1, 13, 2},  {3, 1, 2, 1, 9, 16, 2}, {1, 3, 2, 1, 6, 5, 2},    {1, 1, 2, 3, 4, 5, 2},
                      {2, 1, 3, 4, 5, 6, 3},   {1, 2, 2, 3, 7, 4, 3},  {2, 1, 4, 1, 7, 6, 2, 2}, {1, 3, 2, 1, 5, 4, 2, 3},
                      {1, 1, 3, 3, 4, 5, 3, 2}};

Shape with_sets(const Case& k, Shape shape) {
    if (k.sets > 1) shape.append(k.sets);
    return shape;
}
Shape image_shape(const Case& k) { return with_sets(k, {k.n, k.t, 1, k.z, k.y, k.x}); }
Shape coil_shape(const Case& k) { return {k.n, k.t, k.c, k.z, k.y, k.x}; }
Shape maps_shape(const Case& k) { return with_sets(k, {k.n, 1, k.c, k.z, k.y, k.x}); }
Shape mask_shape(const Case& k) { return {k.n, 1, 1, k.z, k.y, k.x}; }

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
        const auto maps = random_array<C>(maps_shape(k), 1), x = random_array<C>(image_shape(k), 2),
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
        const auto maps = random_array<C>(maps_shape(k), 1), x = random_array<C>(image_shape(k), 2),
                   rhs = random_array<C>(image_shape(k), 4);
        const auto mask = random_mask<TestType>(mask_shape(k));
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
        CHECK_THROWS_WITH(b.ops->sense_normal(x.view(), maps.view(), folded.view(), k.rank, NormalTerms{1, 0, 3, &rhs_view},
                                              rhs.view(), b.workspace),
                          ContainsSubstring("neither x nor b"));
    }
}

TEMPLATE_TEST_CASE("sense_normal is its own adjoint", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases) {
        const auto maps = random_array<C>(maps_shape(k), 1), x = random_array<C>(image_shape(k), 2),
                   y = random_array<C>(image_shape(k), 3);
        auto mask = random_mask<TestType>(mask_shape(k));
        mask[0] = 1;
        Array<TestType> folded(mask.shape);
        b.ops->normal_mask(mask.view(), k.rank, folded.view());
        Array<C> ax(image_shape(k)), ay(image_shape(k));
        b.ops->sense_normal(x.view(), maps.view(), folded.view(), k.rank, NormalTerms{}, ax.view(), b.workspace);
        b.ops->sense_normal(y.view(), maps.view(), folded.view(), k.rank, NormalTerms{}, ay.view(), b.workspace);
        CHECK(adjoint_error(x, ax, y, ay) < adjoint_bound<TestType>());
    }
}

TEMPLATE_TEST_CASE("A mask constant along axes of length 1 gives the same normal operator as one written out", "", float,
                   double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& k : cases)
        for (int constant : {3, 4, 5}) {
            const auto maps = random_array<C>(maps_shape(k), 1), x = random_array<C>(image_shape(k), 2);
            Shape thin = mask_shape(k);
            thin[constant] = 1;
            auto mask = random_mask<TestType>(thin);
            Array<TestType> full(mask_shape(k)), folded(thin), full_folded(full.shape);
            const Shape& s = full.shape;
            for (std::int64_t i = 0; i < full.elements(); ++i) {
                const std::int64_t n = i / (s[3] * s[4] * s[5]), z = i / (s[4] * s[5]) % s[3], y = i / s[5] % s[4], w = i % s[5];
                const auto at = [&](int axis, std::int64_t v) { return axis == constant ? 0 : v; };
                full[i] = mask[((n * thin[3] + at(3, z)) * thin[4] + at(4, y)) * thin[5] + at(5, w)];
            }
            for (bool centred : {true, false}) {
                b.ops->normal_mask(mask.view(), {k.rank, centred}, folded.view());
                b.ops->normal_mask(full.view(), {k.rank, centred}, full_folded.view());
                Array<C> fast(x.shape), slow(x.shape);
                b.ops->sense_normal(x.view(), maps.view(), folded.view(), k.rank, NormalTerms{}, fast.view(), b.workspace);
                b.ops->sense_normal(x.view(), maps.view(), full_folded.view(), k.rank, NormalTerms{}, slow.view(), b.workspace);
                for (auto& v : slow.values) v += TestType(1);  // a mask may be all zero
                for (auto& v : fast.values) v += TestType(1);
                CHECK(relative_error(fast, slow) < adjoint_bound<TestType>());
            }
            auto y = random_array<C>(coil_shape(k), 5), z = y;
            b.ops->mask_multiply(mask.view(), y.view());
            b.ops->mask_multiply(full.view(), z.view());
            CHECK(y.values == z.values);
        }
}

TEST_CASE("An uncentred transform has its origins at index 0, and an uncentred normal operator its mask there") {
    Bench b;
    using C = std::complex<double>;
    Array<C> x(Shape{1, 1, 1, 1, 5, 4});
    x[0] = 1;  // a point at the origin has a constant spectrum
    b.ops->fft(FftDirection::forward, {2, false}, x.view(), b.workspace);
    for (auto v : x.values) CHECK(std::abs(v - 1 / std::sqrt(20.0)) < 1e-15);

    const auto maps = random_array<C>(Shape{1, 1, 3, 1, 5, 4}, 1), image = random_array<C>(Shape{1, 1, 1, 1, 5, 4}, 2);
    const auto mask = random_mask<double>(image.shape);
    Array<C> coils(maps.shape), expected(image.shape), out(image.shape);
    b.ops->coil_expand(image.view(), maps.view(), coils.view());
    b.ops->fft(FftDirection::forward, {2, false}, coils.view(), b.workspace);
    b.ops->mask_multiply(mask.view(), coils.view());
    b.ops->fft(FftDirection::inverse, {2, false}, coils.view(), b.workspace);
    b.ops->coil_combine(coils.view(), maps.view(), expected.view());
    Array<double> folded(mask.shape);
    b.ops->normal_mask(mask.view(), {2, false}, folded.view());
    b.ops->sense_normal(image.view(), maps.view(), folded.view(), 2, NormalTerms{}, out.view(), b.workspace);
    CHECK(relative_error(out, expected) < 1e-14);
}

TEST_CASE("The normal operator leaves out samples that are not active, and scales beta by a factor of the device") {
    Bench b;
    using C = std::complex<double>;
    const auto maps = random_array<C>(Shape{2, 1, 3, 1, 5, 4}, 1), x = random_array<C>(Shape{2, 1, 1, 1, 5, 4}, 2);
    const auto mask = random_mask<double>(x.shape);
    Array<double> folded(mask.shape), active(Shape{2}), factor(Shape{1});
    b.ops->normal_mask(mask.view(), 2, folded.view());
    active.values = {0, 1}, factor.values = {3};
    const Tensor a = active.view(), f = factor.view();
    Array<C> some(x.shape), all(x.shape);
    b.ops->sense_normal(x.view(), maps.view(), folded.view(), 2, {1, 0.5, 0, nullptr, &f, &a}, some.view(), b.workspace);
    b.ops->sense_normal(x.view(), maps.view(), folded.view(), 2, {1, 1.5, 0, nullptr}, all.view(), b.workspace);
    for (std::int64_t i = 0; i < 20; ++i) CHECK(some[i] == C(0));
    for (std::int64_t i = 20; i < 40; ++i) CHECK(std::abs(some[i] - all[i]) < 1e-15);
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
