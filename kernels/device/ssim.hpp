// Structural similarity (Wang et al., IEEE TIP 13(4), 2004) of one pixel, shared by the score and the loss.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

inline constexpr int ssim_radius = 5;
inline constexpr int ssim_taps = 2 * ssim_radius + 1;
inline constexpr double ssim_sigma = 1.5, ssim_k1 = 0.01, ssim_k2 = 0.03;

// The Gaussian window along one axis; its sum is 1.
inline std::array<double, ssim_taps> ssim_window() {
    std::array<double, ssim_taps> w{};
    double sum = 0;
    for (int i = 0; i < ssim_taps; ++i) {
        const double d = (i - ssim_radius) / ssim_sigma;
        w[static_cast<std::size_t>(i)] = std::exp(-0.5 * d * d);
        sum += w[static_cast<std::size_t>(i)];
    }
    for (double& v : w) v /= sum;
    return w;
}

// Index i, possibly outside [0, n), of the signal mirrored at its ends with the end repeated: ... b a | a b c | c b ...
constexpr std::int64_t ssim_mirrored(std::int64_t i, std::int64_t n) {
    if (i >= 0 && i < n) return i;
    i %= 2 * n;
    if (i < 0) i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

// Pixels along one axis of n over which the mean is taken: those whose window lies inside, or all when the axis is shorter than
// the window.
struct SsimInterior {
    std::int64_t first, last;
    constexpr explicit SsimInterior(std::int64_t n)
        : first(n < ssim_taps ? 0 : ssim_radius), last(n < ssim_taps ? n : n - ssim_radius) {}
    constexpr std::int64_t count() const { return last - first; }
};

// The mean similarity of a plane whose target is zero, from the sum of all magnitudes: such a target is matched by zeros alone.
GLEAM_DEVICE inline double ssim_to_zero(double sum) {
    if (sum == 0) return 1;
    return std::isfinite(sum) ? 0 : sum - sum;
}

// Local moments of magnitudes a and b: means of a, b, a^2 + b^2 and a b. The two variances occur only as their sum.
struct SsimMoments {
    double a, b, squares, product;
};

// The similarity and its derivatives by three of the moments.
struct SsimPoint {
    double value, by_a, by_squares, by_product;
};

GLEAM_DEVICE inline SsimPoint ssim_at(const SsimMoments& m, double c1, double c2) {
    const double means = m.a * m.a + m.b * m.b, cross = m.a * m.b;
    const double luminance = 2 * cross + c1, structure = 2 * (m.product - cross) + c2;
    const double luminance_norm = means + c1, structure_norm = m.squares - means + c2;
    const double norm = luminance_norm * structure_norm, value = luminance * structure / norm;
    return {value, 2 * m.b * (structure - luminance) / norm - 2 * m.a * value * (1 / luminance_norm - 1 / structure_norm),
            -value / structure_norm, 2 * luminance / norm};
}

}  // namespace gleam::kernels::device
