#include <omp.h>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/lanes.hpp"
#include "kernels/cpu/line_fourier.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

// Powers of two and what they leave, mixed radices, odd primes, lengths of several stages, and beyond the first cache level.
const std::int64_t lengths[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,  15,  16,  20,  21,  24,  25,
                                29, 31, 32, 33, 36, 40, 48, 62, 64, 77, 80, 96, 128, 160, 192, 256, 320, 640, 1024};

struct Size {
    std::int64_t n, t, c, z, y, x;
    int rank;
    std::int64_t sets = 1;

    Shape image(std::int64_t frames, std::int64_t coils) const {
        return sets == 1 ? Shape{n, frames, coils, z, y, x} : Shape{n, frames, coils, z, y, x, sets};
    }
};

// What the ways through the operator differ in: transformed axes, prime lengths, planes enough for each thread to take whole
// ones, planes that do not fit the cache, and map sets.
const Size sizes[] = {{1, 1, 3, 1, 40, 36, 2},  {1, 6, 2, 1, 18, 35, 2},    {1, 1, 2, 1, 37, 12, 2},   {2, 1, 2, 1, 20, 41, 2},
                      {1, 1, 5, 9, 20, 34, 3},  {2, 3, 1, 4, 6, 10, 3},     {1, 1, 1, 43, 4, 18, 3},   {1, 1, 2, 24, 3, 5, 2},
                      {1, 1, 2, 33, 17, 64, 3}, {1, 2, 2, 1, 19, 24, 2, 2}, {1, 1, 2, 6, 18, 20, 3, 3}};

template <class T>
struct Problem {
    using C = std::complex<T>;
    Array<C> maps, x, rhs;
    Array<T> mask, folded;
    int rank;

    Problem(const Size& s, std::array<bool, 3> constant, Bench& b)
        : maps(random_array<C>(s.image(1, s.c), 1)),
          x(random_array<C>(s.image(s.t, 1), 2)),
          rhs(random_array<C>(x.shape, 3)),
          mask(Shape{s.n, s.t, 1, constant[0] ? 1 : s.z, constant[1] ? 1 : s.y, constant[2] ? 1 : s.x}),
          folded(mask.shape),
          rank(s.rank) {
        Philox random(5, Purpose::test);
        for (auto& m : mask.values) m = T(random.uniform());
        b.ops->normal_mask(mask.view(), rank, folded.view());
    }

    Array<C> by_pieces(Bench& b) const {
        Array<C> coils(Shape{x.shape[0], x.shape[1], maps.shape[2], x.shape[3], x.shape[4], x.shape[5]}), out(x.shape);
        b.ops->coil_expand(x.view(), maps.view(), coils.view());
        b.ops->fft(FftDirection::forward, rank, coils.view(), b.workspace);
        for (int twice = 0; twice < 2; ++twice) b.ops->mask_multiply(mask.view(), coils.view());  // A^H holds it as well
        b.ops->fft(FftDirection::inverse, rank, coils.view(), b.workspace);
        b.ops->coil_combine(coils.view(), maps.view(), out.view());
        for (std::int64_t i = 0; i < out.elements(); ++i) out[i] = T(2) * out[i] + T(0.25) * x[i] - rhs[i];
        return out;
    }

    Array<C> at_once(Bench& b) const {
        Array<C> out(x.shape);
        const Tensor view = rhs.view();
        b.ops->sense_normal(x.view(), maps.view(), folded.view(), rank, NormalTerms{2, 0.25, -1, &view}, out.view(), b.workspace);
        return out;
    }
};

}  // namespace

TEMPLATE_TEST_CASE("Transforms of lines in lanes are those of their definition, in the order they tell", "", float, double) {
    using T = TestType;
    constexpr std::int64_t lanes = cpu::Lanes<T>::count;
    Philox random(3, Purpose::test);
    for (const std::int64_t n : lengths) {
        const auto* line = cpu::LineFourier<T>::get(n);
        REQUIRE(line);
        CHECK(line->length() == n);
        CHECK(line == cpu::LineFourier<T>::get(n));
        std::vector<T> data(static_cast<std::size_t>(n * 2 * lanes));
        for (T& v : data) v = T(random.normal());
        const std::vector<T> before = data;
        std::vector<std::complex<double>> waves;
        for (std::int64_t i = 0; i < n; ++i) waves.push_back(std::polar(1.0, -2 * M_PI * double(i) / double(n)));
        const auto at = [&](const std::vector<T>& v, std::int64_t p, std::int64_t lane) {
            const auto first = static_cast<std::size_t>(p * 2 * lanes + lane);
            return std::complex<double>(v[first], v[first + static_cast<std::size_t>(lanes)]);
        };
        line->forward(data.data());
        double error = 0;
        std::vector<bool> seen(static_cast<std::size_t>(n));
        for (std::int64_t p = 0; p < n; ++p) {
            const std::int64_t k = line->frequency(p);
            seen.at(static_cast<std::size_t>(k)) = true;
            for (const std::int64_t lane : {std::int64_t{0}, lanes - 1}) {
                std::complex<double> sum = 0;
                for (std::int64_t i = 0; i < n; ++i) sum += at(before, i, lane) * waves[static_cast<std::size_t>(i * k % n)];
                error = std::max(error, std::abs(sum - at(data, p, lane)) / std::sqrt(double(n)));
            }
        }
        CHECK(error < (sizeof(T) == 4 ? 5e-6 : 1e-14));
        CHECK(std::count(seen.begin(), seen.end(), true) == n);
        line->inverse(data.data());
        double back = 0;
        for (std::size_t i = 0; i < data.size(); ++i)
            back = std::max(back, std::abs(double(data[i]) / double(n) - double(before[i])));
        CHECK(back < (sizeof(T) == 4 ? 5e-6 : 1e-14));
    }
    CHECK(cpu::LineFourier<T>::get(37) == nullptr);
    CHECK(cpu::LineFourier<T>::get(2 * 109) == nullptr);
}

TEMPLATE_TEST_CASE("A multiplication between transforms of lines is what its three steps are", "", float, double) {
    using T = TestType;
    constexpr std::int64_t lanes = cpu::Lanes<T>::count;
    Philox random(4, Purpose::test);
    for (const std::int64_t n : lengths)
        for (const bool per_lane : {false, true}) {
            const auto* line = cpu::LineFourier<T>::get(n);
            std::vector<T> stepwise(static_cast<std::size_t>(n * 2 * lanes)), factors(static_cast<std::size_t>(n * lanes));
            for (T& v : stepwise) v = T(random.normal());
            for (T& v : factors) v = T(random.uniform() / double(n));
            std::vector<T> at_once = stepwise;
            line->forward(stepwise.data());
            for (std::int64_t i = 0; i < n * 2 * lanes; ++i) {
                const std::int64_t place = i / (2 * lanes), lane = i % lanes;
                stepwise[static_cast<std::size_t>(i)] *=
                    factors[static_cast<std::size_t>(per_lane ? place * lanes + lane : place)];
            }
            line->inverse(stepwise.data());
            line->multiply(at_once.data(), factors.data(), per_lane);
            double error = 0;
            for (std::size_t i = 0; i < at_once.size(); ++i)
                error = std::max(error, std::abs(double(at_once[i]) - double(stepwise[i])));
            CHECK(error < (sizeof(T) == 4 ? 5e-6 : 1e-14));
        }
}

TEMPLATE_TEST_CASE("Tiles are transposed and pixels interleaved without a change", "", float, double) {
    using T = TestType;
    constexpr int lanes = cpu::Lanes<T>::count;
    typename cpu::Lanes<T>::Vector rows[lanes];
    for (int i = 0; i < lanes; ++i)
        for (int j = 0; j < lanes; ++j) rows[i][j] = T(i * lanes + j);
    cpu::transpose<T>(rows);
    for (int i = 0; i < lanes; ++i)
        for (int j = 0; j < lanes; ++j) CHECK(rows[i][j] == T(j * lanes + i));

    const auto pixels = random_array<std::complex<T>>(Shape{3 * lanes}, 1);
    for (const std::int64_t step : {1, 2})
        for (const std::int64_t n : {1, lanes - 1, lanes}) {
            const auto pair = cpu::load_pixels(pixels.data(), n, step);
            Array<std::complex<T>> out(pixels.shape);
            cpu::store_pixels(out.data(), n, step, pair);
            for (std::int64_t i = 0; i < out.elements(); ++i)
                CHECK(out[i] == (i % step == 0 && i / step < n ? pixels[i] : std::complex<T>(0)));
        }
}

TEMPLATE_TEST_CASE("Every way through the normal operator gives what its pieces give, whatever axes the mask varies along", "",
                   float, double) {
    Bench b;
    for (const Size& s : sizes)
        for (int constant = 0; constant < 8; ++constant) {
            const Problem<TestType> p(s, {(constant & 1) != 0, (constant & 2) != 0, (constant & 4) != 0}, b);
            CHECK(relative_error(p.at_once(b), p.by_pieces(b)) < adjoint_bound<TestType>());
        }
}

TEST_CASE("A plan of the normal operator holds for every mask that is constant along more axes") {
    Bench b;
    for (const Size& s : sizes) {
        const Problem<float> whole(s, {false, false, false}, b);
        ArenaProgram program;
        Arena planned("planned");
        b.ops->set_planning(true);
        planned.book(program);
        const Tensor rhs = whole.rhs.view();
        Array<std::complex<float>> out(whole.x.shape);
        b.ops->sense_normal(whole.x.view(), whole.maps.view(), whole.folded.view(), s.rank, NormalTerms{2, 0.25, -1, &rhs},
                            out.view(), planned);
        planned.finish_booking();
        b.ops->set_planning(false);
        planned.grant(b.ops->allocator(), "");
        for (int constant = 0; constant < 8; ++constant) {
            const Problem<float> p(s, {(constant & 1) != 0, (constant & 2) != 0, (constant & 4) != 0}, b);
            const Tensor view = p.rhs.view();
            planned.replay(program);
            CHECK_NOTHROW(b.ops->sense_normal(p.x.view(), p.maps.view(), p.folded.view(), p.rank, NormalTerms{2, 0.25, -1, &view},
                                              out.view(), planned));
        }
    }
}

TEST_CASE("Coil images too large to be kept together are added up one after the other") {
    Bench b;
    const Problem<float> p({1, 1, 3, 60, 64, 160, 3}, {false, false, false}, b);
    CHECK(relative_error(p.at_once(b), p.by_pieces(b)) < 1e-5);
}

TEST_CASE("The normal operator does not depend on the number of threads") {
    const Size many[] = {{1, 1, 3, 1, 40, 36, 2}, {1, 6, 2, 1, 18, 35, 2}, {1, 1, 3, 9, 20, 34, 3}, {1, 1, 2, 1, 37, 12, 2}};
    for (const Size& s : many)
        for (int constant = 0; constant < 8; ++constant) {
            Array<std::complex<float>> reference;
            for (const int threads : {1, 2, 3, 5}) {
                set_thread_count(threads);
                Bench b;
                const Problem<float> p(s, {(constant & 1) != 0, (constant & 2) != 0, (constant & 4) != 0}, b);
                const auto out = p.at_once(b);
                if (threads == 1) reference = out;
                CHECK(out.values == reference.values);
            }
        }
    set_thread_count(0);
}
