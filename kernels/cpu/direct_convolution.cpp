// A number of x meets the weights of all three columns of the kernel while it is in a register, and the three outputs that they
// belong to are there as well: fewer than half a load per multiply-add.
#include "kernels/cpu/direct_convolution.hpp"

#include <omp.h>

#include <array>
#include <utility>

namespace gleam::kernels::cpu {
namespace {

constexpr int columns = 3, kernel_rows = 3;
constexpr std::int64_t channels = lanes;
// What sums leave free of the registers holds weights, or gradients of outputs, and a number of x.
constexpr int max_pixels = vector_registers == 32 ? 24 : 10;  // outputs at a time
constexpr int max_inputs = vector_registers == 32 ? 8 : 4;    // of which gradients by the weights are summed at a time

// The rows of x that one row of y reads, where they do not lie beyond x: first number, and number among the kernel's rows.
struct Rows {
    std::array<std::pair<const float*, std::int64_t>, kernel_rows> row;
    int count = 0;
};

// Sizes of memory are in floats.
struct Direct {
    static constexpr std::int64_t row_weights = channels * columns * lanes;

    const ConvolutionSizes& s;
    std::int64_t width = s.y[3];
    bool pads = s.padding[1] > 0 || s.padding[2] > 0;
    std::int64_t padded_row = (width + columns - 1) * channels;
    std::int64_t lines = s.y[0] * s.y[1] * s.y[2];

    // Weights, or their gradient, as [kernel's row, in, column, out]
    static constexpr std::int64_t weights_size = kernel_rows * row_weights;
    // Copies of the rows of x, where the convolution pads, and of one line of dy with zeros on both sides
    std::int64_t rows_size() const { return pads ? kernel_rows * padded_row : 0; }
    std::int64_t line_size() const { return (width + 2 * (columns - 1)) * channels; }
    std::int64_t thread_size() const { return rows_size() + line_size(); }
    // The gradients of so many parts of the lines are summed apart, for the threads to work on: a matter of the sizes alone.
    std::int64_t groups() const { return std::clamp<std::int64_t>(lines / 8, 1, 16); }

    Rows rows_of(std::int64_t line, const float* x, float* copies) const {
        const std::int64_t h = line % s.y[2], d = line / s.y[2] % s.y[1], n = line / s.y[2] / s.y[1];
        const std::int64_t row = s.x[3] * channels, side = s.padding[2] * channels;
        Rows rows;
        for (std::int64_t k = 0; k < kernel_rows; ++k) {
            const std::int64_t from_d = d - s.padding[0], from_h = h + k - s.padding[1];
            if (from_d < 0 || from_d >= s.x[1] || from_h < 0 || from_h >= s.x[2]) continue;
            const float* from = x + ((n * s.x[1] + from_d) * s.x[2] + from_h) * row;
            if (pads) {
                float* const to = copies + k * padded_row;
                std::fill_n(to, side, 0.0F);
                std::copy_n(from, row, to + side);
                std::fill_n(to + side + row, side, 0.0F);
                from = to;
            }
            rows.row[static_cast<std::size_t>(rows.count++)] = {from, k};
        }
        return rows;
    }

    void pack(const WeightView& w, float* to) const {
        for (std::int64_t k = 0; k < kernel_rows; ++k)
            for (std::int64_t i = 0; i < channels; ++i)
                for (std::int64_t c = 0; c < columns; ++c)
                    for (std::int64_t o = 0; o < channels; ++o) *to++ = w(o, i, k * columns + c);
    }

    // dweights += sum over groups, which is left in the first of them
    void add_to(float* sums, float* dweights) const {
        for (std::int64_t q = 1; q < groups(); ++q)
            for (std::int64_t i = 0; i < weights_size; ++i) sums[i] += sums[q * weights_size + i];
        for (std::int64_t k = 0; k < kernel_rows; ++k)
            for (std::int64_t i = 0; i < channels; ++i)
                for (std::int64_t c = 0; c < columns; ++c)
                    for (std::int64_t o = 0; o < channels; ++o)
                        dweights[((o * channels + i) * kernel_rows + k) * columns + c] += *sums++;
    }
};

// `pixels` outputs beside one another, the first at `at` of y and, from the start of their rows, of x
template <int pixels>
void outputs(const Rows& rows, std::int64_t column, const float* weights, const ConvolutionOutput<float>& result, float* at) {
    Floats sum[pixels] = {};
    for (int k = 0; k < rows.count; ++k) {
        const auto& [row, number] = rows.row[static_cast<std::size_t>(k)];
        const float *x = row + column * channels, *b = weights + number * Direct::row_weights;
        for (std::int64_t i = 0; i < channels; ++i, ++x, b += columns * lanes) {
            const Floats b0 = load(b), b1 = load(b + lanes), b2 = load(b + 2 * lanes);
#pragma GCC unroll 26
            for (int j = 0; j < pixels + columns - 1; ++j) {
                const float number_of_x = x[j * channels];
                if (j < pixels) sum[j] = multiply_add(number_of_x, b0, sum[j]);
                if (j >= 1 && j - 1 < pixels) sum[j - 1] = multiply_add(number_of_x, b1, sum[j - 1]);
                if (j >= 2) sum[j - 2] = multiply_add(number_of_x, b2, sum[j - 2]);
            }
        }
    }
#pragma GCC unroll 24
    for (int j = 0; j < pixels; ++j) store_output(result, sum[j], 0, at + j * channels);
}

// sums += gradient by the weights of `inputs` inputs from `first` on: of one row of x and a line of dy between zeros
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
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t line = 0; line < g.lines; ++line) {
        const Rows rows = g.rows_of(line, x, packed + g.weights_size + omp_get_thread_num() * g.thread_size());
        for (std::int64_t i = 0; i < pieces; ++i) {
            const std::int64_t first = g.width * i / pieces, count = g.width * (i + 1) / pieces - first;
            outputs_by_pixels[static_cast<std::size_t>(count - 1)](rows, first, packed, out,
                                                                   out.y + (line * g.width + first) * channels);
        }
    }
}

void direct_weights_acc(const ConvolutionSizes& sizes, int threads, const float* x, const float* dy, float* dweights,
                        void* scratch) {
    static_assert(channels % max_inputs == 0);
    const Direct g{sizes};
    auto* const sums = static_cast<float*>(scratch);
    const std::int64_t line_size = g.width * channels, side = (columns - 1) * channels;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t q = 0; q < g.groups(); ++q) {
        float* const own = sums + g.groups() * g.weights_size + omp_get_thread_num() * g.thread_size();
        float *const between_zeros = own + g.rows_size(), *const sum = sums + q * g.weights_size;
        std::fill_n(sum, g.weights_size, 0.0F);
        std::fill_n(between_zeros, g.line_size(), 0.0F);
        for (std::int64_t line = g.lines * q / g.groups(); line < g.lines * (q + 1) / g.groups(); ++line) {
            const Rows rows = g.rows_of(line, x, own);
            std::copy_n(dy + line * line_size, line_size, between_zeros + side);
            for (int k = 0; k < rows.count; ++k) {
                const auto& [row, number] = rows.row[static_cast<std::size_t>(k)];
                for (std::int64_t i = 0; i < channels; i += max_inputs)
                    gradients<max_inputs>(row, between_zeros, g.width, i, sum + number * Direct::row_weights);
            }
        }
    }
    g.add_to(sums, dweights);
}

}  // namespace gleam::kernels::cpu
