// Roots of unity to the last bit or two, without tables.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "kernels/device/complex.hpp"

namespace gleam::kernels::device {

// sine and cosine of pi x, 0 <= x <= 1/4
GLEAM_DEVICE inline void sine_and_cosine_of_pi(float x, float& sine, float& cosine) {
#ifdef __CUDA_ARCH__
    sincospif(x, &sine, &cosine);
#else
    sine = static_cast<float>(std::sin(std::numbers::pi * static_cast<double>(x)));
    cosine = static_cast<float>(std::cos(std::numbers::pi * static_cast<double>(x)));
#endif
}
GLEAM_DEVICE inline void sine_and_cosine_of_pi(double x, double& sine, double& cosine) {
#ifdef __CUDA_ARCH__
    sincospi(x, &sine, &cosine);
#else
    sine = std::sin(std::numbers::pi * x);
    cosine = std::cos(std::numbers::pi * x);
#endif
}

// exp(2 pi i k / n), 0 <= k < n: by the eighth of the circle that k is in, found in integers, so that multiples of a quarter are
// exact and no angle is large. Int must hold 8 n.
template <class T, class Int>
GLEAM_DEVICE Complex<T> unit_root(Int k, Int n) {
    const Int quarter = 4 * k / n, rest = 4 * k - quarter * n;  // the angle is (quarter + rest / n) quarters of the circle
    const bool late = 2 * rest > n;
    T sine, cosine;
    sine_and_cosine_of_pi(static_cast<T>(late ? n - rest : rest) / static_cast<T>(2 * n), sine, cosine);
    const T c = late ? sine : cosine, s = late ? cosine : sine;
    if (quarter == 0) return {c, s};
    if (quarter == 1) return {-s, c};
    if (quarter == 2) return {-c, -s};
    return {s, -c};
}

}  // namespace gleam::kernels::device
