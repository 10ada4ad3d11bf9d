#include "kernels/work.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

// Fewer than a word, whole words, and so many that threads share them
const Shape shapes[] = {{1}, {1, 1, 3, 3, 3}, {1, 2, 4, 4, 2}, {2, 1, 5, 7, 17}, {3, 1, 64, 97, 11}};

using Words = Array<std::uint32_t>;

bool bit(const Words& words, std::int64_t i) { return (words[i / 32] >> (i % 32) & 1U) != 0; }

}  // namespace

TEMPLATE_TEST_CASE("An activation keeps what is positive, scales the rest, and notes a bit for each number", "", Bf16, float,
                   double) {
    Bench b;
    for (const Shape& shape : shapes)
        for (double slope : {0.0, 0.25}) {
            auto x = random_array<TestType>(shape, 1);
            x[0] = TestType(0.0F);
            Array<TestType> y(shape), without(shape);
            Words signs(Shape{sign_words(shape.elements())});
            signs.values.assign(signs.values.size(), 0xffffffffU);
            const Tensor words = signs.view();
            b.ops->activate(x.view(), slope, y.view(), &words);
            b.ops->activate(x.view(), slope, without.view(), nullptr);
            std::int64_t wrong = 0;
            for (std::int64_t i = 0; i < x.elements(); ++i) {
                const double v = static_cast<double>(x[i]);
                wrong += static_cast<double>(y[i]) != (v > 0 ? v : slope * v) || bit(signs, i) != (v > 0) ||
                         static_cast<double>(without[i]) != static_cast<double>(y[i]);
            }
            CHECK(wrong == 0);
            b.ops->activate(x.view(), slope, x.view(), nullptr);
            CHECK(x.values == y.values);
        }
}

TEMPLATE_TEST_CASE("The adjoint of an activation scales gradients where the signs say that the input was not positive", "", Bf16,
                   float, double) {
    Bench b;
    for (const Shape& shape : shapes) {
        const auto x = random_array<TestType>(shape, 1);
        auto dy = random_array<TestType>(shape, 2);
        Array<TestType> y(shape), dx(shape);
        Words signs(Shape{sign_words(shape.elements())});
        const Tensor words = signs.view();
        b.ops->activate(x.view(), 0.25, y.view(), &words);
        b.ops->activate_adjoint(dy.view(), words, 0.25, dx.view());
        std::int64_t wrong = 0;
        for (std::int64_t i = 0; i < x.elements(); ++i)
            wrong += static_cast<double>(dx[i]) != (static_cast<double>(x[i]) > 0 ? 1 : 0.25) * static_cast<double>(dy[i]);
        CHECK(wrong == 0);
        b.ops->activate_adjoint(dy.view(), words, 0.25, dy.view());
        CHECK(dy.values == dx.values);
    }
}

TEST_CASE("An activation is refused signs that are too few, and counts the bytes of the signs it writes") {
    Bench b;
    const auto x = random_array<float>(Shape{1, 1, 3, 11, 1}, 1);
    Array<float> y(x.shape);
    Words few(Shape{1}), enough(Shape{2});
    const Tensor small = few.view(), fitting = enough.view();
    CHECK_THROWS_WITH(b.ops->activate(x.view(), 0, y.view(), &small), ContainsSubstring("signs"));
    CHECK_THROWS_WITH(b.ops->activate_adjoint(x.view(), small, 0, y.view()), ContainsSubstring("signs"));
    WorkLog log;
    b.ops->set_planning(true);
    b.ops->set_work_log(&log);
    b.ops->activate(x.view(), 0, y.view(), &fitting);
    b.ops->activate_adjoint(x.view(), fitting, 0, y.view());
    for (const WorkItem& item : log.items()) {
        CHECK(item.kind == WorkKind::border);
        CHECK(item.flops == 33);
        CHECK(item.bytes == 2 * 33 * 4 + 2 * 4);
    }
    CHECK(log.items().size() == 2);
}
