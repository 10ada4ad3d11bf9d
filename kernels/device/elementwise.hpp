// What happens to one element, written once for CPU loops and device kernels: no memory, no loops, no libraries.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/terms.hpp"

namespace gleam::kernels::device {

// Adam with coupled weight decay (Kingma & Ba 2015; weight decay added to the gradient).
template <class T>
struct AdamElement {
    T learning_rate, beta1, beta2, epsilon, weight_decay, correction1, root_correction2;

    void operator()(T gradient, T& value, T& m, T& v) const {
        const T g = gradient + weight_decay * value;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        value -= learning_rate / correction1 * m / (std::sqrt(v) / root_correction2 + epsilon);
    }
};

// |d| and its gradient d/|d| (0 at 0), or |d|^2 and 2 d, times `scale`; d = (re, im).
template <class T>
struct AbsoluteLoss {
    static T value(T re, T im) { return std::sqrt(re * re + im * im); }
    static T factor(T re, T im, T scale) {
        const T magnitude = value(re, im);
        return magnitude > 0 ? scale / magnitude : T(0);
    }
};

template <class T>
struct SquaredLoss {
    static T value(T re, T im) { return re * re + im * im; }
    static T factor(T, T, T scale) { return 2 * scale; }
};

// Index that element i of a bordered axis copies, or -1 for zero: n inner elements, `width` on each side.
constexpr std::int64_t bordered_source(std::int64_t i, std::int64_t n, std::int64_t width, BorderMode mode) {
    const std::int64_t j = i - width;
    if (j >= 0 && j < n) return j;
    if (mode == BorderMode::zero) return -1;
    if (mode == BorderMode::replicate) return j < 0 ? 0 : n - 1;
    if (mode == BorderMode::circular) return (j % n + n) % n;
    return j < 0 ? -j : 2 * (n - 1) - j;
}

}  // namespace gleam::kernels::device
