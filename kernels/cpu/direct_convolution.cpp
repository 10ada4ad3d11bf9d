// Where channels fill one vector, a number of x meets the weights of all three columns of the kernel while it is in a register,
// and the three outputs that they belong to are there as well: fewer than half a load per multiply-add. Where they fill two, a
// number of x serves both vectors of one column. The three pixels that a row of the kernel reads are neighbours in memory, so
// that a row of outputs is a product of matrices: [pixels, 3 in] by [3 in, out], in which the rows of the first overlap.
#include "kernels/cpu/direct_convolution.hpp"

#include <omp.h>

#include <array>
#include <utility>

#include "kernels/cpu/matrix_product.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr int columns = 3, kernel_rows = 3;
constexpr int vectors = lanes >= 16 ? 1 : 2;
constexpr std::int64_t channels = vectors * lanes;
constexpr int held = vectors == 1 ? columns : 1;  // columns of the kernel whose weights are in registers at a time
// What sums leave free of the registers holds weights, or gradients of outputs, and a number of x.
constexpr int max_pixels = (vector_registers == 32 ? 24 : 12) / vectors;  // outputs at a time
constexpr int max_inputs = 8;  // of which gradients by the weights are summed at a time, where three columns are held

// The rows of x that one row of y reads, where they do not lie beyond x: first number, and number among the kernel's rows.
struct Rows {
    std::array<std::pair<const float*, std::int64_t>, kernel_rows> row;
    int count = 0;
};

// A thread's copies of rows of x between zeros. The next row of y reads two of them again.
struct PaddedRows {
    float* memory;
    std::array<const float*, kernel_rows> copied{};  // of which rows
};

// Sizes of memory are in floats.
struct Direct {
    static constexpr std::int64_t row_weights = columns * channels * channels;

    const ConvolutionSizes& s;
    std::int64_t width = s.y[3];
    bool pads = s.padding[1] > 0 || s.padding[2] > 0;
    std::int64_t padded_row = (width + columns - 1) * channels;
    std::int64_t lines = s.y[0] * s.y[1] * s.y[2];

    // Weights, or their gradient, as [kernel's row, columns held in turn, in, columns held at a time, out]
    static constexpr std::int64_t weights_size = kernel_rows * row_weights;
    // Copies of the rows of x, where the convolution pads, and of one line of dy with zeros on both sides, where columns are held
    std::int64_t rows_size() const { return pads ? kernel_rows * padded_row : 0; }
    std::int64_t line_size() const { return held == columns ? (width + 2 * (columns - 1)) * channels : 0; }
    std::int64_t thread_size() const { return rows_size() + line_size(); }
    // The gradients of so many parts of the lines are summed apart, for the threads to work on: a matter of the sizes alone.
    std::int64_t groups() const { return std::clamp<std::int64_t>(lines / 8, 1, 16); }

    Rows rows_of(std::int64_t line, const float* x, PaddedRows& copies) const {
        const std::int64_t h = line % s.y[2], d = line / s.y[2] % s.y[1], n = line / s.y[2] / s.y[1];
        const std::int64_t row = s.x[3] * channels, side = s.padding[2] * channels;
        Rows rows;
        for (std::int64_t k = 0; k < kernel_rows; ++k) {
            const std::int64_t from_d = d - s.padding[0], from_h = h + k - s.padding[1];
            if (from_d < 0 || from_d >= s.x[1] || from_h < 0 || from_h >= s.x[2]) continue;
            const float* from = x + ((n * s.x[1] + from_d) * s.x[2] + from_h) * row;
            if (pads) {
                float* const to = copies.memory + from_h % kernel_rows * padded_row;
                if (const float*& copied = copies.copied[static_cast<std::size_t>(from_h % kernel_rows)]; copied != from) {
                    std::fill_n(to, side, 0.0F);
                    std::copy_n(from, row, to + side);
                    std::fill_n(to + side + row, side, 0.0F);
                    copied = from;
                }
                from = to;
            }
            rows.row[static_cast<std::size_t>(rows.count++)] = {from, k};
        }
        return rows;
    }

    // f(place among the weights as they lie here, kernel's row, in, column, out)
    template <class F>
    static void for_each_weight(F&& f) {
        for (std::int64_t k = 0; k < kernel_rows; ++k)
            for (std::int64_t i = 0; i < channels; ++i)
                for (std::int64_t c = 0; c < columns; ++c)
                    for (std::int64_t o = 0; o < channels; ++o)
                        f((((k * columns / held + c / held) * channels + i) * held + c % held) * channels + o, k, i, c, o);
    }
    static void pack(const WeightView& w, float* to) {
        for_each_weight([&](std::int64_t at, std::int64_t k, std::int64_t i, std::int64_t c, std::int64_t o) {
            to[at] = w(o, i, k * columns + c);
        });
    }
    // dweights += sum over groups, which is left in the first of them
    void add_to(float* sums, float* dweights) const {
        for (std::int64_t q = 1; q < groups(); ++q)
            for (std::int64_t i = 0; i < weights_size; ++i) sums[i] += sums[q * weights_size + i];
        for_each_weight([&](std::int64_t at, std::int64_t k, std::int64_t i, std::int64_t c, std::int64_t o) {
            dweights[((o * channels + i) * kernel_rows + k) * columns + c] += sums[at];
        });
    }
};

// `pixels` outputs beside one another, the first at `at` of y and, from the start of their rows, of x
template <int pixels>
void outputs(const Rows& rows, std::int64_t column, const float* weights, const ConvolutionOutput<float>& result, float* at) {
    Floats sum[pixels][vectors] = {};
    for (int k = 0; k < rows.count; ++k) {
        const auto& [row, number] = rows.row[static_cast<std::size_t>(k)];
        const float *x = row + column * channels, *b = weights + number * Direct::row_weights;
        for (std::int64_t i = 0; i < columns / held * channels; ++i, ++x, b += held * channels) {
            Floats w[held][vectors];
#pragma GCC unroll 3
            for (int c = 0; c < held; ++c)
#pragma GCC unroll 2
                for (int v = 0; v < vectors; ++v) w[c][v] = load(b + (c * vectors + v) * lanes);
#pragma GCC unroll 26
            for (int j = 0; j < pixels + held - 1; ++j) {
                const float number_of_x = x[j * channels];
#pragma GCC unroll 3
                for (int c = 0; c < held; ++c)
#pragma GCC unroll 2
                    for (int v = 0; v < vectors; ++v)
                        if (j >= c && j - c < pixels) sum[j - c][v] = multiply_add(number_of_x, w[c][v], sum[j - c][v]);
            }
        }
    }
#pragma GCC unroll 24
    for (int j = 0; j < pixels; ++j)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) store_output(result, sum[j][v], v * lanes, at + j * channels + v * lanes);
}

// sums += gradient by the weights of `inputs` inputs from `first` on: of one row of x and a line of dy between zeros. For one
// vector of channels.
template <int inputs>
void gradients(const float* x, const float* dy, std::int64_t width, std::int64_t first, float* sums) {
    Floats sum[inputs][columns];
    float* const at = sums + first * columns * lanes;
#pragma GCC unroll 8
    for (int i = 0; i < inputs; ++i)
#pragma GCC unroll 3
        for (int c = 0; c < columns; ++c) sum[i][c] = load(at + (i * columns + c) * lanes);
    x += first;
    for (std::int64_t p = 0; p < width + columns - 1; ++p, x += channels, dy += channels) {
        const Floats d0 = load(dy + 2 * channels), d1 = load(dy + channels), d2 = load(dy);
#pragma GCC unroll 8
        for (int i = 0; i < inputs; ++i) {
            sum[i][0] = multiply_add(x[i], d0, sum[i][0]);
            sum[i][1] = multiply_add(x[i], d1, sum[i][1]);
            sum[i][2] = multiply_add(x[i], d2, sum[i][2]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < inputs; ++i)
#pragma GCC unroll 3
        for (int c = 0; c < columns; ++c) store(at + (i * columns + c) * lanes, sum[i][c]);
}

template <int... n>
constexpr auto outputs_of(std::integer_sequence<int, n...>) {
    return std::array{outputs<n + 1>...};
}
constexpr auto outputs_by_pixels = outputs_of(std::make_integer_sequence<int, max_pixels>{});

}  // namespace

bool direct_suits(const ConvolutionSizes& s) {
    return s.weights[2] == 1 && s.weights[3] == kernel_rows && s.weights[4] == columns && s.x[4] == channels &&
           s.y[4] == channels;
}

std::size_t direct_scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes, int threads) {
    const Direct g{sizes};
    const std::int64_t shared = (pass == ConvolutionPass::forward ? 1 : g.groups()) * g.weights_size;
    return static_cast<std::size_t>(shared + threads * g.thread_size()) * sizeof(float);
}

void direct_forward(const ConvolutionSizes& sizes, int threads, const float* x, const WeightView& weights,
                    const ConvolutionOutput<float>& out, void* scratch) {
    const Direct g{sizes};
    auto* const packed = static_cast<float*>(scratch);
    g.pack(weights, packed);
    const std::int64_t pieces = (g.width + max_pixels - 1) / max_pixels;
#pragma omp parallel num_threads(threads)
    {
        PaddedRows copies{packed + g.weights_size + omp_get_thread_num() * g.thread_size()};
// Threads that others hold up take fewer lines; so many follow one another that most copies of rows serve three of them.
#pragma omp for schedule(dynamic, 8)
        for (std::int64_t line = 0; line < g.lines; ++line) {
            const Rows rows = g.rows_of(line, x, copies);
            for (std::int64_t i = 0; i < pieces; ++i) {
                const std::int64_t first = g.width * i / pieces, count = g.width * (i + 1) / pieces - first;
                outputs_by_pixels[static_cast<std::size_t>(count - 1)](rows, first, packed, out,
                                                                       out.y + (line * g.width + first) * channels);
            }
        }
    }
}

void direct_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                        void* scratch) {
    static_assert(channels % max_inputs == 0);
    const Direct g{sizes};
    auto* const sums = static_cast<float*>(scratch);
    const std::int64_t line_size = g.width * channels, side = (columns - 1) * channels;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (std::int64_t q = 0; q < g.groups(); ++q) {
        float* const own = sums + g.groups() * g.weights_size + omp_get_thread_num() * g.thread_size();
        float *const between_zeros = own + g.rows_size(), *const sum = sums + q * g.weights_size;
        PaddedRows copies{own};
        std::fill_n(sum, g.weights_size, 0.0F);
        std::fill_n(between_zeros, g.line_size(), 0.0F);
        for (std::int64_t line = g.lines * q / g.groups(); line < g.lines * (q + 1) / g.groups(); ++line) {
            const Rows rows = g.rows_of(line, x, copies);
            const float* const from = dy + line * line_size;
            if (held == columns) std::copy_n(from, line_size, between_zeros + side);
            for (int k = 0; k < rows.count; ++k) {
                const auto& [row, number] = rows.row[static_cast<std::size_t>(k)];
                float* const to = sum + number * Direct::row_weights;
                if constexpr (held == columns)
                    for (std::int64_t i = 0; i < channels; i += max_inputs)
                        gradients<max_inputs>(row, between_zeros, g.width, i, to);
                else
                    matrix_product<float>(columns * channels, channels, g.width, {row, 1, channels}, from, true, to);
            }
        }
    }
    g.add_to(sums, dweights);
}

}  // namespace gleam::kernels::cpu
