// What happens to one element, written once for CPU loops and device kernels: no memory, no loops, no libraries.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/device/function.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::device {

// 0/0 counts as 0: what is divided by vanishes only together with what is divided.
GLEAM_DEVICE constexpr double quotient(double a, double b) { return b != 0 ? a / b : 0; }

// The derivatives of factor (numerator / denominator) by its two scalars, times t.
struct QuotientDerivatives {
    double by_numerator, by_denominator;

    GLEAM_DEVICE QuotientDerivatives(double factor, double numerator, double denominator, double t)
        : by_numerator(factor * quotient(t, denominator)), by_denominator(-by_numerator * quotient(numerator, denominator)) {}
};

// a x + b y
template <class T>
struct Combination {
    T a, b;

    GLEAM_DEVICE T operator()(T x, T y) const { return a * x + b * y; }
};

// One parameter's update by Adam; of the two weight decays one is 0 (kernels/terms.hpp).
template <class T>
struct AdamElement {
    T learning_rate, beta1, beta2;
    T gain1, gain2;  // 1 - beta, taken in double: 1 - 0.999f is off by 5e-5
    T epsilon, coupled_decay, shrink, correction1, root_correction2;

    GLEAM_DEVICE void operator()(T gradient, T& value, T& m, T& v) const {
        const T g = gradient + coupled_decay * value;
        m = beta1 * m + gain1 * g;
        v = beta2 * v + gain2 * g * g;
        value = shrink * value - learning_rate / correction1 * m / (std::sqrt(v) / root_correction2 + epsilon);
    }
};

// For a step of Adam or AdamW; on the host.
template <class T>
AdamElement<T> adam_element(const OptimizerTerms& t) {
    const double steps = static_cast<double>(t.step);
    const bool decoupled = t.kind == OptimizerKind::adamw;
    return {T(t.learning_rate),
            T(t.beta1),
            T(t.beta2),
            T(1 - t.beta1),
            T(1 - t.beta2),
            T(t.epsilon),
            T(decoupled ? 0 : t.weight_decay),
            T(decoupled ? 1 - t.learning_rate * t.weight_decay : 1),
            T(1 - std::pow(t.beta1, steps)),
            T(std::sqrt(1 - std::pow(t.beta2, steps)))};
}

// One parameter's update by gradient descent, with or without momentum.
template <class T>
struct SgdElement {
    T learning_rate, momentum, weight_decay;

    GLEAM_DEVICE void operator()(T gradient, T& value) const { value -= learning_rate * (gradient + weight_decay * value); }
    GLEAM_DEVICE void operator()(T gradient, T& value, T& m) const {
        m = momentum * m + gradient + weight_decay * value;
        value -= learning_rate * m;
    }
};

// The loss of one element x against t, and its gradient by x (kernels/terms.hpp).
template <class T>
struct LossAt {
    T value, re, im;
};

// factor * (re, im) / n where n = |(re, im)|; 0 where n is 0.
template <class T>
GLEAM_DEVICE LossAt<T> along(T value, T factor, T re, T im, T n) {
    const T f = n > 0 ? factor / n : T(0);
    return {value, f * re, f * im};
}

template <class T>
GLEAM_DEVICE T sign(T v) {
    return T(v > 0) - T(v < 0);
}

template <class T>
struct AbsoluteLoss {
    GLEAM_DEVICE static LossAt<T> at(T x_re, T x_im, T t_re, T t_im) {
        const T re = x_re - t_re, im = x_im - t_im, n = std::sqrt(re * re + im * im);
        return along(n, T(1), re, im, n);
    }
};

template <class T>
struct SquaredLoss {
    GLEAM_DEVICE static LossAt<T> at(T x_re, T x_im, T t_re, T t_im) {
        const T re = x_re - t_re, im = x_im - t_im;
        return {re * re + im * im, 2 * re, 2 * im};
    }
};

template <class T>
struct MagnitudeLoss {
    GLEAM_DEVICE static LossAt<T> at(T x_re, T x_im, T t_re, T t_im) {
        const T n = std::sqrt(x_re * x_re + x_im * x_im), d = n - std::sqrt(t_re * t_re + t_im * t_im);
        return along(std::abs(d), sign(d), x_re, x_im, n);
    }
};

template <class T>
struct PerpendicularLoss {
    GLEAM_DEVICE static LossAt<T> at(T x_re, T x_im, T t_re, T t_im) {
        LossAt<T> loss = MagnitudeLoss<T>::at(x_re, x_im, t_re, t_im);
        const T n = std::sqrt(x_re * x_re + x_im * x_im);
        if (!(n > 0)) return loss;
        // t in the frame of x: `along` and `across` it. Turning x by a small angle turns t the other way.
        const T u_re = x_re / n, u_im = x_im / n;
        const T along = u_re * t_re + u_im * t_im, across = u_re * t_im - u_im * t_re;
        const bool opposed = along < 0;
        const T slope = (opposed ? T(1) : T(-1)) * sign(across) * along / n;
        loss.value += opposed ? 2 * std::sqrt(t_re * t_re + t_im * t_im) - std::abs(across) : std::abs(across);
        loss.re -= slope * u_im;
        loss.im += slope * u_re;
        return loss;
    }
};

// Index that element i of a bordered axis copies, or -1 for zero: n inner elements, `width` on each side.
GLEAM_DEVICE constexpr std::int64_t bordered_source(std::int64_t i, std::int64_t n, std::int64_t width, BorderMode mode) {
    const std::int64_t j = i - width;
    if (j >= 0 && j < n) return j;
    if (mode == BorderMode::zero) return -1;
    if (mode == BorderMode::replicate) return j < 0 ? 0 : n - 1;
    if (mode == BorderMode::circular) return (j % n + n) % n;
    return j < 0 ? -j : 2 * (n - 1) - j;
}

// Calls f(j) for every place j of a bordered axis that shows element i, the element's own place first. There is one call of f, so
// that what is inlined stays small.
template <class F>
GLEAM_DEVICE void for_each_copy(std::int64_t i, std::int64_t n, std::int64_t width, BorderMode mode, F&& f) {
    const std::int64_t border = mode == BorderMode::zero ? 0 : 2 * width;
    for (std::int64_t k = -1; k < border; ++k) {
        const std::int64_t j = k < 0 ? i + width : k % 2 == 0 ? k / 2 : n + 2 * width - 1 - k / 2;
        if (k < 0 || bordered_source(j, n, width, mode) == i) f(j);
    }
}

// x after an activation: max(x, 0) + slope min(x, 0).
template <class T>
GLEAM_DEVICE T activated(T x, T slope) {
    return x > 0 ? x : slope * x;
}

}  // namespace gleam::kernels::device
