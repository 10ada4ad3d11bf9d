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

TEST_CASE("add_quotient adds a multiple by scalars of the device, of each sample or of the whole batch, and 0/0 is 0") {
    Bench b;
    const auto x = random_array<std::complex<double>>(Shape{2, 1, 1, 1, 3, 4}, 1),
               y = random_array<std::complex<double>>(x.shape, 2);
    Array<double> above(Shape{2}), below(Shape{2});
    above.values = {3, 0}, below.values = {2, 0};
    const Tensor yv = y.view(), bv = below.view();
    auto out = x;
    b.ops->add_quotient(-1, above.view(), &bv, x.view(), &yv, out.view());
    for (std::int64_t i = 0; i < x.elements(); ++i) CHECK(std::abs(out[i] - (i < 12 ? y[i] - 1.5 * x[i] : y[i])) < 1e-15);
    b.ops->add_quotient(2, above.view().slice(0), nullptr, x.view(), nullptr, out.view());
    for (std::int64_t i = 0; i < x.elements(); ++i) CHECK(std::abs(out[i] - 6.0 * x[i]) < 1e-14);

    Array<double> t(Shape{2}), d_above(Shape{2}), d_below(Shape{2});
    t.values = {5, 7};
    const Tensor da = d_above.view(), db = d_below.view();
    b.ops->add_quotient_scalars_acc(-1, above.view(), &bv, t.view(), &da, &db);
    CHECK(d_above.values == std::vector<double>{-2.5, 0});
    CHECK(d_below.values == std::vector<double>{3.75, 0});
}

TEST_CASE("drop_below sets to zero what is at most a fraction of its reference") {
    Bench b;
    Array<double> x(Shape{3}), reference(Shape{3});
    x.values = {1, 2, 0}, reference.values = {10, 10, 0};
    b.ops->drop_below(0.1, reference.view(), x.view());
    CHECK(x.values == std::vector<double>{0, 2, 0});
}

TEST_CASE("copy changes the precision where the output has another one") {
    Bench b;
    const auto x = random_array<std::complex<double>>(Shape{1, 7}, 1);
    Array<std::complex<float>> single(x.shape);
    Array<std::complex<double>> back(x.shape);
    b.ops->copy(x.view(), single.view());
    b.ops->copy(single.view(), back.view());
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        CHECK(single[i].real() == static_cast<float>(x[i].real()));
        CHECK(back[i].imag() == static_cast<double>(single[i].imag()));
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
