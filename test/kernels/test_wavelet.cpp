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
