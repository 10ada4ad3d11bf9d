#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

TEST_CASE("A reflected border mirrors without repeating the edge, a replicated one repeats it") {
    Bench b;
    Array<double> x(Shape{1, 1, 1, 4, 1}), out(Shape{1, 1, 1, 8, 1});
    x.values = {1, 2, 3, 4};
    b.ops->border(x.view(), Border{on_every_axis(BorderMode::reflect), {0, 0, 2}}, out.view());
    CHECK(out.values == std::vector<double>{3, 2, 1, 2, 3, 4, 3, 2});
    b.ops->border(x.view(), Border{on_every_axis(BorderMode::replicate), {0, 0, 2}}, out.view());
    CHECK(out.values == std::vector<double>{1, 1, 1, 2, 3, 4, 4, 4});
    b.ops->border(x.view(), Border{on_every_axis(BorderMode::zero), {0, 0, 2}}, out.view());
    CHECK(out.values == std::vector<double>{0, 0, 1, 2, 3, 4, 0, 0});
    b.ops->border(x.view(), Border{on_every_axis(BorderMode::circular), {0, 0, 2}}, out.view());
    CHECK(out.values == std::vector<double>{3, 4, 1, 2, 3, 4, 1, 2});
}

TEST_CASE("Every axis may have its own border, and a leaky activation its slope") {
    Bench b;
    Array<double> x(Shape{1, 2, 1, 2, 1}), out(Shape{1, 4, 1, 4, 1});
    x.values = {1, -2, 3, 4};
    b.ops->border(x.view(), Border{{BorderMode::circular, BorderMode::zero, BorderMode::replicate}, {1, 0, 1}, 0.5}, out.view());
    CHECK(out.values == std::vector<double>{3, 3, 4, 4, 1, 1, -1, -1, 3, 3, 4, 4, 1, 1, -1, -1});
}

TEST_CASE("A reflected border wider than the image is refused") {
    Bench b;
    const auto x = random_array<float>(Shape{1, 1, 1, 4, 1}, 1);
    Array<float> out(Shape{1, 1, 3, 6, 1});
    CHECK_THROWS_WITH(b.ops->border(x.view(), Border{on_every_axis(BorderMode::reflect), {0, 1, 1}}, out.view()),
                      ContainsSubstring("reflected"));
}
