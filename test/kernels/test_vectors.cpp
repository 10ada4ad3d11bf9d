#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

TEST_CASE("Inner products are per sample and do not depend on the batch") {
    Bench b;
    const auto x = random_array<std::complex<float>>(Shape{3, 1, 1, 1, 50, 400}, 1),
               y = random_array<std::complex<float>>(x.shape, 2);
    Array<double> all(Shape{3}), one(Shape{1});
    b.ops->dot(x.view(), y.view(), all.view());
    for (std::int64_t n = 0; n < 3; ++n) {
        b.ops->dot(x.view().slice(n), y.view().slice(n), one.view());
        CHECK(one[0] == all[n]);
    }
}

TEST_CASE("Sums have the same bits for every number of threads") {
    Bench b;
    const auto x = random_array<float>(Shape{1, 100003}, 1);
    Array<double> reference(Shape{1}), again(Shape{1});
    b.ops->dot(x.view(), x.view(), reference.view());
    for (int threads : {1, 2, 3}) {
        set_thread_count(threads);
        b.ops->dot(x.view(), x.view(), again.view());
        CHECK(again[0] == reference[0]);
    }
    set_thread_count(0);
}
