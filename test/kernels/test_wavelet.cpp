#include "kernels/device/wavelet.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

using Shift = std::array<std::int64_t, 3>;

struct Case {
    Shape shape;
    int rank;
    Shift shift;
};

const std::vector<Case> cases{
    {{1, 1, 1, 1, 32, 48}, 2, {0, 0, 0}},    {{1, 1, 1, 1, 33, 47}, 2, {0, 5, 46}},     {{2, 3, 1, 1, 17, 40}, 2, {0, 16, 7}},
    {{1, 1, 1, 3, 20, 31}, 2, {2, 1, 30}},   {{1, 2, 1, 18, 16, 23}, 3, {17, 3, 22}},   {{2, 1, 1, 5, 37, 16}, 3, {4, 30, 15}},
    {{1, 1, 1, 1, 1, 1}, 3, {0, 0, 0}},      {{1, 1, 1, 1, 15, 70}, 2, {0, 3, 69}},     {{1, 2, 1, 1, 16, 19, 2}, 2, {0, 9, 4}},
    {{1, 1, 1, 17, 9, 33, 3}, 3, {1, 0, 8}}, {{1, 1, 1, 1, 130, 129}, 2, {0, 77, 100}},
};

template <class C>
Array<C> transformed(const Bench& b, WaveletDirection direction, const Case& c, Array<C> x) {
    Arena workspace("wavelet");
    workspace.serve_on_demand(b.ops->allocator());
    b.ops->wavelet(direction, c.rank, c.shift, x.view(), workspace);
    return x;
}

}  // namespace

TEST_CASE("The wavelet's filters are orthonormal and its details are blind to cubic polynomials") {
    const auto &h = device::wavelet_low, &g = device::wavelet_high;
    for (std::size_t shift = 0; shift < 8; shift += 2) {
        double hh = 0, gg = 0, hg = 0, gh = 0;
        for (std::size_t t = 0; t + shift < 8; ++t) {
            hh += h[t] * h[t + shift], gg += g[t] * g[t + shift];
            hg += h[t] * g[t + shift], gh += g[t] * h[t + shift];
        }
        CHECK(std::abs(hh - (shift == 0)) < 1e-15);
        CHECK(std::abs(gg - (shift == 0)) < 1e-15);
        CHECK(std::abs(hg) + std::abs(gh) < 1e-15);
    }
    double sum = 0;
    for (double v : h) sum += v;
    CHECK(sum == Approx(std::sqrt(2.0)).epsilon(1e-15));
    for (int power = 0; power < 4; ++power) {
        double moment = 0;
        for (std::size_t t = 0; t < 8; ++t) moment += g[t] * std::pow(double(t), power);
        CHECK(std::abs(moment) < 1e-13);
    }
}

TEST_CASE("One level of the wavelet transform is its definition, and the last of an odd number of samples stays") {
    Bench b;
    for (const std::int64_t n : {16, 17, 30, 31}) {  // the approximation of 16 … 31 samples is too short for a second level
        const auto x = random_array<std::complex<double>>(Shape{1, 1, 1, 1, 1, n}, 1);
        const auto y = transformed(b, WaveletDirection::forward, {x.shape, 2, {}}, x);
        const std::int64_t even = n / 2 * 2;
        for (std::int64_t k = 0; k < even / 2; ++k) {
            std::complex<double> low = 0, high = 0;
            for (std::int64_t t = 0; t < 8; ++t) {
                low += device::wavelet_low[std::size_t(t)] * x[(2 * k + t) % even];
                high += (t % 2 ? -1.0 : 1.0) * device::wavelet_low[std::size_t(7 - t)] * x[(2 * k + t) % even];
            }
            CHECK(std::abs(y[k] - low) < 1e-14);
            CHECK(std::abs(y[even / 2 + k] - high) < 1e-14);
        }
        if (n != even) CHECK(y[even] == x[even]);
    }
}

TEMPLATE_TEST_CASE("The wavelet transform is orthonormal for any size, rank, shift and number of sets", "", float, double) {
    using C = std::complex<TestType>;
    Bench b;
    for (const Case& c : cases) {
        INFO(c.shape.str());
        const auto x = random_array<C>(c.shape, 1), y = random_array<C>(c.shape, 2);
        const auto wx = transformed(b, WaveletDirection::forward, c, x);
        CHECK(relative_error(transformed(b, WaveletDirection::inverse, c, wx), x) < adjoint_bound<C>());
        CHECK(norm(wx) == Approx(norm(x)).epsilon(adjoint_bound<C>()));
        CHECK(adjoint_error(x, wx, y, transformed(b, WaveletDirection::inverse, c, y)) < adjoint_bound<C>());
        if (c.shape[5] >= 16) CHECK(relative_error(wx, x) > 0.1);  // it did something
    }
}

TEST_CASE("Samples, frames and sets are transformed each by itself, over the axes of the rank") {
    Bench b;
    using C = std::complex<double>;
    for (const Case& c : cases) {
        INFO(c.shape.str());
        const std::int64_t sets = c.shape.rank() == 7 ? c.shape[6] : 1, depth = c.rank == 3 ? 1 : c.shape[3];
        const std::int64_t images = c.shape[0] * c.shape[1] * depth, pixels = c.shape.elements() / images / sets;
        const auto x = random_array<C>(c.shape, 3), wx = transformed(b, WaveletDirection::forward, c, x);
        double worst = 0;
        for (std::int64_t i = 0; i < images; ++i)
            for (std::int64_t e = 0; e < sets; ++e) {
                Array<C> one(Shape{1, 1, 1, c.shape[3] / depth, c.shape[4], c.shape[5]});
                for (std::int64_t p = 0; p < pixels; ++p) one[p] = x[(i * pixels + p) * sets + e];
                one = transformed(b, WaveletDirection::forward, {one.shape, c.rank, c.shift}, one);
                for (std::int64_t p = 0; p < pixels; ++p)
                    worst = std::max(worst, std::abs(one[p] - wx[(i * pixels + p) * sets + e]));
            }
        CHECK(worst == 0);
    }
}

TEST_CASE("A shift rotates the image before the transform") {
    Bench b;
    const Case c{{1, 1, 1, 17, 21, 34}, 3, {5, 20, 33}};
    const auto x = random_array<std::complex<double>>(c.shape, 4);
    auto rotated = x;
    for (std::int64_t z = 0; z < 17; ++z)
        for (std::int64_t y = 0; y < 21; ++y)
            for (std::int64_t i = 0; i < 34; ++i)
                rotated[(z * 21 + y) * 34 + i] = x[((z + 5) % 17 * 21 + (y + 20) % 21) * 34 + (i + 33) % 34];
    CHECK(transformed(b, WaveletDirection::forward, c, x).values ==
          transformed(b, WaveletDirection::forward, {c.shape, 3, {}}, rotated).values);
}

TEST_CASE("A smooth image has few large wavelet coefficients") {
    Bench b;
    Array<std::complex<double>> x(Shape{1, 1, 1, 1, 128, 128});
    for (std::int64_t i = 0; i < x.elements(); ++i)
        x[i] = std::polar(2 + std::sin(6.283185307179586 * double(i / 128) / 128),
                          0.5 * std::cos(6.283185307179586 * double(i % 128) / 128));
    const auto w = transformed(b, WaveletDirection::forward, {x.shape, 2, {}}, x);
    CHECK(std::count_if(w.values.begin(), w.values.end(), [](auto v) { return std::abs(v) > 0.05; }) < 256);
}

TEST_CASE("The wavelet transform has the same bits for every number of threads") {
    const auto x = random_array<std::complex<float>>(Shape{1, 2, 1, 20, 33, 50}, 5);
    std::vector<std::complex<float>> reference;
    for (int threads : {1, 2, 3}) {
        set_thread_count(threads);
        const Bench b;
        const auto w = transformed(b, WaveletDirection::forward, {x.shape, 3, {1, 2, 3}}, x);
        if (threads == 1) reference = w.values;
        CHECK(w.values == reference);
    }
    set_thread_count(0);
}

TEST_CASE("Soft thresholding shrinks magnitudes, keeps phases, and is the proximal map of the l1 norm") {
    Bench b;
    using C = std::complex<double>;
    const double threshold = 0.7;
    Array<C> v(Shape{4});
    v.values = {C(0), C(0.3, -0.4), C(3, 4), C(0, -0.7)};
    b.ops->soft_threshold(threshold, v.view());
    CHECK(v[0] == C(0));
    CHECK(v[1] == C(0));
    CHECK(std::abs(v[2] - C(3, 4) * (4.3 / 5)) < 1e-15);
    CHECK(v[3] == C(0));

    const auto x = random_array<C>(Shape{1, 40}, 6), noise = random_array<C>(x.shape, 7);
    auto p = x;
    b.ops->soft_threshold(threshold, p.view());
    const auto cost = [&](C u, C at) { return 0.5 * std::norm(u - at) + threshold * std::abs(u); };
    for (std::int64_t i = 0; i < 40; ++i)
        for (double step : {1e-3, 0.1, 1.0}) CHECK(cost(p[i], x[i]) <= cost(p[i] + step * noise[i], x[i]));

    auto untouched = x;
    b.ops->soft_threshold(0, untouched.view());
    CHECK(untouched.values == x.values);
}

TEST_CASE("Wavelet operations refuse what they cannot do") {
    Bench b;
    Array<float> real(Shape{1, 1, 1, 1, 16, 16});
    Array<std::complex<float>> flat(Shape{16, 16}), image(real.shape);
    CHECK_THROWS_WITH(b.ops->wavelet(WaveletDirection::forward, 2, {}, real.view(), b.workspace), ContainsSubstring("complex"));
    CHECK_THROWS_WITH(b.ops->wavelet(WaveletDirection::forward, 2, {}, flat.view(), b.workspace), ContainsSubstring("axes"));
    CHECK_THROWS_WITH(b.ops->wavelet(WaveletDirection::forward, 1, {}, image.view(), b.workspace),
                      ContainsSubstring("two or three"));
    CHECK_THROWS_WITH(b.ops->wavelet(WaveletDirection::forward, 2, {0, -1, 0}, image.view(), b.workspace),
                      ContainsSubstring("shift"));
    CHECK_THROWS_WITH(b.ops->soft_threshold(-1, image.view()), ContainsSubstring("negative"));
    CHECK_THROWS_WITH(b.ops->soft_threshold(1, real.view()), ContainsSubstring("complex"));
}
