#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

TEST_CASE("Adam follows its recurrence with coupled weight decay over several steps") {
    Bench b;
    Array<double> p(Shape{2}), g(Shape{2}), m(Shape{2}), v(Shape{2});
    p.values = {1.0, -2.0};
    double rp = 1.0, rm = 0, rv = 0;
    for (int step = 1; step <= 5; ++step) {
        g.values = {0.3 * step, -0.1};
        AdamTerms terms{1e-2, 0.9, 0.999, 1e-8, 1e-1, step};
        b.ops->adam(terms, g.view(), p.view(), m.view(), v.view());
        const double grad = 0.3 * step + 1e-1 * rp;
        rm = 0.9 * rm + 0.1 * grad;
        rv = 0.999 * rv + 0.001 * grad * grad;
        rp -= 1e-2 * (rm / (1 - std::pow(0.9, step))) / (std::sqrt(rv / (1 - std::pow(0.999, step))) + 1e-8);
        CHECK(p[0] == Approx(rp).epsilon(1e-12));
    }
}

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

TEST_CASE("Conjugate-gradient updates guard against samples that are all zero") {
    Bench b;
    Array<double> rho(Shape{1}), pq(Shape{1});
    Array<std::complex<float>> p(Shape{1, 1, 1, 1, 2, 2}), q = p, x = p, r = p;
    b.ops->cg_advance_acc(rho.view(), pq.view(), p.view(), q.view(), x.view(), r.view());
    b.ops->cg_direction(rho.view(), rho.view(), r.view(), p.view());
    for (const auto& a : {p, q, x, r})
        for (auto value : a.values) CHECK(value == std::complex<float>(0));
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
