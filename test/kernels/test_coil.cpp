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

}  // namespace

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

TEST_CASE("Operations on coils refuse shapes that do not fit, naming them") {
    Bench bench;
    const auto maps = random_array<std::complex<float>>(Shape{1, 1, 4, 1, 8, 8}, 1);
    const auto x = random_array<std::complex<float>>(Shape{1, 1, 1, 1, 8, 7}, 2);
    Array<std::complex<float>> out(Shape{1, 1, 4, 1, 8, 8});
    CHECK_THROWS_WITH(bench.ops->coil_expand(x.view(), maps.view(), out.view()),
                      ContainsSubstring("coil_expand") && ContainsSubstring("8, 7"));
    const auto doubles = random_array<std::complex<double>>(Shape{1, 1, 1, 1, 8, 8}, 2);
    CHECK_THROWS_AS(bench.ops->coil_expand(doubles.view(), maps.view(), out.view()), ShapeError);
    Array<std::complex<float>> image(Shape{1, 1, 1, 1, 8, 8}), b(image.shape);
    Array<float> mask(Shape{1, 1, 1, 1, 8, 8});
    const Tensor view = b.view();
    CHECK_THROWS_WITH(bench.ops->sense_normal(image.view(), maps.view(), mask.view(), 2, NormalTerms{1, 0, 3, &view}, b.view(),
                                              bench.workspace),
                      ContainsSubstring("neither x nor b"));
}
