// The normal operator of SENSE, written out: maps, dense transforms along all axes, the mask, transforms back, maps.
#include "test/kernels/table/coil_sizes.hpp"
#include "test/kernels/table/dense_fourier.hpp"

namespace gleam::test {
namespace {

// alpha, beta and gamma of out = alpha A^H A x + beta x + gamma b; where beta's factor, the samples to compute and b come from.
struct Terms {
    double alpha = 1, beta = 0, gamma = 0;
    bool beta_factor = false, active_per_sample = false, active_at_once = false;

    std::string text() const {
        return fmt::format("{} {} {}{}{}", alpha, beta, gamma, beta_factor ? ", factor" : "",
                           active_per_sample ? ", some samples"
                           : active_at_once  ? ", all or no sample"
                                             : "");
    }
};

// Which operand is what, after x, maps and mask; 0: there is none.
struct Places {
    std::size_t b = 0, factor = 0, active = 0;

    explicit Places(const Terms& t) {
        std::size_t next = 3;
        if (t.gamma != 0) b = next++;
        if (t.beta_factor) factor = next++;
        if (t.active_per_sample || t.active_at_once) active = next;
    }
};

using Line = std::vector<std::complex<double>>;

// mask F x of one coil image, F^-1 of it: with all `rank` axes; those along which the mask is constant are not in its scale.
void filter(const MaskSizes& m, int rank, std::int64_t n, std::int64_t t, const Value& mask, Line& x) {
    const CoilSizes& s = m.k;
    const auto transform = [&](int sign) {
        dense_fourier(x.data(), s.z * s.y, s.x, 1, sign, 0);
        dense_fourier(x.data(), s.z, s.y, s.x, sign, 0);
        if (rank == 3) dense_fourier(x.data(), 1, s.z, s.y * s.x, sign, 0);
    };
    const double constant = static_cast<double>((m.x ? 1 : s.x) * (m.y ? 1 : s.y) * (m.z || rank == 2 ? 1 : s.z));
    transform(-1);
    std::size_t at = 0;
    for (std::int64_t z = 0; z < s.z; ++z)
        for (std::int64_t y = 0; y < s.y; ++y)
            for (std::int64_t i = 0; i < s.x; ++i) x[at++] *= mask[m.at(n, t, z, y, i)] / constant;
    transform(1);
}

void normal(const MaskSizes& m, int rank, const Terms& terms, const Values& in, Value& out) {
    const CoilSizes& s = m.k;
    const Places places(terms);
    const double beta = terms.beta * (places.factor ? in[places.factor][0] : 1);
    for (std::int64_t i = 0; i < s.batch * s.frames; ++i) {
        const std::int64_t n = i / s.frames, first = i * s.pixels() * s.sets;
        const bool computed = !places.active || in[places.active][terms.active_per_sample ? n : 0] != 0;
        Line sum(static_cast<std::size_t>(s.pixels() * s.sets));
        for (std::int64_t c = 0; computed && c < s.coils; ++c) {
            const std::int64_t map = (s.map_entry(i) * s.coils + c) * s.pixels() * s.sets;
            Line coil(static_cast<std::size_t>(s.pixels()));
            for (std::int64_t p = 0; p < s.pixels() * s.sets; ++p)
                coil[static_cast<std::size_t>(p / s.sets)] += in[1].complex(map + p) * in[0].complex(first + p);
            filter(m, rank, n, i % s.frames, in[2], coil);
            for (std::int64_t p = 0; p < s.pixels() * s.sets; ++p)
                sum[static_cast<std::size_t>(p)] +=
                    std::conj(in[1].complex(map + p)) * coil[static_cast<std::size_t>(p / s.sets)];
        }
        for (std::int64_t p = 0; p < s.pixels() * s.sets; ++p) {
            std::complex<double> v = terms.alpha * sum[static_cast<std::size_t>(p)] + beta * in[0].complex(first + p);
            if (terms.gamma != 0) v += terms.gamma * in[places.b].complex(first + p);
            out.set(first + p, computed ? v : 0);
        }
    }
}

OperationCase sense_normal(const MaskSizes& m, int rank, const Terms& terms, DType real) {
    const DType c = complex_of(real);
    const CoilSizes& s = m.k;
    const Places places(terms);
    OperationCase row{fmt::format("sense_normal, {}, rank {}, terms {}, {}", m.text(), rank, terms.text(), name_of(c)),
                      {{c, s.image()}, {c, s.maps()}, {real, m.shape(), Fill::uniform}},
                      {{c, s.image(), Fill::unset}}};
    if (places.b) row.in.push_back({c, s.image()});
    if (places.factor) row.in.push_back({real, Shape{1}});
    if (places.active) row.in.push_back({DType::f64, Shape{terms.active_per_sample ? s.batch : 1}, Fill::zero_or_one});
    const auto run = [=](Call& k, const Tensor& x, const Tensor& out) {
        kernels::NormalTerms t{terms.alpha, terms.beta, terms.gamma};
        if (terms.gamma != 0) t.b = &k.in[places.b];
        if (places.factor) t.beta_factor = &k.in[places.factor];
        if (places.active) t.active = &k.in[places.active];
        k.ops.sense_normal(x, k.in[1], k.in[2], rank, t, out, k.workspace);
    };
    row.run = [=](Call& k) { run(k, k.in[0], k.out[0]); };
    row.reference = [=](const Values& in, Values& out) { normal(m, rank, terms, in, out[0]); };
    row.tolerance = rounding_of(real);
    if (terms.gamma == 0) row.adjoint = [=](Call& k, const Tensor& y, const Tensor& x) { run(k, y, x); };
    return row;
}

struct SenseSizes {
    MaskSizes m;
    int rank;
};

// Masks of points, of lines along every axis, of planes, and constant ones; shared by frames and not; in 2D, stacks, 3D, 2D+t;
// one coil, several sets, maps shared by frames. Each with two choices of terms.
const SenseSizes sizes[] = {
    {{{1, 1, 1, 1, 1, 1, 1}, true, true, true, true}, 2},         {{{1, 1, 3, 1, 8, 6, 1}, true, true, true, true}, 2},
    {{{4, 1, 1, 1, 7, 5, 1}, true, true, true, true}, 2},         {{{1, 3, 2, 1, 6, 5, 1, true}, false, true, true, true}, 2},
    {{{1, 1, 2, 3, 4, 5, 1}, true, true, true, true}, 2},         {{{1, 1, 2, 37, 4, 6, 1}, true, true, true, false}, 3},
    {{{4, 2, 2, 1, 6, 8, 2, true}, true, true, true, true}, 2},   {{{1, 1, 2, 3, 4, 5, 3}, true, true, true, true}, 3},
    {{{1, 1, 3, 1, 6, 8, 1}, true, true, false, false}, 2},       {{{1, 1, 3, 5, 6, 8, 1}, true, true, true, false}, 3},
    {{{4, 1, 3, 1, 5, 24, 1}, true, true, false, true}, 2},       {{{4, 1, 3, 1, 24, 5, 1}, true, true, true, false}, 2},
    {{{1, 3, 2, 1, 9, 20, 1, true}, true, true, false, true}, 2}, {{{2, 3, 2, 1, 20, 9, 1, true}, false, true, true, false}, 2},
    {{{4, 2, 2, 1, 7, 12, 2, true}, true, true, false, true}, 2}, {{{1, 1, 2, 1, 12, 7, 3}, true, true, true, false}, 2},
    {{{1, 1, 2, 3, 8, 9, 1}, true, true, false, true}, 2},        {{{1, 1, 2, 3, 9, 8, 2}, true, true, true, false}, 2},
    {{{2, 1, 2, 16, 3, 5, 1}, true, true, false, false}, 3},      {{{1, 1, 2, 12, 5, 3, 2}, true, true, false, false}, 3},
    {{{1, 1, 2, 3, 12, 5, 1}, true, false, true, false}, 3},      {{{1, 1, 2, 3, 5, 16, 1}, true, false, false, true}, 3},
    {{{1, 2, 2, 1, 10, 6, 1}, true, true, false, false}, 2},      {{{4, 2, 2, 3, 10, 15, 2, true}, true, true, false, false}, 2},
    {{{1, 1, 3, 3, 10, 6, 3}, true, false, false, false}, 3},     {{{1, 1, 2, 2, 4, 1, 1}, true, false, true, false}, 3},
};

const Terms terms_of_all[] = {{1}, {0.5, -2, 3}};
const Terms other_terms[] = {
    {1, 0.25, 0, true}, {-1, 2, 0.5, true, true}, {2, 0, 0, false, true}, {1, 0, -1}, {1, 1, 0, false, false, true}};

// Lengths of lines: every radix, first, last and in between, and several of one; too long a prime.
const std::int64_t lengths[] = {2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 13, 15, 16, 19,  20,  24,  30,
                                31, 32, 36, 37, 40, 49, 50, 64, 68, 72, 77, 87, 96, 100, 128, 161, 192};
const std::int64_t long_lengths[] = {320, 372, 512};

}  // namespace

std::vector<OperationCase> sense_cases() {
    std::vector<OperationCase> rows;
    const auto add_lines = [&](std::int64_t n, std::int64_t beside, std::int64_t coils, DType real) {
        rows.push_back(sense_normal({{1, 1, coils, 1, beside, n, 1}, true, true, false, true}, 2, {0.5, 1}, real));
        rows.push_back(sense_normal({{1, 1, coils, 1, n, beside, 1}, true, true, true, false}, 2, {0.5, 1}, real));
    };
    for (DType real : {DType::f32, DType::f64}) {
        for (const SenseSizes& s : sizes)
            for (const Terms& terms : terms_of_all) rows.push_back(sense_normal(s.m, s.rank, terms, real));
        // Points, lines along x and along y, constant.
        for (const Terms& terms : other_terms)
            for (const auto& [y, x] :
                 {std::pair{true, true}, std::pair{false, true}, std::pair{true, false}, std::pair{false, false}})
                for (std::int64_t sets : {1, 2})
                    rows.push_back(sense_normal({{6, 2, 2, 1, 8, 12, sets, true}, true, true, y, x}, 2, terms, real));
        for (std::int64_t n : lengths)
            if (real == DType::f32 || n < 80) add_lines(n, 3, n < 40 ? 2 : 1, real);
        // Enough lines for the largest tiles.
        rows.push_back(sense_normal({{20, 14, 1, 1, 16, 18, 1}, true, true, true, false}, 2, {}, real));
        rows.push_back(sense_normal({{20, 14, 1, 1, 18, 16, 1}, true, true, false, true}, 2, {}, real));
    }
    for (std::int64_t n : long_lengths) add_lines(n, 2, 1, DType::f32);
    return rows;
}

}  // namespace gleam::test
