#include "kernels/cpu/direct_convolution.hpp"

#include <omp.h>

#include "kernels/cpu/matrix_product.hpp"

namespace gleam::kernels::cpu {
namespace {

// Sizes of memory are in floats.
struct Direct {
    const ConvolutionSizes& s;
    std::int64_t in = s.x[4], out = s.y[4], out_padded = whole_vectors(out);
    std::int64_t planes = s.weights[2], rows = s.weights[3], columns = s.weights[4], taps = planes * rows * columns;
    std::int64_t width = s.y[3], window = columns * in;  // a row of a window
    bool pads = s.padding[1] > 0 || s.padding[2] > 0;
    std::int64_t row_size = pads ? (s.x[3] + 2 * s.padding[2]) * in : s.x[3] * in;
    std::int64_t lines = s.y[0] * s.y[1] * s.y[2];

    // Weights, or their gradient, as [plane, row, column, in, out_padded]
    std::int64_t weights_size() const { return taps * in * out_padded; }
    // The rows of x that a line of y reads, where they have to be copied
    std::int64_t rows_size() const { return pads ? whole_vectors(rows * row_size) : 0; }
    // A line of y whose channels are whole vectors
    std::int64_t line_size() const { return width * out_padded; }
    std::int64_t thread_size() const { return rows_size() + line_size(); }
    // The gradients of so many parts of the lines are summed apart, for the threads to work on: a matter of the sizes alone.
    std::int64_t groups() const { return std::clamp<std::int64_t>(lines / 8, 1, 16); }

    struct Line {
        std::int64_t n, d, h;
    };
    Line line(std::int64_t i) const { return {i / s.y[2] / s.y[1], i / s.y[2] % s.y[1], i % s.y[2]}; }
    std::int64_t offset(const Line& at) const { return ((at.n * s.y[1] + at.d) * s.y[2] + at.h) * width * out; }

    // The rows of x that line `at` of y reads with plane p of the kernel, row_size apart; null: none. Copies with zeros around
    // them where the convolution pads.
    const float* rows_of(const Line& at, std::int64_t p, const float* x, float* copy) const {
        const std::int64_t d = at.d + p - s.padding[0];
        if (d < 0 || d >= s.x[1]) return nullptr;
        const float* plane = x + (at.n * s.x[1] + d) * s.x[2] * s.x[3] * in;
        if (!pads) return plane + at.h * row_size;
        const std::int64_t side = s.padding[2] * in;
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t h = at.h + r - s.padding[1];
            float* to = copy + r * row_size;
            if (h < 0 || h >= s.x[2]) {
                std::fill_n(to, row_size, 0.0F);
                continue;
            }
            std::fill_n(to, side, 0.0F);
            std::copy_n(plane + h * s.x[3] * in, s.x[3] * in, to + side);
            std::fill_n(to + row_size - side, side, 0.0F);
        }
        return copy;
    }

    void pack(const WeightView& w, float* to) const {
        for (std::int64_t tap = 0; tap < taps; ++tap)
            for (std::int64_t i = 0; i < in; ++i, to += out_padded) {
                for (std::int64_t o = 0; o < out; ++o) to[o] = w(o, i, tap);
                std::fill(to + out, to + out_padded, 0.0F);
            }
    }

    void forward(const Line& at, const float* x, const float* weights, const ConvolutionOutput<float>& result, float* own) const {
        float* const sums = own + rows_size();
        bool accumulate = false;
        for (std::int64_t p = 0; p < planes; ++p) {
            const float* from = rows_of(at, p, x, own);
            if (!from) continue;
            matrix_product<float>(width, out_padded, window, {from, in, 1, rows, row_size},
                                  weights + p * rows * window * out_padded, accumulate, sums);
            accumulate = true;
        }
        if (!accumulate) std::fill_n(sums, line_size(), 0.0F);
        float* to = result.y + offset(at);
        for (std::int64_t w = 0; w < width; ++w)
            for_each_vector(out,
                            [&](std::int64_t k) { store_output(result, load(sums + w * out_padded + k), k, to + w * out + k); });
    }

    void add_gradient(const Line& at, const float* x, const float* dy, float* sum, float* own) const {
        const float* line = dy + offset(at);
        if (out != out_padded) {
            float* const copy = own + rows_size();
            for (std::int64_t w = 0; w < width; ++w) {
                std::copy_n(line + w * out, out, copy + w * out_padded);
                std::fill_n(copy + w * out_padded + out, out_padded - out, 0.0F);
            }
            line = copy;
        }
        for (std::int64_t p = 0; p < planes; ++p) {
            const float* from = rows_of(at, p, x, own);
            if (!from) continue;
            for (std::int64_t r = 0; r < rows; ++r)
                matrix_product<float>(window, out_padded, width, {from + r * row_size, 1, in}, line, true,
                                      sum + (p * rows + r) * window * out_padded);
        }
    }

    void add_to(const float* sums, float* dweights) const {
        for (std::int64_t o = 0; o < out; ++o)
            for (std::int64_t i = 0; i < in; ++i)
                for (std::int64_t tap = 0; tap < taps; ++tap) {
                    float total = 0;
                    for (std::int64_t q = 0; q < groups(); ++q)
                        total += sums[q * weights_size() + (tap * in + i) * out_padded + o];
                    dweights[(o * in + i) * taps + tap] += total;
                }
    }
};

}  // namespace

bool direct_suits(const ConvolutionSizes& s) { return std::min(s.x[4], s.y[4]) >= lanes && std::max(s.x[4], s.y[4]) <= lanes; }

std::size_t direct_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads) {
    const Direct g{sizes};
    const std::int64_t shared = (pass == ConvolutionPass::forward ? 1 : g.groups()) * g.weights_size();
    return static_cast<std::size_t>(shared + threads * g.thread_size()) * sizeof(float);
}

void direct_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                    const ConvolutionOutput<float>& out, void* scratch) {
    const Direct g{sizes};
    auto* const packed = static_cast<float*>(scratch);
    g.pack(weights, packed);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < g.lines; ++i)
        g.forward(g.line(i), x, packed, out, packed + g.weights_size() + omp_get_thread_num() * g.thread_size());
}

void direct_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                        void* scratch) {
    const Direct g{sizes};
    auto* const sums = static_cast<float*>(scratch);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t q = 0; q < g.groups(); ++q) {
        float* const own = sums + g.groups() * g.weights_size() + omp_get_thread_num() * g.thread_size();
        float* const sum = sums + q * g.weights_size();
        std::fill_n(sum, g.weights_size(), 0.0F);
        for (std::int64_t i = g.lines * q / g.groups(); i < g.lines * (q + 1) / g.groups(); ++i)
            g.add_gradient(g.line(i), x, dy, sum, own);
    }
    g.add_to(sums, dweights);
}

}  // namespace gleam::kernels::cpu
