// Daubechies' orthonormal wavelet with four vanishing moments ("db4": 8 taps; Daubechies 1988, table 1) and the shrinkage of its
// coefficients: what a wavelet transform is made of on every device.
//
// One level maps m samples (m even, periodic) to m/2 approximations and m/2 details,
//   low[k] = sum_t h[t] x[(2k + t) mod m]      high[k] = sum_t g[t] x[(2k + t) mod m]      g[t] = (-1)^t h[7 - t]
// and its transpose is its inverse. Of an odd number of samples the last one is left as it is, so that any length stays
// orthonormal.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace gleam::kernels::device {

inline constexpr int wavelet_taps = 8;

inline constexpr std::array<double, wavelet_taps> wavelet_low{
    0.23037781330889650081, 0.7148465705529156471,  0.630880767929858908,   -0.02798376941685985416,
    -0.1870348117190930841, 0.03084138183556076362, 0.03288301166688519974, -0.01059740178506903210};

inline constexpr std::array<double, wavelet_taps> wavelet_high{wavelet_low[7], -wavelet_low[6], wavelet_low[5], -wavelet_low[4],
                                                               wavelet_low[3], -wavelet_low[2], wavelet_low[1], -wavelet_low[0]};

// Samples of an axis that the next level goes on with: an axis is halved as long as its approximation has 8 samples or more.
constexpr std::int64_t coarse_side(std::int64_t n) { return n >= 2 * wavelet_taps ? n / 2 : n; }

// (re, im) -> max(1 - threshold / |.|, 0) (re, im): the proximal map of threshold |.| (complex soft thresholding).
template <class T>
struct Shrink {
    T threshold;

    void operator()(T& re, T& im) const {
        const T magnitude = std::sqrt(re * re + im * im);
        const T factor = magnitude > threshold ? 1 - threshold / magnitude : T(0);
        re *= factor;
        im *= factor;
    }
};

}  // namespace gleam::kernels::device
