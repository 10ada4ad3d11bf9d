#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

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
