#include "kernels/cpu/convolution_reference.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

struct Case {
    std::int64_t n, d, h, w, in, out;
    std::array<int, 3> kernel;
    Padding padding;
};

// Thin and odd channel counts, size 1, primes, batches, kernels 1 3 5, valid, same and full padding, volumes, rows of several
// strips: every method and its edges.
const Case cases[] = {{1, 1, 1, 1, 1, 1, {1, 1, 1}, {0, 0, 0}},     {1, 1, 5, 7, 2, 3, {1, 3, 3}, {0, 0, 0}},
                      {2, 1, 6, 5, 3, 2, {1, 3, 3}, {0, 1, 1}},     {1, 1, 9, 8, 16, 16, {1, 3, 3}, {0, 0, 0}},
                      {1, 1, 13, 11, 20, 2, {1, 3, 3}, {0, 1, 1}},  {1, 1, 7, 7, 2, 20, {1, 1, 1}, {0, 0, 0}},
                      {1, 1, 9, 9, 5, 6, {1, 5, 5}, {0, 2, 2}},     {1, 4, 5, 6, 3, 4, {3, 3, 3}, {0, 0, 0}},
                      {2, 3, 4, 3, 4, 2, {3, 3, 3}, {1, 1, 1}},     {1, 1, 32, 33, 32, 32, {1, 3, 3}, {0, 0, 0}},
                      {2, 1, 5, 4, 16, 20, {1, 3, 3}, {0, 1, 1}},   {1, 1, 4, 5, 17, 33, {1, 3, 3}, {0, 2, 2}},
                      {1, 1, 7, 150, 19, 16, {1, 3, 3}, {0, 0, 0}}, {1, 5, 6, 7, 18, 16, {3, 3, 3}, {1, 1, 1}},
                      {1, 2, 5, 5, 16, 16, {3, 3, 3}, {2, 2, 2}},   {1, 4, 6, 5, 16, 17, {3, 3, 3}, {0, 0, 0}},
                      {2, 4, 3, 140, 2, 18, {3, 3, 3}, {1, 0, 1}},  {1, 3, 20, 9, 18, 3, {3, 3, 3}, {0, 1, 0}},
                      {1, 1, 40, 3, 3, 3, {1, 3, 3}, {0, 1, 1}},    {2, 1, 9, 6, 24, 20, {1, 5, 3}, {0, 1, 2}},
                      {2, 1, 17, 53, 16, 16, {1, 3, 3}, {0, 1, 1}}, {1, 3, 9, 31, 8, 8, {3, 3, 3}, {1, 0, 1}}};

Shape x_shape(const Case& k) { return {k.n, k.d, k.h, k.w, k.in}; }
Shape w_shape(const Case& k) { return {k.out, k.in, k.kernel[0], k.kernel[1], k.kernel[2]}; }
Shape y_shape(const Case& k) {
    return {k.n, k.d + 2 * k.padding[0] - k.kernel[0] + 1, k.h + 2 * k.padding[1] - k.kernel[1] + 1,
            k.w + 2 * k.padding[2] - k.kernel[2] + 1, k.out};
}

template <class T>
Array<double> widen(const Array<T>& a) {
    Array<double> d(a.shape);
    std::copy(a.values.begin(), a.values.end(), d.values.begin());
    return d;
}

}  // namespace

TEMPLATE_TEST_CASE("convolution_data is the adjoint of convolution", "", float, double) {
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<TestType>(x_shape(k), 1), w = random_array<TestType>(w_shape(k), 2),
                   y = random_array<TestType>(y_shape(k), 3);
        Array<TestType> wx(y_shape(k)), dx(x_shape(k));
        b.ops->convolution(x.view(), w.view(), nullptr, k.padding, wx.view(), b.workspace);
        b.ops->convolution_data(y.view(), w.view(), k.padding, std::nullopt, dx.view(), b.workspace);
        CHECK(adjoint_error(x, wx, y, dx) < adjoint_bound<TestType>());
    }
}

TEMPLATE_TEST_CASE("With a slope, convolution_data passes the gate of the activation whose output it replaces", "", float,
                   double) {
    Bench b;
    for (const Case& k : cases) {
        const auto w = random_array<TestType>(w_shape(k), 2), y = random_array<TestType>(y_shape(k), 3);
        Array<TestType> dx(x_shape(k)), gated = random_array<TestType>(x_shape(k), 1);
        b.ops->convolution_data(y.view(), w.view(), k.padding, std::nullopt, dx.view(), b.workspace);
        for (std::int64_t i = 0; i < dx.elements(); ++i) dx[i] *= gated[i] > 0 ? TestType(1) : TestType(0.25);
        b.ops->convolution_data(y.view(), w.view(), k.padding, 0.25, gated.view(), b.workspace);
        CHECK(gated.values == dx.values);
    }
}

TEMPLATE_TEST_CASE("convolution_weights_acc is the adjoint of convolution in its weights, and adds", "", float, double) {
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<TestType>(x_shape(k), 1), w = random_array<TestType>(w_shape(k), 2),
                   y = random_array<TestType>(y_shape(k), 3);
        Array<TestType> wx(y_shape(k)), dw(w_shape(k)), dbias(Shape{k.out});
        b.ops->convolution(x.view(), w.view(), nullptr, k.padding, wx.view(), b.workspace);
        const Tensor dbias_view = dbias.view();
        for (int twice = 0; twice < 2; ++twice)
            b.ops->convolution_weights_acc(x.view(), y.view(), k.padding, dw.view(), &dbias_view, b.workspace);
        for (auto& v : dw.values) v /= 2;
        CHECK(adjoint_error(w, wx, y, dw) < adjoint_bound<TestType>());
        double sum = 0, expected = 0;
        for (std::int64_t i = 0; i < y.elements(); i += k.out) expected += 2 * double(y[i]);
        sum = double(dbias[0]);
        CHECK(sum == Approx(expected).margin(1e-3));
    }
}

TEST_CASE("The fast convolution agrees with the plain loops in double precision") {
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<float>(x_shape(k), 1), w = random_array<float>(w_shape(k), 2),
                   bias = random_array<float>(Shape{k.out}, 4);
        Array<float> y(y_shape(k));
        const Tensor bias_view = bias.view();
        b.ops->convolution(x.view(), w.view(), &bias_view, k.padding, y.view(), b.workspace);
        const auto xd = widen(x), wd = widen(w), bd = widen(bias);
        Array<double> yd(y_shape(k));
        const Tensor bd_view = bd.view();
        cpu::reference_convolution<double>(xd.view(), wd.view(), &bd_view, k.padding, yd.view());
        CHECK(relative_error(widen(y), yd) < 1e-6);
    }
}

TEMPLATE_TEST_CASE("Convolutions of what is stored as bf16 agree with the plain loops up to its rounding", "",
                   (std::pair<Bf16, Bf16>), (std::pair<float, Bf16>), (std::pair<Bf16, float>)) {
    using X = typename TestType::first_type;
    using Y = typename TestType::second_type;
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<X>(x_shape(k), 1);
        const auto dy = random_array<Y>(y_shape(k), 3);
        const auto w = random_array<float>(w_shape(k), 2);
        const auto xd = widen(x), dyd = widen(dy), wd = widen(w);
        Array<Y> y(y_shape(k));
        Array<X> dx(x_shape(k)), gated = x;
        Array<float> dw(w_shape(k)), db(Shape{k.out});
        Array<double> yd(y_shape(k)), dxd(x_shape(k)), dwd(w_shape(k)), dbd(Shape{k.out});
        const Tensor db_view = db.view(), dbd_view = dbd.view();
        b.ops->convolution(x.view(), w.view(), nullptr, k.padding, y.view(), b.workspace);
        b.ops->convolution(xd.view(), wd.view(), nullptr, k.padding, yd.view(), b.workspace);
        CHECK(relative_error(widen(y), yd) < 0.01);
        b.ops->convolution_weights_acc(x.view(), dy.view(), k.padding, dw.view(), &db_view, b.workspace);
        b.ops->convolution_weights_acc(xd.view(), dyd.view(), k.padding, dwd.view(), &dbd_view, b.workspace);
        CHECK(relative_error(widen(dw), dwd) < 0.01);
        CHECK(relative_error(widen(db), dbd) < 1e-5);
        b.ops->convolution_data(dy.view(), w.view(), k.padding, std::nullopt, dx.view(), b.workspace);
        b.ops->convolution_data(dyd.view(), wd.view(), k.padding, std::nullopt, dxd.view(), b.workspace);
        CHECK(relative_error(widen(dx), dxd) < 0.01);
        b.ops->convolution_data(dy.view(), w.view(), k.padding, 0.25, gated.view(), b.workspace);
        for (std::int64_t i = 0; i < dx.elements(); ++i)
            dx[i] = X(static_cast<float>(dx[i]) * (static_cast<float>(x[i]) > 0 ? 1.0F : 0.25F));
        CHECK(widen(gated).values == widen(dx).values);
    }
}

TEST_CASE("A 3x3 convolution is the cross-correlation its definition says") {
    Bench b;
    Array<double> x(Shape{1, 1, 3, 3, 1}), w(Shape{1, 1, 1, 3, 3}), y(Shape{1, 1, 3, 3, 1});
    for (std::int64_t i = 0; i < 9; ++i) x[i] = double(i + 1), w[i] = double(10 * (i + 1));
    b.ops->convolution(x.view(), w.view(), nullptr, {0, 1, 1}, y.view(), b.workspace);
    double centre = 0;
    for (std::int64_t i = 0; i < 9; ++i) centre += x[i] * w[i];
    CHECK(y[4] == centre);
    CHECK(y[0] == 1 * 50 + 2 * 60 + 4 * 80 + 5 * 90);
}

TEST_CASE("A convolution whose sizes do not fit is refused") {
    Bench b;
    const auto x = random_array<float>(Shape{1, 1, 4, 4, 2}, 1), w = random_array<float>(Shape{3, 2, 1, 3, 3}, 2);
    Array<float> y(Shape{1, 1, 4, 4, 3});
    CHECK_THROWS_AS(b.ops->convolution(x.view(), w.view(), nullptr, {0, 0, 0}, y.view(), b.workspace), ShapeError);
    CHECK_THROWS_AS(b.ops->convolution(x.view(), w.view(), nullptr, {0, 3, 3}, y.view(), b.workspace), ShapeError);
    Array<Bf16> rounded(w.shape);
    Array<double> exact(y.shape);
    CHECK_THROWS_AS(b.ops->convolution(x.view(), rounded.view(), nullptr, {0, 1, 1}, y.view(), b.workspace), ShapeError);
    CHECK_THROWS_AS(b.ops->convolution(x.view(), w.view(), nullptr, {0, 1, 1}, exact.view(), b.workspace), ShapeError);
}
