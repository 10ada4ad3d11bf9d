// Convolutions, their gradients by data and weights, and sums for the bias.
#include <fmt/format.h>

#include <span>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::Padding;

struct ConvolutionSizes {
    std::int64_t n, d, h, w, in, out;
    std::array<std::int64_t, 3> kernel;
    Padding padding;

    Shape x() const { return {n, d, h, w, in}; }
    Shape weights() const { return {out, in, kernel[0], kernel[1], kernel[2]}; }
    Shape y() const { return {n, wide(d, 0), wide(h, 1), wide(w, 2), out}; }
    std::int64_t wide(std::int64_t size, std::size_t axis) const { return size + 2 * padding[axis] - kernel[axis] + 1; }
    std::string text() const {
        return fmt::format("{} by {}, padding {} {} {}", x().str(), weights().str(), padding[0], padding[1], padding[2]);
    }

    // Calls f(index of y, of x, of the weights) for every product of the definition.
    template <class F>
    void for_each_product(F&& f) const {
        const Shape o = y();
        std::int64_t at = 0;
        for (std::int64_t b = 0; b < n; ++b)
            for (std::int64_t z = 0; z < o[1]; ++z)
                for (std::int64_t r = 0; r < o[2]; ++r)
                    for (std::int64_t c = 0; c < o[3]; ++c)
                        for (std::int64_t k = 0; k < out; ++k, ++at)
                            for (std::int64_t t = 0; t < kernel[0] * kernel[1] * kernel[2]; ++t) {
                                const std::int64_t xz = z + t / kernel[2] / kernel[1] - padding[0];
                                const std::int64_t xr = r + t / kernel[2] % kernel[1] - padding[1];
                                const std::int64_t xc = c + t % kernel[2] - padding[2];
                                if (xz < 0 || xz >= d || xr < 0 || xr >= h || xc < 0 || xc >= w) continue;
                                for (std::int64_t i = 0; i < in; ++i)
                                    f(at, (((b * d + xz) * h + xr) * w + xc) * in + i,
                                      (k * in + i) * kernel[0] * kernel[1] * kernel[2] + t);
                            }
    }
};

// Few channels on one side: size 1, primes, batches, kernels 1 3 5, valid, same and full padding, volumes, tiles and blocks of
// channels with tails.
const ConvolutionSizes thin_sizes[] = {{1, 1, 1, 1, 1, 1, {1, 1, 1}, {0, 0, 0}},    {1, 1, 5, 7, 2, 3, {1, 3, 3}, {0, 0, 0}},
                                       {2, 1, 6, 5, 3, 2, {1, 3, 3}, {0, 1, 1}},    {1, 1, 13, 11, 20, 2, {1, 3, 3}, {0, 1, 1}},
                                       {1, 1, 7, 7, 2, 20, {1, 1, 1}, {0, 0, 0}},   {1, 4, 5, 6, 3, 4, {3, 3, 3}, {0, 0, 0}},
                                       {2, 3, 4, 3, 4, 2, {3, 3, 3}, {1, 1, 1}},    {2, 4, 3, 40, 2, 18, {3, 3, 3}, {1, 0, 1}},
                                       {1, 3, 20, 9, 18, 3, {3, 3, 3}, {0, 1, 0}},  {1, 1, 40, 3, 3, 3, {1, 3, 3}, {0, 1, 1}},
                                       {1, 1, 18, 35, 2, 68, {1, 3, 3}, {0, 1, 1}}, {1, 1, 18, 35, 37, 2, {1, 3, 3}, {0, 1, 1}},
                                       {1, 1, 6, 34, 4, 9, {1, 5, 5}, {0, 2, 2}},   {1, 1, 10, 34, 66, 4, {1, 5, 5}, {0, 0, 0}},
                                       {2, 2, 3, 5, 24, 4, {1, 1, 1}, {0, 0, 0}},   {1, 2, 3, 4, 8, 1, {2, 3, 1}, {1, 0, 0}}};
// What is left to libraries on a GPU, and the CPU's other methods.
const ConvolutionSizes other_sizes[] = {
    {1, 1, 9, 8, 16, 16, {1, 3, 3}, {0, 0, 0}},   {1, 1, 9, 9, 5, 6, {1, 5, 5}, {0, 2, 2}},
    {1, 1, 12, 13, 32, 32, {1, 3, 3}, {0, 0, 0}}, {2, 1, 5, 4, 16, 20, {1, 3, 3}, {0, 1, 1}},
    {1, 1, 4, 5, 17, 33, {1, 3, 3}, {0, 2, 2}},   {1, 1, 5, 50, 19, 16, {1, 3, 3}, {0, 0, 0}},
    {1, 3, 4, 5, 18, 16, {3, 3, 3}, {1, 1, 1}},   {1, 2, 3, 3, 16, 16, {3, 3, 3}, {2, 2, 2}},
    {1, 4, 6, 5, 16, 17, {3, 3, 3}, {0, 0, 0}},   {2, 1, 9, 6, 24, 20, {1, 5, 3}, {0, 1, 2}},
    {1, 1, 3, 4, 3, 7, {1, 2, 3}, {0, 1, 0}},     {2, 1, 17, 53, 16, 16, {1, 3, 3}, {0, 1, 1}},
    {1, 3, 9, 31, 8, 8, {3, 3, 3}, {1, 0, 1}},    {1, 1, 7, 150, 19, 16, {1, 3, 3}, {0, 0, 0}},
    {2, 1, 17, 53, 8, 8, {1, 3, 3}, {0, 1, 1}}};

// Precision of x, y and the weights; numbers are rounded once when they are stored, and x and y may come rounded.
struct Precision {
    DType x, y, weights;
    std::string text() const { return fmt::format("{} to {}", name_of(x), name_of(y)); }
    // The library may also round what it multiplies.
    double tolerance() const { return x == DType::bf16 || y == DType::bf16 ? 8e-3 : rounding_of(weights); }
};

OperationCase convolution(const ConvolutionSizes& s, const Precision& p, bool with_bias) {
    OperationCase row{fmt::format("convolution{}, {}, {}", with_bias ? " with bias" : "", s.text(), p.text()),
                      {{p.x, s.x()}, {p.weights, s.weights()}, {p.weights, Shape{s.out}}},
                      {{p.y, s.y(), Fill::unset}}};
    row.run = [s, with_bias](Call& k) {
        k.ops.convolution(k.in[0], k.in[1], with_bias ? &k.in[2] : nullptr, s.padding, k.out[0], k.workspace);
    };
    row.reference = [s, with_bias](const Values& in, Values& out) {
        for (std::int64_t i = 0; i < s.y().elements(); ++i) out[0][i] = with_bias ? in[2][i % s.out] : 0;
        s.for_each_product([&](std::int64_t y, std::int64_t x, std::int64_t w) { out[0][y] += in[0][x] * in[1][w]; });
    };
    row.tolerance = p.tolerance();
    if (!with_bias)
        row.adjoint = [s](Call& k, const Tensor& y, const Tensor& x) {
            k.ops.convolution_data(y, k.in[1], s.padding, std::nullopt, x, k.workspace);
        };
    return row;
}

// The same as a function of the weights, whose adjoint is the gradient by them.
OperationCase convolution_of_weights(const ConvolutionSizes& s, DType t) {
    OperationCase row{fmt::format("convolution as a function of its weights, {}, {}", s.text(), name_of(t)),
                      {{t, s.weights()}, {t, s.x()}},
                      {{t, s.y(), Fill::unset}}};
    row.run = [s](Call& k) { k.ops.convolution(k.in[1], k.in[0], nullptr, s.padding, k.out[0], k.workspace); };
    row.adjoint = [s](Call& k, const Tensor& y, const Tensor& w) {
        k.ops.fill_zero(w);
        k.ops.convolution_weights_acc(k.in[1], y, s.padding, w, nullptr, k.workspace);
    };
    return row;
}

OperationCase convolution_data(const ConvolutionSizes& s, const Precision& p, bool gated) {
    static constexpr double slope = 0.25;
    OperationCase row{fmt::format("convolution_data{}, {}, {}", gated ? " gated" : "", s.text(), p.text()),
                      {{p.y, s.y()}, {p.weights, s.weights()}},
                      {{p.x, s.x(), gated ? Fill::normal : Fill::unset}}};
    row.run = [s, gated](Call& k) {
        k.ops.convolution_data(k.in[0], k.in[1], s.padding, gated ? std::optional(slope) : std::nullopt, k.out[0], k.workspace);
    };
    row.reference = [s, gated](const Values& in, Values& out) {
        std::vector<double> sums(out[0].numbers.size(), 0.0);
        s.for_each_product(
            [&](std::int64_t y, std::int64_t x, std::int64_t w) { sums[static_cast<std::size_t>(x)] += in[0][y] * in[1][w]; });
        for (std::size_t i = 0; i < sums.size(); ++i)
            out[0].numbers[i] = sums[i] * (gated && !(out[0].numbers[i] > 0) ? slope : 1);
    };
    row.tolerance = p.tolerance();
    return row;
}

OperationCase convolution_weights(const ConvolutionSizes& s, const Precision& p, bool with_bias) {
    OperationCase row{fmt::format("convolution_weights_acc{}, {}, {}", with_bias ? " with bias" : "", s.text(), p.text()),
                      {{p.x, s.x()}, {p.y, s.y()}},
                      {{p.weights, s.weights()}, {p.weights, Shape{s.out}}}};
    row.run = [s, with_bias](Call& k) {
        k.ops.convolution_weights_acc(k.in[0], k.in[1], s.padding, k.out[0], with_bias ? &k.out[1] : nullptr, k.workspace);
    };
    row.reference = [s, with_bias](const Values& in, Values& out) {
        s.for_each_product([&](std::int64_t y, std::int64_t x, std::int64_t w) { out[0][w] += in[0][x] * in[1][y]; });
        if (with_bias)
            for (std::int64_t i = 0; i < s.y().elements(); ++i) out[1][i % s.out] += in[1][i];
    };
    row.tolerance = p.tolerance();
    return row;
}

std::vector<OperationCase> cases_of(std::span<const ConvolutionSizes> sizes) {
    std::vector<OperationCase> rows;
    constexpr DType f32 = DType::f32, f64 = DType::f64, bf16 = DType::bf16;
    for (const ConvolutionSizes& s : sizes) {
        for (const Precision& p :
             {Precision{f32, f32, f32}, {f64, f64, f64}, {bf16, bf16, f32}, {f32, bf16, f32}, {bf16, f32, f32}}) {
            rows.push_back(convolution(s, p, true));
            rows.push_back(convolution_data(s, p, true));
            rows.push_back(convolution_weights(s, p, true));
        }
        for (const Precision& p : {Precision{f32, f32, f32}, {f64, f64, f64}}) {
            rows.push_back(convolution(s, p, false));
            rows.push_back(convolution_data(s, p, false));
            rows.push_back(convolution_weights(s, p, false));
            rows.push_back(convolution_of_weights(s, p.weights));
        }
    }
    return rows;
}

}  // namespace

std::vector<OperationCase> thin_convolution_cases() { return cases_of(thin_sizes); }
std::vector<OperationCase> convolution_cases() { return cases_of(other_sizes); }

}  // namespace gleam::test
