// Convolutions as plain loops: the definition the fast paths are tested against, and the only path in double precision.
// Every output element is one sum in a fixed order.
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cpu {

// Calls f(tap, row of x, row of y) for each kernel tap that connects them: rows of W * K contiguous numbers are left to f.
struct ConvolutionIndex {
    Shape x, weights, y;
    Padding padding;

    std::int64_t taps() const { return weights[2] * weights[3] * weights[4]; }
    std::int64_t x_offset(std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w) const {
        return (((n * x[1] + d) * x[2] + h) * x[3] + w) * x[4];
    }
    std::int64_t y_offset(std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w) const {
        return (((n * y[1] + d) * y[2] + h) * y[3] + w) * y[4];
    }
    static bool inside(std::int64_t i, std::int64_t n) { return i >= 0 && i < n; }

    // f(tap, offset of x) for the taps that reach from y (n, d, h, w) into x
    template <class F>
    void for_each_input(std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w, F&& f) const {
        std::int64_t tap = 0;
        for (std::int64_t kd = 0; kd < weights[2]; ++kd)
            for (std::int64_t kh = 0; kh < weights[3]; ++kh)
                for (std::int64_t kw = 0; kw < weights[4]; ++kw, ++tap) {
                    const std::int64_t xd = d + kd - padding[0], xh = h + kh - padding[1], xw = w + kw - padding[2];
                    if (inside(xd, x[1]) && inside(xh, x[2]) && inside(xw, x[3])) f(tap, x_offset(n, xd, xh, xw));
                }
    }
    // f(tap, offset of y) for the taps through which x (n, d, h, w) is read
    template <class F>
    void for_each_output(std::int64_t n, std::int64_t d, std::int64_t h, std::int64_t w, F&& f) const {
        std::int64_t tap = 0;
        for (std::int64_t kd = 0; kd < weights[2]; ++kd)
            for (std::int64_t kh = 0; kh < weights[3]; ++kh)
                for (std::int64_t kw = 0; kw < weights[4]; ++kw, ++tap) {
                    const std::int64_t yd = d - kd + padding[0], yh = h - kh + padding[1], yw = w - kw + padding[2];
                    if (inside(yd, y[1]) && inside(yh, y[2]) && inside(yw, y[3])) f(tap, y_offset(n, yd, yh, yw));
                }
    }
};

template <class T>
void reference_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y) {
    const ConvolutionIndex at{x.shape, weights.shape, y.shape, padding};
    const std::int64_t in = x.shape[4], out = y.shape[4], taps = at.taps();
#pragma omp parallel for collapse(3) schedule(static)
    for (std::int64_t n = 0; n < y.shape[0]; ++n)
        for (std::int64_t d = 0; d < y.shape[1]; ++d)
            for (std::int64_t h = 0; h < y.shape[2]; ++h)
                for (std::int64_t w = 0; w < y.shape[3]; ++w) {
                    T* target = y.as<T>() + at.y_offset(n, d, h, w);
                    for (std::int64_t o = 0; o < out; ++o) target[o] = bias ? bias->as<T>()[o] : T(0);
                    at.for_each_input(n, d, h, w, [&](std::int64_t tap, std::int64_t offset) {
                        for (std::int64_t o = 0; o < out; ++o)
                            for (std::int64_t i = 0; i < in; ++i)
                                target[o] += weights.as<T>()[(o * in + i) * taps + tap] * x.as<T>()[offset + i];
                    });
                }
}

template <class T>
void reference_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                                const Tensor& dx) {
    const ConvolutionIndex at{dx.shape, weights.shape, dy.shape, padding};
    const std::int64_t in = dx.shape[4], out = dy.shape[4], taps = at.taps();
#pragma omp parallel for collapse(3) schedule(static)
    for (std::int64_t n = 0; n < dx.shape[0]; ++n)
        for (std::int64_t d = 0; d < dx.shape[1]; ++d)
            for (std::int64_t h = 0; h < dx.shape[2]; ++h)
                for (std::int64_t w = 0; w < dx.shape[3]; ++w) {
                    T* target = dx.as<T>() + at.x_offset(n, d, h, w);
                    std::vector<T> sum(static_cast<std::size_t>(in));
                    at.for_each_output(n, d, h, w, [&](std::int64_t tap, std::int64_t offset) {
                        for (std::int64_t o = 0; o < out; ++o)
                            for (std::int64_t i = 0; i < in; ++i)
                                sum[static_cast<std::size_t>(i)] += weights.as<T>()[(o * in + i) * taps + tap] * dy.as<T>()[offset + o];
                    });
                    for (std::int64_t i = 0; i < in; ++i)
                        target[i] = sum[static_cast<std::size_t>(i)] * (slope && !(target[i] > 0) ? T(*slope) : T(1));
                }
}

template <class T>
void reference_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights) {
    const ConvolutionIndex at{x.shape, dweights.shape, dy.shape, padding};
    const std::int64_t in = x.shape[4], out = dy.shape[4], taps = at.taps();
#pragma omp parallel for schedule(static)
    for (std::int64_t o = 0; o < out; ++o)
        for (std::int64_t n = 0; n < dy.shape[0]; ++n)
            for (std::int64_t d = 0; d < dy.shape[1]; ++d)
                for (std::int64_t h = 0; h < dy.shape[2]; ++h)
                    for (std::int64_t w = 0; w < dy.shape[3]; ++w) {
                        const T g = dy.as<T>()[at.y_offset(n, d, h, w) + o];
                        at.for_each_input(n, d, h, w, [&](std::int64_t tap, std::int64_t offset) {
                            for (std::int64_t i = 0; i < in; ++i)
                                dweights.as<T>()[(o * in + i) * taps + tap] += g * x.as<T>()[offset + i];
                        });
                    }
}

}  // namespace gleam::kernels::cpu
