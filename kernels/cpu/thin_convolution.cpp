#include "kernels/cpu/thin_convolution.hpp"

#include <omp.h>

#include <algorithm>

#include "kernels/cpu/matrix_product.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t max_thin = 4;
constexpr std::int64_t pixel_block = 128, row_block = 16;

bool few_inputs(const ConvolutionSizes& s) { return s.x[4] <= s.y[4]; }

// A row of a channels-last tensor: pixel (n, d, h, 0) on.
struct Row {
    std::int64_t n, d, h;

    static Row number(std::int64_t i, const Shape& shape) {
        return {i / shape[2] / shape[1], i / shape[2] % shape[1], i % shape[2]};
    }
    std::int64_t offset(const Shape& shape) const { return ((n * shape[1] + d) * shape[2] + h) * shape[3] * shape[4]; }
};

// The kernel as it slides over the thin side.
struct Window {
    std::int64_t planes, rows, columns;
    Padding padding;

    std::int64_t taps() const { return planes * rows * columns; }
};

// Fills rows [count, taps * channels] with what a window sees of the thin tensor from pixel (row, w) on.
template <class X>
void gather(const X* thin, const Shape& shape, const Window& window, const Row& row, std::int64_t w, std::int64_t count,
            float* rows) {
    const std::int64_t channels = shape[4], piece = window.columns * channels, length = window.taps() * channels;
    const std::int64_t start = w - window.padding[2];
    for (std::int64_t k = 0; k < window.planes * window.rows; ++k) {
        const Row from{row.n, row.d + k / window.rows - window.padding[0], row.h + k % window.rows - window.padding[1]};
        float* to = rows + k * piece;
        if (from.d < 0 || from.d >= shape[1] || from.h < 0 || from.h >= shape[2]) {
            for (std::int64_t i = 0; i < count; ++i) std::fill_n(to + i * length, piece, 0.0F);
            continue;
        }
        const X* source = thin + from.offset(shape);
        for (std::int64_t i = 0; i < count; ++i, to += length) {
            const std::int64_t first = start + i;
            if (first >= 0 && first + window.columns <= shape[3])
                for (std::int64_t j = 0; j < piece; ++j) to[j] = static_cast<float>(source[first * channels + j]);
            else
                for (std::int64_t j = 0; j < piece; ++j) {
                    const std::int64_t column = first + j / channels;
                    to[j] = column >= 0 && column < shape[3] ? static_cast<float>(source[first * channels + j]) : 0.0F;
                }
        }
    }
}

// Few inputs: y = gathered rows of x times weights.
struct Gathered {
    const ConvolutionSizes& s;
    Window window{s.weights[2], s.weights[3], s.weights[4], s.padding};
    std::int64_t in = s.x[4], out = s.y[4], depth = window.taps() * in, out_padded = whole_vectors(out);

    std::int64_t weights_size() const { return depth * out_padded; }
    std::int64_t thread_size() const { return pixel_block * (whole_vectors(depth) + out_padded); }

    void pack(const WeightView& w, float* to) const {
        for (std::int64_t tap = 0; tap < window.taps(); ++tap)
            for (std::int64_t i = 0; i < in; ++i, to += out_padded) {
                for (std::int64_t o = 0; o < out; ++o) to[o] = w(o, i, tap);
                std::fill(to + out, to + out_padded, 0.0F);
            }
    }
    template <class X, class Y>
    void row(const Row& at, const X* x, const float* weights, const ConvolutionOutput<Y>& result, float* scratch) const {
        float *rows = scratch, *products = scratch + pixel_block * whole_vectors(depth);
        for (std::int64_t w = 0; w < s.y[3]; w += pixel_block) {
            const std::int64_t count = std::min(pixel_block, s.y[3] - w);
            gather(x, s.x, window, at, w, count, rows);
            matrix_product<float>(count, out_padded, depth, {rows, depth, 1}, weights, false, products);
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t to = at.offset(s.y) + (w + i) * out;
                const float* from = products + i * out_padded;
                for (std::int64_t o = 0; o < out; ++o) result.put(from[o], o, to + o);
            }
        }
    }
};

const float* as_floats(const float* x, std::int64_t, float*) { return x; }
const float* as_floats(const Bf16* x, std::int64_t n, float* converted) {
    std::copy_n(x, n, converted);
    return converted;
}

// Few outputs: each pixel of x times the weights gives what it adds to every output within reach, per plane of the kernel.
struct Scattered {
    const ConvolutionSizes& s;
    std::int64_t in = s.x[4], out = s.y[4], taps = s.weights[3] * s.weights[4], padded = whole_vectors(taps * out);

    std::int64_t weights_size() const { return s.weights[2] * in * padded; }
    std::int64_t row_size() const { return s.y[3] * out; }
    std::int64_t converted_size() const { return whole_vectors(s.x[3] * in); }
    std::int64_t thread_size() const { return s.x[3] * padded + whole_vectors(row_block * row_size()) + converted_size(); }

    // weights [planes, in, (tap of the plane, out)]
    void pack(const WeightView& w, float* to) const {
        for (std::int64_t plane = 0; plane < s.weights[2]; ++plane)
            for (std::int64_t i = 0; i < in; ++i, to += padded) {
                for (std::int64_t k = 0; k < taps * out; ++k) to[k] = w(k % out, i, plane * taps + k / out);
                std::fill(to + taps * out, to + padded, 0.0F);
            }
    }
    // Adds the products of row h of x to row `to`, h_out = h - tap_row + padding, of y.
    void add(const float* products, std::int64_t tap_row, float* to) const {
        for (std::int64_t w = 0; w < s.y[3]; ++w)
            for (std::int64_t kw = 0; kw < s.weights[4]; ++kw) {
                const std::int64_t q = w + kw - s.padding[2];
                if (q < 0 || q >= s.x[3]) continue;
                const float* from = products + q * padded + (tap_row * s.weights[4] + kw) * out;
                for (std::int64_t o = 0; o < out; ++o) to[w * out + o] += from[o];
            }
    }
    // Rows [first, last) of plane (n, d) of y
    template <class X, class Y>
    void rows(const Row& plane, std::int64_t first, std::int64_t last, const X* x, const float* weights,
              const ConvolutionOutput<Y>& result, float* scratch) const {
        float *converted = scratch, *products = converted + converted_size(), *sums = products + s.x[3] * padded;
        const std::int64_t size = (last - first) * row_size();
        std::fill_n(sums, size, 0.0F);
        for (std::int64_t kd = 0; kd < s.weights[2]; ++kd) {
            const std::int64_t d = plane.d + kd - s.padding[0];
            if (d < 0 || d >= s.x[1]) continue;
            const std::int64_t begin = std::max<std::int64_t>(0, first - s.padding[1]);
            const std::int64_t end = std::min(s.x[2], last - 1 - s.padding[1] + s.weights[3]);
            for (std::int64_t h = begin; h < end; ++h) {
                const float* row = as_floats(x + Row{plane.n, d, h}.offset(s.x), s.x[3] * in, converted);
                matrix_product<float>(s.x[3], padded, in, {row, in, 1}, weights + kd * in * padded, false, products);
                for (std::int64_t kh = 0; kh < s.weights[3]; ++kh) {
                    const std::int64_t to = h - kh + s.padding[1];
                    if (to >= first && to < last) add(products, kh, sums + (to - first) * row_size());
                }
            }
        }
        const std::int64_t to = Row{plane.n, plane.d, first}.offset(s.y);
        for (std::int64_t i = 0; i < size; ++i) result.put(sums[i], i % out, to + i);
    }
};

// The gradient by the weights: gathered rows of the thin side, transposed, times the wide side. With few outputs the thin side is
// dy, over which the kernel slides flipped.
struct Gradient {
    const ConvolutionSizes& s;
    bool few_in = few_inputs(s);
    const Shape &thin = few_in ? s.x : s.y, &wide = few_in ? s.y : s.x;
    Window window{s.weights[2], s.weights[3], s.weights[4], few_in ? s.padding : flipped_padding()};
    std::int64_t rows = window.taps() * thin[4], channels = wide[4], padded = whole_vectors(channels);
    std::int64_t lines = wide[0] * wide[1] * wide[2], groups = std::clamp<std::int64_t>(lines / 8, 1, 16);

    Padding flipped_padding() const {
        Padding p;
        for (int i = 0; i < 3; ++i)
            p[static_cast<std::size_t>(i)] = static_cast<int>(s.weights[2 + i]) - 1 - s.padding[static_cast<std::size_t>(i)];
        return p;
    }
    std::int64_t sum_size() const { return rows * padded; }
    std::int64_t thread_size() const { return pixel_block * (whole_vectors(rows) + padded); }

    // sum [rows, padded] += gradient of one line of the wide side
    template <class Thin, class Wide>
    void add_line(const Row& at, const Thin* thin_data, const Wide* wide_data, float* sum, float* scratch) const {
        float *gathered = scratch, *copy = scratch + pixel_block * whole_vectors(rows);
        for (std::int64_t w = 0; w < wide[3]; w += pixel_block) {
            const std::int64_t count = std::min(pixel_block, wide[3] - w);
            gather(thin_data, thin, window, at, w, count, gathered);
            const Wide* from = wide_data + at.offset(wide) + w * channels;
            for (std::int64_t i = 0; i < count; ++i) {
                std::copy_n(from + i * channels, channels, copy + i * padded);
                std::fill_n(copy + i * padded + channels, padded - channels, 0.0F);
            }
            matrix_product<float>(rows, padded, count, {gathered, 1, rows}, copy, true, sum);
        }
    }
    void add_to(const float* sums, float* dweights) const {
        const std::int64_t taps = window.taps();
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t c = 0; c < channels; ++c) {
                float total = 0;
                for (std::int64_t q = 0; q < groups; ++q) total += sums[q * sum_size() + r * padded + c];
                const std::int64_t k = r % thin[4], tap = r / thin[4];
                dweights[few_in ? (c * thin[4] + k) * taps + tap : (k * channels + c) * taps + taps - 1 - tap] += total;
            }
    }
};

}  // namespace

bool thin_suits(const ConvolutionSizes& s) { return std::min(s.x[4], s.y[4]) <= max_thin; }

std::size_t thin_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& s, int threads) {
    const auto bytes = [&](std::int64_t shared, std::int64_t per_thread) {
        return static_cast<std::size_t>(shared + threads * per_thread) * sizeof(float);
    };
    if (pass == ConvolutionPass::weights) {
        const Gradient g{s};
        return bytes(g.groups * g.sum_size(), g.thread_size());
    }
    if (few_inputs(s)) return bytes(Gathered{s}.weights_size(), Gathered{s}.thread_size());
    return bytes(Scattered{s}.weights_size(), Scattered{s}.thread_size());
}

template <class X, class Y>
void thin_forward(const ConvolutionSizes& s, int threads, const X* x, const WeightView& weights, const ConvolutionOutput<Y>& out,
                  void* memory) {
    float* const scratch = static_cast<float*>(memory);
    if (few_inputs(s)) {
        const Gathered g{s};
        g.pack(weights, scratch);
#pragma omp parallel for num_threads(threads) schedule(static)
        for (std::int64_t i = 0; i < s.y[0] * s.y[1] * s.y[2]; ++i)
            g.row(Row::number(i, s.y), x, scratch, out, scratch + g.weights_size() + omp_get_thread_num() * g.thread_size());
        return;
    }
    const Scattered g{s};
    g.pack(weights, scratch);
    const std::int64_t blocks = (s.y[2] + row_block - 1) / row_block;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (std::int64_t i = 0; i < s.y[0] * s.y[1] * blocks; ++i) {
        const std::int64_t plane = i / blocks, first = i % blocks * row_block;
        g.rows({plane / s.y[1], plane % s.y[1], 0}, first, std::min(first + row_block, s.y[2]), x, scratch, out,
               scratch + g.weights_size() + omp_get_thread_num() * g.thread_size());
    }
}

template <class X, class Y>
void thin_weights_acc(const ConvolutionSizes& s, int threads, const X* x, const Y* dy, float* dweights, void* memory) {
    float* const scratch = static_cast<float*>(memory);
    const Gradient g{s};
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t q = 0; q < g.groups; ++q) {
        float* sum = scratch + q * g.sum_size();
        std::fill_n(sum, g.sum_size(), 0.0F);
        float* const own = scratch + g.groups * g.sum_size() + omp_get_thread_num() * g.thread_size();
        for (std::int64_t line = g.lines * q / g.groups; line < g.lines * (q + 1) / g.groups; ++line) {
            const Row at = Row::number(line, g.wide);
            if (g.few_in)
                g.add_line(at, x, dy, sum, own);
            else
                g.add_line(at, dy, x, sum, own);
        }
    }
    g.add_to(scratch, dweights);
}

template void thin_forward(const ConvolutionSizes&, int, const float*, const WeightView&, const ConvolutionOutput<float>&, void*);
template void thin_forward(const ConvolutionSizes&, int, const float*, const WeightView&, const ConvolutionOutput<Bf16>&, void*);
template void thin_forward(const ConvolutionSizes&, int, const Bf16*, const WeightView&, const ConvolutionOutput<float>&, void*);
template void thin_forward(const ConvolutionSizes&, int, const Bf16*, const WeightView&, const ConvolutionOutput<Bf16>&, void*);
template void thin_weights_acc(const ConvolutionSizes&, int, const float*, const float*, float*, void*);
template void thin_weights_acc(const ConvolutionSizes&, int, const float*, const Bf16*, float*, void*);
template void thin_weights_acc(const ConvolutionSizes&, int, const Bf16*, const float*, float*, void*);
template void thin_weights_acc(const ConvolutionSizes&, int, const Bf16*, const Bf16*, float*, void*);

}  // namespace gleam::kernels::cpu
