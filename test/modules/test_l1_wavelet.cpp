#include "modules/l1_wavelet.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

namespace {

using C = std::complex<double>;

// Random maps of unit norm, a random mask, and the k-space of a random piecewise constant image.
struct Problem {
    Bench bench;
    int rank;
    Shape coils, image;
    Array<C> maps, y, b;
    Array<double> mask, folded;
    SenseOperator sense;

    Problem(const Shape& s, int transformed, double sampled)
        : rank(transformed),
          coils(s),
          image{s[0], s[1], 1, s[3], s[4], s[5]},
          maps(random_array<C>(coils, 1)),
          y(coils),
          b(image),
          mask(image),
          folded(image) {
        const std::int64_t pixels = s[3] * s[4] * s[5];
        for (std::int64_t i = 0; i < s[0] * s[1]; ++i)
            for (std::int64_t p = 0; p < pixels; ++p) {
                double sum = 0;
                for (std::int64_t c = 0; c < s[2]; ++c) sum += std::norm(maps[(i * s[2] + c) * pixels + p]);
                for (std::int64_t c = 0; c < s[2]; ++c) maps[(i * s[2] + c) * pixels + p] /= std::sqrt(sum);
            }
        Philox random(3, Purpose::test);
        for (auto& m : mask.values) m = random.uniform() < sampled ? 1 : 0;
        bench.ops->normal_mask(mask.view(), rank, folded.view());
        sense = {maps.view(), folded.view(), rank};
        Array<C> x(image);
        for (std::int64_t i = 0; i < x.elements(); ++i) x[i] = (i / 7) % 3 == 0 ? C(1, 0.5) : C(0.2, 0);
        sense_forward(*bench.ops, x.view(), maps.view(), mask.view(), rank, y.view(), bench.workspace);
        Array<C> scratch = y;
        sense_adjoint(*bench.ops, scratch.view(), maps.view(), mask.view(), rank, b.view(), bench.workspace);
    }

    Array<C> solve(const L1WaveletOptions& options) {
        Array<C> x(image);
        l1_wavelet(*bench.ops, sense, b.view(), options, x.view(), bench.workspace);
        return x;
    }
    Array<C> wavelet(Array<C> x) {
        bench.ops->wavelet(kernels::WaveletDirection::forward, rank, {}, x.view(), bench.workspace);
        return x;
    }
    double objective(const Array<C>& x, double lambda) {
        Array<C> r(coils);
        sense_forward(*bench.ops, x.view(), maps.view(), mask.view(), rank, r.view(), bench.workspace);
        for (std::int64_t i = 0; i < r.elements(); ++i) r[i] -= y[i];
        double sum = 0;
        const Array<C> w = wavelet(x);
        for (const C& v : w.values) sum += std::abs(v);
        return 0.5 * inner(r, r).real() + lambda * sum;
    }
};

}  // namespace

TEST_CASE("FISTA reaches the minimum of the wavelet objective: its optimality conditions hold") {
    const double lambda = 0.02;
    for (const auto& [shape, rank] : {std::pair(Shape{1, 1, 3, 1, 21, 16}, 2), std::pair(Shape{1, 1, 2, 16, 9, 18}, 3),
                                      std::pair(Shape{1, 2, 2, 1, 16, 17}, 2)}) {
        INFO(shape.str());
        Problem p(shape, rank, 0.5);
        const auto best = p.solve({4000, lambda, false});
        // The gradient of the smooth part in wavelet coefficients is -lambda w/|w| where w is not 0, and at most lambda
        // elsewhere.
        Array<C> gradient(p.image);
        const Tensor b = p.b.view();
        p.sense.normal(*p.bench.ops, best.view(), {1, 0, -1, &b}, gradient.view(), p.bench.workspace);
        const auto w = p.wavelet(best), g = p.wavelet(gradient);
        double worst = 0;
        std::int64_t zeros = 0;
        for (std::int64_t i = 0; i < w.elements(); ++i) {
            if (w[i] != C(0) && std::abs(w[i]) > 1e-9)
                worst = std::max(worst, std::abs(g[i] + lambda * w[i] / std::abs(w[i])));
            else
                worst = std::max(worst, std::abs(g[i]) - lambda), ++zeros;
        }
        CHECK(worst < 1e-6);
        CHECK(zeros > 0);
        CHECK(zeros < w.elements());

        const double least = p.objective(best, lambda), start = p.objective(Array<C>(p.image), lambda);
        double before = start;
        for (int iterations : {1, 5, 25, 125}) {
            const double now = p.objective(p.solve({iterations, lambda, false}), lambda);
            CHECK(now < before);
            CHECK(now >= least * (1 - 1e-12));
            // Beck & Teboulle 2009, theorem 4.4, for step 1 and a start at 0
            CHECK(now - least <= 2 * inner(best, best).real() / ((iterations + 1.0) * (iterations + 1.0)));
            before = now;
        }
        CHECK(before - least < 1e-3 * (start - least));
    }
}

TEST_CASE("Of a fully sampled image the wavelet reconstruction is the shrunk image, at once and ever after") {
    Problem p(Shape{1, 1, 2, 1, 20, 17}, 2, 2);
    auto expected = p.wavelet(p.b);
    p.bench.ops->soft_threshold(0.1, expected.view());
    p.bench.ops->wavelet(kernels::WaveletDirection::inverse, 2, {}, expected.view(), p.bench.workspace);
    for (int iterations : {1, 2, 7}) CHECK(relative_error(p.solve({iterations, 0.1, false}), expected) < 1e-12);
    CHECK(relative_error(p.solve({30, 0, true}), p.b) < 1e-12);
}

TEST_CASE("The wavelet reconstruction of nothing is zero, and no sample of a batch changes another") {
    Problem p(Shape{3, 1, 2, 1, 17, 16}, 2, 0.4);
    std::fill_n(p.b.slice(1), 17 * 16, C(0));
    const auto all = p.solve({25, 0.01, true});
    CHECK(norm(all) > 0);
    for (std::int64_t i = 0; i < 17 * 16; ++i) CHECK(all.slice(1)[i] == C(0));
    for (std::int64_t n : {0, 2}) {
        Array<C> alone(Shape{1, 1, 1, 1, 17, 16});
        const SenseOperator one{p.maps.view().slice(n), p.folded.view().slice(n), 2};
        l1_wavelet(*p.bench.ops, one, p.b.view().slice(n), {25, 0.01, true}, alone.view(), p.bench.workspace);
        for (std::int64_t i = 0; i < 17 * 16; ++i) CHECK(alone[i] == all.slice(n)[i]);
    }
}

TEST_CASE("Random shifts are the same in every run and hardly change the objective") {
    Problem p(Shape{1, 1, 3, 1, 32, 33}, 2, 0.5);
    const auto shifted = p.solve({60, 0.02, true});
    CHECK(shifted.values == p.solve({60, 0.02, true}).values);
    const auto still = p.solve({60, 0.02, false});
    CHECK(relative_error(shifted, still) > 1e-6);
    CHECK(p.objective(shifted, 0.02) < 1.2 * p.objective(still, 0.02));
}

TEST_CASE("A wavelet reconstruction needs the memory that its dry run books") {
    Problem p(Shape{1, 1, 2, 1, 24, 20}, 2, 0.5);
    Arena workspace("workspace");
    ArenaProgram program;
    workspace.book(program);
    p.bench.ops->set_planning(true);
    l1_wavelet(*p.bench.ops, p.sense, p.b.view(), {3, 0.02, true}, p.b.view(), workspace);
    p.bench.ops->set_planning(false);
    workspace.finish_booking();
    workspace.grant(p.bench.ops->allocator(), "");
    workspace.replay(program);
    Array<C> x(p.image);
    l1_wavelet(*p.bench.ops, p.sense, p.b.view(), {3, 0.02, true}, x.view(), workspace);
    CHECK(x.values == p.solve({3, 0.02, true}).values);
    CHECK(workspace.peak_bytes() == workspace.bytes());
}
