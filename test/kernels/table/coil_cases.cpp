// Coils and masks.
#include "test/kernels/table/coil_sizes.hpp"

namespace gleam::test {
namespace {

// One number of pixels or sets and another: odd and even ones, for each way to access them; several blocks; so many of them that
// a thread takes several coils.
const CoilSizes sizes[] = {
    {1, 1, 1, 1, 1, 1, 1},       {1, 1, 1, 1, 5, 7, 1},       {2, 1, 3, 1, 4, 6, 1},   {1, 1, 8, 1, 17, 16, 1},
    {2, 3, 2, 1, 5, 4, 1, true}, {1, 2, 3, 1, 3, 8, 2},       {2, 1, 4, 3, 5, 6, 1},   {1, 1, 2, 2, 7, 13, 3},
    {1, 1, 1, 1, 31, 33, 1},     {2, 2, 3, 1, 5, 5, 2, true}, {1, 1, 5, 1, 13, 11, 4}, {20, 30, 5, 1, 1, 2, 1, true},
    {20, 30, 6, 1, 1, 1, 2},
};

OperationCase coil_expand(const CoilSizes& s, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("coil_expand, {}, {}", s.text(), name_of(c)),
                      {{c, s.image()}, {c, s.maps()}},
                      {{c, s.kspace(), Fill::unset}}};
    row.run = [](Call& k) { k.ops.coil_expand(k.in[0], k.in[1], k.out[0]); };
    row.reference = [s](const Values& in, Values& out) {
        for (std::int64_t i = 0; i < s.batch * s.frames; ++i)
            for (std::int64_t coil = 0; coil < s.coils; ++coil)
                for (std::int64_t p = 0; p < s.pixels(); ++p) {
                    std::complex<double> sum = 0;
                    for (std::int64_t e = 0; e < s.sets; ++e)
                        sum += in[1].complex(((s.map_entry(i) * s.coils + coil) * s.pixels() + p) * s.sets + e) *
                               in[0].complex((i * s.pixels() + p) * s.sets + e);
                    out[0].set((i * s.coils + coil) * s.pixels() + p, sum);
                }
    };
    row.tolerance = rounding_of(real);
    row.adjoint = [](Call& k, const Tensor& y, const Tensor& x) { k.ops.coil_combine(y, k.in[1], x); };
    return row;
}

OperationCase coil_combine(const CoilSizes& s, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("coil_combine, {}, {}", s.text(), name_of(c)),
                      {{c, s.kspace()}, {c, s.maps()}},
                      {{c, s.image(), Fill::unset}}};
    row.run = [](Call& k) { k.ops.coil_combine(k.in[0], k.in[1], k.out[0]); };
    row.reference = [s](const Values& in, Values& out) {
        for (std::int64_t i = 0; i < s.batch * s.frames; ++i)
            for (std::int64_t p = 0; p < s.pixels() * s.sets; ++p) {
                std::complex<double> sum = 0;
                for (std::int64_t coil = 0; coil < s.coils; ++coil)
                    sum += std::conj(in[1].complex((s.map_entry(i) * s.coils + coil) * s.pixels() * s.sets + p)) *
                           in[0].complex((i * s.coils + coil) * s.pixels() + p / s.sets);
                out[0].set(i * s.pixels() * s.sets + p, sum);
            }
    };
    row.tolerance = rounding_of(real);
    return row;
}

const MaskSizes masks[] = {
    {{1, 1, 2, 1, 6, 5, 1}, true, true, true, true},   {{2, 3, 2, 1, 4, 6, 1}, true, true, true, true},
    {{2, 3, 2, 1, 4, 6, 1}, false, true, true, true},  {{1, 1, 3, 1, 6, 10, 1}, true, true, false, true},
    {{1, 1, 3, 1, 6, 10, 1}, true, true, true, false}, {{2, 1, 2, 4, 3, 6, 1}, true, true, true, false},
    {{1, 1, 1, 1, 1, 1, 1}, true, true, true, true},   {{1, 1, 2, 1, 6, 5, 1}, true, false, false, false},
};

OperationCase mask_multiply(const MaskSizes& m, DType real) {
    const DType c = complex_of(real);
    // The k-space that is multiplied is an output that was there before.
    OperationCase row{fmt::format("mask_multiply, {}, {}", m.text(), name_of(c)), {{real, m.shape()}}, {{c, m.k.kspace()}}};
    row.run = [](Call& k) { k.ops.mask_multiply(k.in[0], k.out[0]); };
    row.reference = [m](const Values& in, Values& out) {
        const CoilSizes& s = m.k;
        std::int64_t at = 0;
        for (std::int64_t n = 0; n < s.batch; ++n)
            for (std::int64_t t = 0; t < s.frames; ++t)
                for (std::int64_t coil = 0; coil < s.coils; ++coil)
                    for (std::int64_t z = 0; z < s.z; ++z)
                        for (std::int64_t y = 0; y < s.y; ++y)
                            for (std::int64_t x = 0; x < s.x; ++x, ++at) {
                                out[0].set(at, in[0][m.at(n, t, z, y, x)] * out[0].complex(at));
                            }
    };
    row.tolerance = rounding_of(real);
    return row;
}

OperationCase normal_mask(const MaskSizes& m, int rank, bool centred, DType real) {
    OperationCase row{fmt::format("normal_mask, {}, rank {}{}, {}", m.text(), rank, centred ? "" : ", uncentred", name_of(real)),
                      {{real, m.shape(), Fill::uniform}},
                      {{real, m.shape(), Fill::unset}}};
    row.run = [=](Call& k) { k.ops.normal_mask(k.in[0], {rank, centred}, k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        const Shape s = m.shape();
        const std::int64_t nz = rank == 3 ? s[3] : 1, ny = s[4], nx = s[5];
        const auto shifted = [&](std::int64_t i, std::int64_t n) { return centred ? (i + n / 2) % n : i; };
        for (std::int64_t v = 0; v < s.elements() / (nz * ny * nx); ++v)
            for (std::int64_t z = 0; z < nz; ++z)
                for (std::int64_t y = 0; y < ny; ++y)
                    for (std::int64_t x = 0; x < nx; ++x) {
                        const double k = in[0][((v * nz + shifted(z, nz)) * ny + shifted(y, ny)) * nx + shifted(x, nx)];
                        out[0][((v * nz + z) * ny + y) * nx + x] = k * k / static_cast<double>(nz * ny * nx);
                    }
    };
    row.tolerance = rounding_of(real);
    return row;
}

}  // namespace

std::vector<OperationCase> coil_cases() {
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64}) {
        for (const CoilSizes& s : sizes) {
            rows.push_back(coil_expand(s, real));
            rows.push_back(coil_combine(s, real));
        }
        for (const MaskSizes& m : masks) {
            rows.push_back(mask_multiply(m, real));
            rows.push_back(normal_mask(m, m.k.z > 1 ? 3 : 2, true, real));
            rows.push_back(normal_mask(m, 2, false, real));
        }
    }
    return rows;
}

}  // namespace gleam::test
