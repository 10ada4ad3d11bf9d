#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

TEST_CASE("Random numbers have the same bits for every number of threads") {
    Bench b;
    Array<double> reference(Shape{40001}), again(reference.shape);
    b.ops->random_normal({.seed = 5}, 0, 1, reference.view());
    for (int threads : {1, 2, 3}) {
        set_thread_count(threads);
        b.ops->random_normal({.seed = 5}, 0, 1, again.view());
        CHECK(again.values == reference.values);
    }
    set_thread_count(0);
}

TEST_CASE("Random numbers refuse limits in the wrong order, negative deviations and bf16") {
    Bench b;
    Array<float> out(Shape{3});
    CHECK_THROWS_AS(b.ops->random_uniform({}, 1, 0.5, out.view()), ShapeError);
    CHECK_THROWS_AS(b.ops->random_normal({}, 0, -1, out.view()), ShapeError);
    CHECK_THROWS_AS(b.ops->random_normal({}, 0, 1, Tensor{out.data(), DType::bf16, Shape{6}, Device{}}), ShapeError);
}
