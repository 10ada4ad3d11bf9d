// Strips of up to 32 tiles at a time: their transforms, and what the 16 matrix products make of them, fit the second cache level.
// In volumes a thread follows a strip through all planes, so that each plane is transformed once and used for every plane of the
// kernel.
#include "kernels/cpu/winograd.hpp"

#include <omp.h>

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/matrix_product.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t max_tiles = 32;

// What the matrix products multiply: bf16 comes in pairs, where machines multiply those, of neighbours along the axis that is
// summed over, that is of channels (forward) or of tiles (gradient by the weights).
template <class Element>
using Number = std::conditional_t<std::is_same_v<Element, float> || !multiplies_pairs, float, Bf16Pair>;
template <class Element>
constexpr std::int64_t numbers(std::int64_t n) {
    return std::is_same_v<Number<Element>, float> ? n : (n + 1) / 2;
}

// Room for n floats, an odd number of cache lines: places that far apart lie in different sets of a cache, however many there
// are.
constexpr std::int64_t apart(std::int64_t n) {
    constexpr std::int64_t line = 16;
    return ((n + line - 1) / line | 1) * line;
}

// Two rows of the output in every plane of sample n, from column `column` on, `tiles` tiles wide.
struct Strip {
    std::int64_t n, row, column, tiles;
};

// Sizes, in elements of four bytes where they are sizes of memory.
template <class Element, ConvolutionPass pass>
struct Geometry {
    static constexpr bool forward = pass == ConvolutionPass::forward;

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
    // One of the 16 matrices of weights [in, out_padded], and all of them
    std::int64_t matrix() const { return apart((forward ? numbers<Element>(in) : in) * out_padded); }
    std::int64_t matrices() const { return planes * 16 * matrix(); }
    // One of the 16 matrices of transformed inputs [tiles, in], and of outputs [tiles, out_padded]
    std::int64_t input() const { return apart(forward ? tiles * numbers<Element>(in) : numbers<Element>(tiles) * in); }
    std::int64_t output() const { return apart((forward ? tiles : numbers<Element>(tiles)) * out_padded); }
    // What one thread needs: see Scratch
    std::int64_t patch() const { return 16 * whole_vectors(std::max(in, out)); }
    std::int64_t thread() const { return patch() + 16 * (planes * input() + output()); }
    // The gradients of so many parts of the strips are summed apart, for the threads to work on: a matter of the sizes alone.
    std::int64_t groups() const {
        return forward ? 1 : std::clamp<std::int64_t>(strips() * s.y[1] / 64, 1, std::min<std::int64_t>(strips(), 16));
    }
    std::size_t bytes(int threads) const { return static_cast<std::size_t>(groups() * matrices() + threads * thread()) * 4; }

    // The plane of x that plane `p` of the kernel reads for plane `d` of y; -1: none
    std::int64_t plane_of_x(std::int64_t d, std::int64_t p) const {
        const std::int64_t plane = d + p - s.padding[0];
        return plane < s.x[1] ? plane : -1;
    }
};

// The memory of the calling thread, behind what all share.
template <class Element, ConvolutionPass pass>
struct Scratch {
    using Multiplied = Number<Element>;
    using Output = std::conditional_t<pass == ConvolutionPass::forward, float, Multiplied>;

    const Geometry<Element, pass>& g;
    Element* patch;      // a tile with its surroundings
    Multiplied* inputs;  // transformed, per plane of the kernel
    Output* outputs;     // products (forward), or the transformed gradient of the output, of one plane

    Scratch(const Geometry<Element, pass>& geometry, void* scratch) : g(geometry) {
        float* const own = static_cast<float*>(scratch) + g.groups() * g.matrices() + omp_get_thread_num() * g.thread();
        std::fill_n(own, g.thread(), 0.0F);  // what fills up vectors and pairs stays zero
        patch = reinterpret_cast<Element*>(own);
        inputs = reinterpret_cast<Multiplied*>(own + g.patch());
        outputs = reinterpret_cast<Output*>(own + g.patch() + 16 * g.planes * g.input());
    }
    // The transform of plane `plane` of x: planes take turns.
    Multiplied* inputs_of(std::int64_t plane) const { return inputs + plane % g.planes * 16 * g.input(); }
};

// Stores channels k on of tile `tile` into a matrix of numbers to multiply, `channels` wide.
template <ConvolutionPass pass>
void put(float* matrix, std::int64_t channels, std::int64_t tile, std::int64_t k, Floats v) {
    store(matrix + tile * channels + k, v);
}
template <ConvolutionPass pass>
void put(Bf16Pair* matrix, std::int64_t channels, std::int64_t tile, std::int64_t k, Floats v) {
    if constexpr (pass == ConvolutionPass::forward) {
        store(reinterpret_cast<Bf16*>(matrix + tile * ((channels + 1) / 2)) + k, v);
        return;
    }
    Bf16Pair* const to = matrix + tile / 2 * channels + k;
    const Words word = tile % 2 == 0 ? rounded(v) >> 16 : load_vector<Words>(to) | (rounded(v) & 0xffff0000U);
    std::memcpy(to, &word, sizeof word);
}

// Pixels of a channels-last tensor around one tile: `data` is the first, the others follow at these strides.
template <class Element>
struct Patch {
    const Element* data;
    std::int64_t row, column;
};

// `side` x `side` pixels of plane (n, d) from (h, w) on; where they reach beyond the plane, a copy filled up with zeros.
template <class Element>
Patch<Element> patch_at(const Element* x, const Shape& shape, std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w,
                        int side, Element* copy) {
    const std::int64_t channels = shape[4], row = shape[3] * channels;
    const Element* first = x + (n * shape[1] + d) * shape[2] * row;
    if (h >= 0 && w >= 0 && h + side <= shape[2] && w + side <= shape[3]) return {first + h * row + w * channels, row, channels};
    for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) {
            Element* to = copy + (i * side + j) * channels;
            if (h + i >= 0 && h + i < shape[2] && w + j >= 0 && w + j < shape[3])
                std::copy_n(first + (h + i) * row + (w + j) * channels, channels, to);
            else
                std::fill_n(to, channels, Element{});
        }
    return {copy, side * channels, channels};
}

// B' x B of the tiles of a strip, with B': 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1
template <class Element, ConvolutionPass pass>
void transform_input(const Scratch<Element, pass>& t, const Element* x, const Strip& strip, std::int64_t plane) {
    const Geometry<Element, pass>& g = t.g;
    const std::int64_t stride = g.input();
    for (std::int64_t i = 0; i < strip.tiles; ++i) {
        const Patch<Element> p =
            patch_at(x, g.s.x, strip.n, plane, strip.row - g.s.padding[1], strip.column + 2 * i - g.s.padding[2], 4, t.patch);
        for_each_vector(g.in, [&](std::int64_t k) {
            Floats e[4][4];
#pragma GCC unroll 4
            for (int c = 0; c < 4; ++c) {
                const Element* from = p.data + c * p.column + k;
                const Floats d0 = load(from), d1 = load(from + p.row), d2 = load(from + 2 * p.row), d3 = load(from + 3 * p.row);
                e[0][c] = d0 - d2, e[1][c] = d1 + d2, e[2][c] = d2 - d1, e[3][c] = d1 - d3;
            }
            auto* v = t.inputs_of(plane);
#pragma GCC unroll 4
            for (int r = 0; r < 4; ++r, v += 4 * stride) {
                put<pass>(v, g.in, i, k, e[r][0] - e[r][2]);
                put<pass>(v + stride, g.in, i, k, e[r][1] + e[r][2]);
                put<pass>(v + 2 * stride, g.in, i, k, e[r][2] - e[r][1]);
                put<pass>(v + 3 * stride, g.in, i, k, e[r][1] - e[r][3]);
            }
        });
    }
}

// A' m A, with A': 1 1 1 0 | 0 1 -1 -1
template <class Element>
void transform_output(const Scratch<Element, ConvolutionPass::forward>& t, const Strip& strip, std::int64_t plane,
                      const ConvolutionOutput<Element>& out) {
    const auto& g = t.g;
    const std::int64_t stride = g.output(), row = g.s.y[3] * g.out;
    const bool second_row = strip.row + 1 < g.s.y[2];
    Element* const first = out.y + ((strip.n * g.s.y[1] + plane) * g.s.y[2] + strip.row) * row + strip.column * g.out;
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
            Element* o = first + 2 * i * g.out + k;
            store_output(out, z[0][0] + z[1][0] + z[2][0], k, o);
            if (second_column) store_output(out, z[0][1] + z[1][1] + z[2][1], k, o + g.out);
            if (!second_row) return;
            store_output(out, z[1][0] - z[2][0] - z[3][0], k, o + row);
            if (second_column) store_output(out, z[1][1] - z[2][1] - z[3][1], k, o + row + g.out);
        });
    }
}

// A dy A' of the tiles of a strip
template <class Element>
void transform_output_gradient(const Scratch<Element, ConvolutionPass::weights>& t, const Element* dy, const Strip& strip,
                               std::int64_t plane) {
    constexpr auto pass = ConvolutionPass::weights;
    const auto& g = t.g;
    const std::int64_t stride = g.output();
    for (std::int64_t i = 0; i < strip.tiles; ++i) {
        const Patch<Element> p = patch_at(dy, g.s.y, strip.n, plane, strip.row, strip.column + 2 * i, 2, t.patch);
        for_each_vector(g.out, [&](std::int64_t k) {
            const Element* from = p.data + k;
            const Floats d00 = load(from), d01 = load(from + p.column), d10 = load(from + p.row),
                         d11 = load(from + p.row + p.column);
            const Floats f[4][2] = {{d00, d01}, {d00 + d10, d01 + d11}, {d00 - d10, d01 - d11}, {-d10, -d11}};
            auto* m = t.outputs;
#pragma GCC unroll 4
            for (int r = 0; r < 4; ++r, m += 4 * stride) {
                put<pass>(m, g.out_padded, i, k, f[r][0]);
                put<pass>(m + stride, g.out_padded, i, k, f[r][0] + f[r][1]);
                put<pass>(m + 2 * stride, g.out_padded, i, k, f[r][0] - f[r][1]);
                put<pass>(m + 3 * stride, g.out_padded, i, k, -f[r][1]);
            }
        });
    }
}

// Number (i, o) of a matrix of weights [in, out_padded]
void put_weight(float* matrix, std::int64_t out_padded, std::int64_t i, std::int64_t o, float w) {
    matrix[i * out_padded + o] = w;
}
[[maybe_unused]] void put_weight(Bf16Pair* matrix, std::int64_t out_padded, std::int64_t i, std::int64_t o, float w) {
    reinterpret_cast<Bf16*>(matrix + i / 2 * out_padded + o)[i % 2] = Bf16(w);
}

// u [planes, 16, in, out_padded] = G w G' with G: 1 0 0 | 1/2 1/2 1/2 | 1/2 -1/2 1/2 | 0 0 1
template <class Element>
void transform_weights(const Geometry<Element, ConvolutionPass::forward>& g, const WeightView& w, int threads,
                       Number<Element>* u) {
    std::fill_n(reinterpret_cast<float*>(u), g.matrices(), 0.0F);  // what fills up vectors and pairs
    constexpr std::int64_t pair = 2;                               // of inputs, which may share words
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (std::int64_t p = 0; p < g.planes; ++p)
        for (std::int64_t begin = 0; begin < g.in; begin += pair)
            for (std::int64_t i = begin; i < std::min(begin + pair, g.in); ++i)
                for (std::int64_t o = 0; o < g.out; ++o) {
                    float rows[4][3];
                    for (int c = 0; c < 3; ++c) {
                        const float w0 = w(o, i, 9 * p + c), w1 = w(o, i, 9 * p + 3 + c), w2 = w(o, i, 9 * p + 6 + c);
                        rows[0][c] = w0, rows[3][c] = w2;
                        rows[1][c] = 0.5F * (w0 + w1 + w2), rows[2][c] = 0.5F * (w0 - w1 + w2);
                    }
                    Number<Element>* to = u + p * 16 * g.matrix();
                    for (const float* v : rows) {
                        put_weight(to, g.out_padded, i, o, v[0]);
                        put_weight(to + g.matrix(), g.out_padded, i, o, 0.5F * (v[0] + v[1] + v[2]));
                        put_weight(to + 2 * g.matrix(), g.out_padded, i, o, 0.5F * (v[0] - v[1] + v[2]));
                        put_weight(to + 3 * g.matrix(), g.out_padded, i, o, v[2]);
                        to += 4 * g.matrix();
                    }
                }
}

// dweights += G' (sum over groups of du) G
template <class Element>
void add_weights(const Geometry<Element, ConvolutionPass::weights>& g, int threads, const float* du, float* dweights) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (std::int64_t p = 0; p < g.planes; ++p)
        for (std::int64_t i = 0; i < g.in; ++i)
            for (std::int64_t o = 0; o < g.out; o += lanes) {
                Floats m[4][4];
                for (int k = 0; k < 16; ++k) {
                    const float* at = du + (p * 16 + k) * g.matrix() + i * g.out_padded + o;
                    m[k / 4][k % 4] = load(at);
                    for (std::int64_t q = 1; q < g.groups(); ++q) m[k / 4][k % 4] += load(at + q * g.matrices());
                }
                Floats v[3][4], w[3][3];
                for (int c = 0; c < 4; ++c) {
                    v[0][c] = m[0][c] + 0.5F * (m[1][c] + m[2][c]);
                    v[1][c] = 0.5F * (m[1][c] - m[2][c]);
                    v[2][c] = 0.5F * (m[1][c] + m[2][c]) + m[3][c];
                }
                for (int r = 0; r < 3; ++r) {
                    w[r][0] = v[r][0] + 0.5F * (v[r][1] + v[r][2]);
                    w[r][1] = 0.5F * (v[r][1] - v[r][2]);
                    w[r][2] = 0.5F * (v[r][1] + v[r][2]) + v[r][3];
                }
                for (std::int64_t l = 0; l < std::min<std::int64_t>(lanes, g.out - o); ++l) {
                    float* to = dweights + (((o + l) * g.in + i) * g.planes + p) * 9;
                    for (int k = 0; k < 9; ++k) to[k] += w[k / 3][k % 3][l];
                }
            }
}

// Calls f(d) for every plane of y after the planes of x that it reads have been transformed.
template <class Element, ConvolutionPass pass, class F>
void follow_planes(const Scratch<Element, pass>& t, const Element* x, const Strip& strip, F&& f) {
    const auto& g = t.g;
    std::int64_t done = -1;
    for (std::int64_t d = 0; d < g.s.y[1]; ++d) {
        while (done < std::min(g.s.x[1] - 1, d + g.planes - 1 - g.s.padding[0])) transform_input(t, x, strip, ++done);
        f(d);
    }
}

}  // namespace

bool winograd_suits(const ConvolutionSizes& s) {
    return s.weights[3] == 3 && s.weights[4] == 3 && std::min(s.weights[0], s.weights[1]) >= lanes &&
           std::min(s.y[2], s.y[3]) >= 2;
}

template <class Element>
std::size_t winograd_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads) {
    if (pass == ConvolutionPass::forward) return Geometry<Element, ConvolutionPass::forward>(sizes).bytes(threads);
    return Geometry<Element, ConvolutionPass::weights>(sizes).bytes(threads);
}

template <class Element>
void winograd_forward(const ConvolutionSizes& sizes, int threads, const Element* x, const WeightView& weights,
                      const ConvolutionOutput<Element>& out, void* scratch) {
    const Geometry<Element, ConvolutionPass::forward> g(sizes);
    auto* const u = static_cast<Number<Element>*>(scratch);
    transform_weights(g, weights, threads, u);
    const std::int64_t depth = numbers<Element>(g.in);
#pragma omp parallel num_threads(threads)
    {
        const Scratch t(g, scratch);
#pragma omp for schedule(dynamic)
        for (std::int64_t i = 0; i < g.strips(); ++i) {
            const Strip strip = g.strip(i);
            follow_planes(t, x, strip, [&](std::int64_t d) {
                bool accumulate = false;
                for (std::int64_t p = 0; p < g.planes; ++p) {
                    const std::int64_t plane = g.plane_of_x(d, p);
                    if (plane < 0) continue;
                    for (std::int64_t k = 0; k < 16; ++k)
                        matrix_product<Number<Element>>(strip.tiles, g.out_padded, depth,
                                                        {t.inputs_of(plane) + k * g.input(), depth, 1},
                                                        u + (p * 16 + k) * g.matrix(), accumulate, t.outputs + k * g.output());
                    accumulate = true;
                }
                if (!accumulate) std::fill_n(t.outputs, 16 * g.output(), 0.0F);
                transform_output(t, strip, d, out);
            });
        }
    }
}

template <class Element>
void winograd_weights_acc(const ConvolutionSizes& sizes, int threads, const Element* x, const Element* dy, float* dweights,
                          void* scratch) {
    const Geometry<Element, ConvolutionPass::weights> g(sizes);
    auto* const sums = static_cast<float*>(scratch);
#pragma omp parallel num_threads(threads)
    {
        const Scratch t(g, scratch);
#pragma omp for schedule(dynamic)
        for (std::int64_t q = 0; q < g.groups(); ++q) {
            float* du = sums + q * g.matrices();
            std::fill_n(du, g.matrices(), 0.0F);
            for (std::int64_t i = g.strips() * q / g.groups(); i < g.strips() * (q + 1) / g.groups(); ++i) {
                const Strip strip = g.strip(i);
                follow_planes(t, x, strip, [&](std::int64_t d) {
                    transform_output_gradient(t, dy, strip, d);
                    for (std::int64_t p = 0; p < g.planes; ++p) {
                        const std::int64_t plane = g.plane_of_x(d, p);
                        if (plane < 0) continue;
                        for (std::int64_t k = 0; k < 16; ++k)
                            matrix_product<Number<Element>>(g.in, g.out_padded, numbers<Element>(strip.tiles),
                                                            {t.inputs_of(plane) + k * g.input(), 1, g.in},
                                                            t.outputs + k * g.output(), true, du + (p * 16 + k) * g.matrix());
                    }
                });
            }
        }
    }
    add_weights(g, threads, sums, dweights);
}

template std::size_t winograd_scratch_bytes<float>(ConvolutionPass, const ConvolutionSizes&, int);
template std::size_t winograd_scratch_bytes<Bf16>(ConvolutionPass, const ConvolutionSizes&, int);
template void winograd_forward(const ConvolutionSizes&, int, const float*, const WeightView&, const ConvolutionOutput<float>&,
                               void*);
template void winograd_forward(const ConvolutionSizes&, int, const Bf16*, const WeightView&, const ConvolutionOutput<Bf16>&,
                               void*);
template void winograd_weights_acc(const ConvolutionSizes&, int, const float*, const float*, float*, void*);
template void winograd_weights_acc(const ConvolutionSizes&, int, const Bf16*, const Bf16*, float*, void*);

}  // namespace gleam::kernels::cpu
