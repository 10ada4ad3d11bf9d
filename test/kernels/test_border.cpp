#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

struct Case {
    Shape x;
    std::array<int, 3> width;
};

const Case cases[] = {{{1, 1, 2, 2, 1}, {0, 1, 1}}, {{2, 1, 5, 7, 3}, {0, 1, 1}}, {{1, 1, 6, 5, 17}, {0, 2, 2}},
                      {{1, 3, 4, 5, 2}, {1, 1, 1}}, {{1, 1, 1, 4, 2}, {0, 0, 1}}, {{1, 1, 3, 3, 2}, {0, 2, 2}}};

Shape bordered(const Case& k) {
    return {k.x[0], k.x[1] + 2 * k.width[0], k.x[2] + 2 * k.width[1], k.x[3] + 2 * k.width[2], k.x[4]};
}

}  // namespace

TEMPLATE_TEST_CASE("border_adjoint is the adjoint of border, for every mode and size", "", float, double) {
    Bench b;
    for (BorderMode mode : {BorderMode::zero, BorderMode::reflect, BorderMode::replicate, BorderMode::circular})
        for (const Case& k : cases) {
            const auto x = random_array<TestType>(k.x, 1), y = random_array<TestType>(bordered(k), 2);
            Array<TestType> bx(bordered(k)), bhy(k.x);
            const Border border{on_every_axis(mode), k.width};
            b.ops->border(x.view(), border, bx.view());
            b.ops->border_adjoint(y.view(), nullptr, border, false, bhy.view());
            CHECK(adjoint_error(x, bx, y, bhy) < adjoint_bound<TestType>());
            const auto once = bhy;
            b.ops->border_adjoint(y.view(), nullptr, border, true, bhy.view());
            for (std::int64_t i = 0; i < bhy.elements(); ++i) CHECK(bhy[i] == Approx(2 * once[i]));
        }
}

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

TEST_CASE("ReLU on the way into the border masks the gradient where the input was negative") {
    Bench b;
    for (const Case& k : cases) {
        const auto x = random_array<double>(k.x, 1), y = random_array<double>(bordered(k), 2);
        Array<double> bx(bordered(k)), with(k.x), without(k.x);
        b.ops->border(x.view(), Border{on_every_axis(BorderMode::reflect), k.width, 0}, bx.view());
        for (double v : bx.values) CHECK(v >= 0);
        const Tensor forward = bx.view();
        b.ops->border_adjoint(y.view(), &forward, Border{on_every_axis(BorderMode::reflect), k.width, 0}, false, with.view());
        b.ops->border_adjoint(y.view(), nullptr, Border{on_every_axis(BorderMode::reflect), k.width}, false, without.view());
        for (std::int64_t i = 0; i < x.elements(); ++i) CHECK(with[i] == (x[i] > 0 ? without[i] : 0.0));
    }
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
