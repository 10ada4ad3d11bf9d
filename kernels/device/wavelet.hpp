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
#include <vector>

#include "core/shape.hpp"
#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

inline constexpr int wavelet_taps = 8;

inline constexpr std::array<double, wavelet_taps> wavelet_low{
    0.23037781330889650081, 0.7148465705529156471,  0.630880767929858908,   -0.02798376941685985416,
    -0.1870348117190930841, 0.03084138183556076362, 0.03288301166688519974, -0.01059740178506903210};

inline constexpr std::array<double, wavelet_taps> wavelet_high{wavelet_low[7], -wavelet_low[6], wavelet_low[5], -wavelet_low[4],
                                                               wavelet_low[3], -wavelet_low[2], wavelet_low[1], -wavelet_low[0]};

// Both filters as numbers T.
template <class T>
struct WaveletTaps {
    T low[wavelet_taps], high[wavelet_taps];

    WaveletTaps() {
        for (std::size_t t = 0; t < wavelet_taps; ++t) {
            low[t] = static_cast<T>(wavelet_low[t]);
            high[t] = static_cast<T>(wavelet_high[t]);
        }
    }
};

// Samples of an axis that the next level goes on with: an axis is halved as long as its approximation has 8 samples or more.
constexpr std::int64_t coarse_side(std::int64_t n) { return n >= 2 * wavelet_taps ? n / 2 : n; }

using WaveletBox = std::array<std::int64_t, 3>;  // z, y, x

// The corner box that each level transforms, from the whole image to the last one, over the last `rank` axes.
inline std::vector<WaveletBox> wavelet_boxes(const WaveletBox& sides, int rank) {
    std::vector<WaveletBox> boxes;
    for (WaveletBox box = sides;;) {
        WaveletBox next = box;
        for (std::size_t axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis) next[axis] = coarse_side(box[axis]);
        if (next == box) return boxes;
        boxes.push_back(box);
        box = next;
    }
}

// [N, T, 1, Z, Y, X] or [N, T, 1, Z, Y, X, E] as images, their sides, and values per pixel.
struct WaveletLayout {
    std::int64_t images, inner;
    WaveletBox sides;

    explicit WaveletLayout(const Shape& s)
        : images(s[0] * s[1] * s[2]), inner(s.rank() == 7 ? s[6] : 1), sides{s[3], s[4], s[5]} {}

    std::int64_t stride(std::size_t axis) const {
        std::int64_t n = inner;
        for (std::size_t a = 2; a > axis; --a) n *= sides[a];
        return n;
    }
};

// The lines along an axis inside the corner box of every image, numbered so that neighbours in memory are neighbours.
struct WaveletLines {
    std::int64_t length, stride, count;  // samples of a line, elements from one to the next; lines
    std::int64_t inner, image;           // values per pixel, elements per image
    std::int64_t side[2], step[2];       // of the other two axes, the faster one first

    WaveletLines(const WaveletLayout& layout, const WaveletBox& box, std::size_t axis)
        : length(box[axis]), stride(layout.stride(axis)), inner(layout.inner), image(layout.stride(0) * layout.sides[0]) {
        const std::size_t fast = axis == 2 ? 1 : 2, slow = axis == 0 ? 1 : 0;
        side[0] = box[fast], side[1] = box[slow];
        step[0] = layout.stride(fast), step[1] = layout.stride(slow);
        count = layout.images * inner * side[0] * side[1];
    }
    // Place of the first sample of a line.
    GLEAM_DEVICE std::int64_t start(std::int64_t line) const {
        std::int64_t place = line % inner;
        line /= inner;
        for (int a = 0; a < 2; ++a) {
            place += line % side[a] * step[a];
            line /= side[a];
        }
        return place + line * image;
    }
};

// Calls pass(box, axis, first sample) for every pass of a transform along an axis, in order; the inverse takes the levels
// backwards.
template <class F>
void for_each_wavelet_pass(const WaveletBox& sides, int rank, bool forward, const WaveletBox& shift, F&& pass) {
    const std::vector<WaveletBox> boxes = wavelet_boxes(sides, rank);
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const std::size_t level = forward ? i : boxes.size() - 1 - i;
        for (std::size_t axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis) {
            const std::int64_t n = boxes[level][axis];
            if (coarse_side(n) != n) pass(boxes[level], axis, level == 0 ? shift[axis] % n : 0);
        }
    }
}

// (re, im) -> max(1 - threshold / |.|, 0) (re, im): the proximal map of threshold |.| (complex soft thresholding).
template <class T>
struct Shrink {
    T threshold;

    GLEAM_DEVICE void operator()(T& re, T& im) const {
        const T magnitude = std::sqrt(re * re + im * im);
        const T factor = magnitude > threshold ? 1 - threshold / magnitude : T(0);
        re *= factor;
        im *= factor;
    }
};

}  // namespace gleam::kernels::device
