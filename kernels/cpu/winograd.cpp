// Strips of up to 32 tiles at a time: their transforms, and what the 16 matrix products make of them, fit the second cache level.
// In volumes a thread follows a strip through all planes, so that each plane is transformed once and used for every plane of the
// kernel.
#include "kernels/cpu/winograd.hpp"

#include <omp.h>

#include <algorithm>
#include <array>

#include "kernels/cpu/matrix_product.hpp"
#include "kernels/cpu/simd.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t max_tiles = 64;

// Two rows of the output in every plane of sample n, from column `column` on, `tiles` tiles wide.
struct Strip {
    std::int64_t n, row, column, tiles;
};

struct Geometry {
    const ConvolutionSizes& s;
    std::int64_t in, out, out_padded, planes;     // channels; planes of the kernel
    std::int64_t rows, row_tiles, chunks, tiles;  // strips per sample and tiles in rows; strips per row; tiles per strip at most

    explicit Geometry(const ConvolutionSizes& sizes)
        : s(sizes),
          in(s.x[4]),
          out(s.y[4]),
          out_padded(whole_vectors(out)),
          planes(s.weights[2]),
          rows((s.y[2] + 1) / 2),
          row_tiles((s.y[3] + 1) / 2),
          chunks((row_tiles + max_tiles - 1) / max_tiles),
          tiles((row_tiles + chunks - 1) / chunks) {}

    std::int64_t strips() const { return s.y[0] * rows * chunks; }
    Strip strip(std::int64_t i) const {
        const std::int64_t first = i % chunks * tiles;
        return {i / chunks / rows, i / chunks % rows * 2, 2 * first, std::min(tiles, row_tiles - first)};
    }
    // Floats of one of the 16 matrices of transformed weights, and of all
    std::int64_t matrix() const { return in * out_padded; }
    std::int64_t matrices() const { return planes * 16 * matrix(); }
    // Floats between the 16 matrices of transformed inputs [tiles, in] and outputs [tiles, out_padded]
    std::int64_t input() const { return whole_vectors(tiles * in); }
    std::int64_t output() const { return tiles * out_padded; }
    // The plane of x that plane `p` of the kernel reads for plane `d` of y; -1: none
    std::int64_t plane_of_x(std::int64_t d, std::int64_t p) const {
        const std::int64_t plane = d + p - s.padding[0];
        return plane < s.x[1] ? plane : -1;
    }
};

// What one thread needs.
struct ThreadScratch {
    float *patch, *inputs, *outputs;  // a tile with its surroundings; per plane of the kernel; of one plane

    static std::int64_t patch_size(const Geometry& g) { return 16 * whole_vectors(std::max(g.in, g.out)); }
    static std::int64_t size(const Geometry& g) { return patch_size(g) + 16 * (g.planes * g.input() + g.output()); }
    ThreadScratch(const Geometry& g, float* scratch)
        : patch(scratch + omp_get_thread_num() * size(g)),
          inputs(patch + patch_size(g)),
          outputs(inputs + 16 * g.planes * g.input()) {}

    // The transform of plane `plane` of x: planes take turns.
    float* inputs_of(const Geometry& g, std::int64_t plane) const { return inputs + plane % g.planes * 16 * g.input(); }
};

// Pixels of a channels-last tensor around one tile: `data` is the first, the others follow at these strides.
struct Patch {
    const float* data;
    std::int64_t row, column;
};

// `side` x `side` pixels of plane (n, d) from (h, w) on; where they reach beyond the plane, a copy filled up with zeros.
Patch patch_at(const float* x, const Shape& shape, std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w, int side,
               float* copy) {
    const std::int64_t channels = shape[4], row = shape[3] * channels;
    const float* first = x + (n * shape[1] + d) * shape[2] * row;
    if (h >= 0 && w >= 0 && h + side <= shape[2] && w + side <= shape[3]) return {first + h * row + w * channels, row, channels};
    for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) {
            float* to = copy + (i * side + j) * channels;
            if (h + i >= 0 && h + i < shape[2] && w + j >= 0 && w + j < shape[3])
                std::copy_n(first + (h + i) * row + (w + j) * channels, channels, to);
            else
                std::fill_n(to, channels, 0.0F);
        }
    return {copy, side * channels, channels};
}

// Calls f(k) for whole vectors of channels from k on; the last may overlap the one before.
template <class F>
void for_each_vector(std::int64_t channels, F&& f) {
    for (std::int64_t k = 0; k < channels; k += lanes) f(std::min<std::int64_t>(k, channels - lanes));
}

// Stores the sums of channels k on into `to`. A gate is passed once: where the vector overlaps the one before, `to` stays.
void store_output(const ConvolutionOutput& out, Floats sum, std::int64_t k, float* to) {
    if (out.gated) {
        const Floats before = load(to), result = before > Floats{} ? sum : out.slope * sum;
        const std::int64_t done = (lanes - k % lanes) % lanes;
        store(to, done == 0 ? result : lane_numbers() >= static_cast<float>(done) ? result : before);
    } else {
        store(to, out.bias ? sum + load(out.bias + k) : sum);
    }
}

// B' x B of the tiles of a strip, with B': 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1
void transform_input(const Geometry& g, const float* x, const Strip& strip, std::int64_t plane, const ThreadScratch& t) {
    float* const inputs = t.inputs_of(g, plane);
    const std::int64_t stride = g.input();
    for (std::int64_t i = 0; i < strip.tiles; ++i) {
        const Patch p = patch_at(x, g.s.x, strip.n, plane, strip.row - g.s.padding[1], strip.column + 2 * i - g.s.padding[2], 4,
                                 t.patch);
        for_each_vector(g.in, [&](std::int64_t k) {
            Floats e[4][4];
#pragma GCC unroll 4
            for (int c = 0; c < 4; ++c) {
                const float* from = p.data + c * p.column + k;
                const Floats d0 = load(from), d1 = load(from + p.row), d2 = load(from + 2 * p.row), d3 = load(from + 3 * p.row);
                e[0][c] = d0 - d2, e[1][c] = d1 + d2, e[2][c] = d2 - d1, e[3][c] = d1 - d3;
            }
            float* v = inputs + i * g.in + k;
#pragma GCC unroll 4
            for (int r = 0; r < 4; ++r, v += 4 * stride) {
                store(v, e[r][0] - e[r][2]);
                store(v + stride, e[r][1] + e[r][2]);
                store(v + 2 * stride, e[r][2] - e[r][1]);
                store(v + 3 * stride, e[r][1] - e[r][3]);
            }
        });
    }
}

// A' m A, with A': 1 1 1 0 | 0 1 -1 -1
void transform_output(const Geometry& g, const ThreadScratch& t, const Strip& strip, std::int64_t plane,
                      const ConvolutionOutput& out) {
    const std::int64_t stride = g.output(), row = g.s.y[3] * g.out;
    const bool second_row = strip.row + 1 < g.s.y[2];
    float* const first = out.y + ((strip.n * g.s.y[1] + plane) * g.s.y[2] + strip.row) * row + strip.column * g.out;
    for (std::int64_t i = 0; i < strip.tiles; ++i) {
        const bool second_column = strip.column + 2 * i + 1 < g.s.y[3];
        for_each_vector(g.out, [&](std::int64_t k) {
            const float* m = t.outputs + i * g.out_padded + k;
            Floats z[4][2];
#pragma GCC unroll 4
            for (int r = 0; r < 4; ++r, m += 4 * stride) {
                const Floats m0 = load(m), m1 = load(m + stride), m2 = load(m + 2 * stride), m3 = load(m + 3 * stride);
                z[r][0] = m0 + m1 + m2, z[r][1] = m1 - m2 - m3;
            }
            float* o = first + 2 * i * g.out + k;
            store_output(out, z[0][0] + z[1][0] + z[2][0], k, o);
            if (second_column) store_output(out, z[0][1] + z[1][1] + z[2][1], k, o + g.out);
            if (!second_row) return;
            store_output(out, z[1][0] - z[2][0] - z[3][0], k, o + row);
            if (second_column) store_output(out, z[1][1] - z[2][1] - z[3][1], k, o + row + g.out);
        });
    }
}

// A dy A' of the tiles of a strip. What fills up the last vector of channels stays as it is.
void transform_output_gradient(const Geometry& g, const float* dy, const Strip& strip, std::int64_t plane, const ThreadScratch& t) {
    const std::int64_t stride = g.output();
    for (std::int64_t i = 0; i < strip.tiles; ++i) {
        const Patch p = patch_at(dy, g.s.y, strip.n, plane, strip.row, strip.column + 2 * i, 2, t.patch);
        for_each_vector(g.out, [&](std::int64_t k) {
            const float* from = p.data + k;
            const Floats d00 = load(from), d01 = load(from + p.column), d10 = load(from + p.row),
                         d11 = load(from + p.row + p.column);
            const Floats f[4][2] = {{d00, d01}, {d00 + d10, d01 + d11}, {d00 - d10, d01 - d11}, {-d10, -d11}};
            float* m = t.outputs + i * g.out_padded + k;
#pragma GCC unroll 4
            for (int r = 0; r < 4; ++r, m += 4 * stride) {
                store(m, f[r][0]);
                store(m + stride, f[r][0] + f[r][1]);
                store(m + 2 * stride, f[r][0] - f[r][1]);
                store(m + 3 * stride, -f[r][1]);
            }
        });
    }
}

// Calls f(d) for every plane of y after the planes of x that it reads have been transformed.
template <class F>
void follow_planes(const Geometry& g, const float* x, const Strip& strip, const ThreadScratch& t, F&& f) {
    std::int64_t done = -1;
    for (std::int64_t d = 0; d < g.s.y[1]; ++d) {
        while (done < std::min(g.s.x[1] - 1, d + g.planes - 1 - g.s.padding[0])) transform_input(g, x, strip, ++done, t);
        f(d);
    }
}

// u [planes, 16, in, out_padded] = G w G' with G: 1 0 0 | 1/2 1/2 1/2 | 1/2 -1/2 1/2 | 0 0 1
void transform_weights(const Geometry& g, const WeightView& w, int threads, float* u) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (std::int64_t p = 0; p < g.planes; ++p)
        for (std::int64_t i = 0; i < g.in; ++i) {
            float* to = u + p * 16 * g.matrix() + i * g.out_padded;
            for (int k = 0; k < 16; ++k) std::fill_n(to + k * g.matrix() + g.out, g.out_padded - g.out, 0.0F);
            for (std::int64_t o = 0; o < g.out; ++o) {
                const float* tap = w.data + o * w.out + i * w.in + 9 * p * w.tap;
                float rows[4][3];
                for (int c = 0; c < 3; ++c) {
                    const float w0 = tap[c * w.tap], w1 = tap[(3 + c) * w.tap], w2 = tap[(6 + c) * w.tap];
                    rows[0][c] = w0, rows[3][c] = w2;
                    rows[1][c] = 0.5F * (w0 + w1 + w2), rows[2][c] = 0.5F * (w0 - w1 + w2);
                }
                for (int r = 0; r < 4; ++r) {
                    const float *v = rows[r];
                    float* q = to + 4 * r * g.matrix() + o;
                    q[0] = v[0], q[3 * g.matrix()] = v[2];
                    q[g.matrix()] = 0.5F * (v[0] + v[1] + v[2]), q[2 * g.matrix()] = 0.5F * (v[0] - v[1] + v[2]);
                }
            }
        }
}

// dweights += G' (sum over groups of du) G
void add_weights(const Geometry& g, std::int64_t groups, int threads, const float* du, float* dweights) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (std::int64_t o = 0; o < g.out; ++o)
        for (std::int64_t p = 0; p < g.planes; ++p)
            for (std::int64_t i = 0; i < g.in; ++i) {
                float m[4][4];
                for (int k = 0; k < 16; ++k) {
                    float sum = 0;
                    for (std::int64_t q = 0; q < groups; ++q)
                        sum += du[q * g.matrices() + (p * 16 + k) * g.matrix() + i * g.out_padded + o];
                    m[k / 4][k % 4] = sum;
                }
                float* to = dweights + ((o * g.in + i) * g.planes + p) * 9;
                float v[3][4];
                for (int c = 0; c < 4; ++c) {
                    v[0][c] = m[0][c] + 0.5F * (m[1][c] + m[2][c]);
                    v[1][c] = 0.5F * (m[1][c] - m[2][c]);
                    v[2][c] = 0.5F * (m[1][c] + m[2][c]) + m[3][c];
                }
                for (int r = 0; r < 3; ++r) {
                    to[3 * r] += v[r][0] + 0.5F * (v[r][1] + v[r][2]);
                    to[3 * r + 1] += 0.5F * (v[r][1] - v[r][2]);
                    to[3 * r + 2] += 0.5F * (v[r][1] + v[r][2]) + v[r][3];
                }
            }
}

// Parts of the strips whose gradients are summed apart, for the threads to work on: a matter of the sizes alone.
std::int64_t gradient_groups(const Geometry& g) { return std::clamp<std::int64_t>(g.strips() / 64, 1, 16); }

}  // namespace

bool winograd_suits(const ConvolutionSizes& s) {
    return s.weights[3] == 3 && s.weights[4] == 3 && std::min(s.weights[0], s.weights[1]) >= lanes &&
           std::min(s.y[2], s.y[3]) >= 2;
}

std::size_t winograd_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads) {
    const Geometry g(sizes);
    const std::int64_t sets = pass == ConvolutionPass::forward ? 1 : gradient_groups(g);
    return static_cast<std::size_t>(sets * g.matrices() + threads * ThreadScratch::size(g)) * sizeof(float);
}

void winograd_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                      const ConvolutionOutput& out, float* scratch) {
    const Geometry g(sizes);
    transform_weights(g, weights, threads, scratch);
#pragma omp parallel num_threads(threads)
    {
        const ThreadScratch t(g, scratch + g.matrices());
#pragma omp for schedule(dynamic)
        for (std::int64_t i = 0; i < g.strips(); ++i) {
            const Strip strip = g.strip(i);
            follow_planes(g, x, strip, t, [&](std::int64_t d) {
                bool accumulate = false;
                for (std::int64_t p = 0; p < g.planes; ++p) {
                    const std::int64_t plane = g.plane_of_x(d, p);
                    if (plane < 0) continue;
                    for (std::int64_t k = 0; k < 16; ++k)
                        matrix_product(strip.tiles, g.out_padded, g.in, {t.inputs_of(g, plane) + k * g.input(), g.in, 1},
                                       scratch + (p * 16 + k) * g.matrix(), accumulate, t.outputs + k * g.output());
                    accumulate = true;
                }
                if (!accumulate) std::fill_n(t.outputs, 16 * g.output(), 0.0F);
                transform_output(g, t, strip, d, out);
            });
        }
    }
}

void winograd_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                          float* scratch) {
    const Geometry g(sizes);
    const std::int64_t groups = gradient_groups(g);
#pragma omp parallel num_threads(threads)
    {
        const ThreadScratch t(g, scratch + groups * g.matrices());
        std::fill_n(t.outputs, 16 * g.output(), 0.0F);
#pragma omp for schedule(dynamic)
        for (std::int64_t q = 0; q < groups; ++q) {
            float* du = scratch + q * g.matrices();
            std::fill_n(du, g.matrices(), 0.0F);
            for (std::int64_t i = g.strips() * q / groups; i < g.strips() * (q + 1) / groups; ++i) {
                const Strip strip = g.strip(i);
                follow_planes(g, x, strip, t, [&](std::int64_t d) {
                    transform_output_gradient(g, dy, strip, d, t);
                    for (std::int64_t p = 0; p < g.planes; ++p) {
                        const std::int64_t plane = g.plane_of_x(d, p);
                        if (plane < 0) continue;
                        for (std::int64_t k = 0; k < 16; ++k)
                            matrix_product(g.in, g.out_padded, strip.tiles, {t.inputs_of(g, plane) + k * g.input(), 1, g.in},
                                           t.outputs + k * g.output(), true, du + (p * 16 + k) * g.matrix());
                    }
                });
            }
        }
    }
    add_weights(g, groups, threads, scratch, dweights);
}

}  // namespace gleam::kernels::cpu
