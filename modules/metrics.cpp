#include "modules/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/device/ssim.hpp"

namespace gleam::modules {
namespace {

using kernels::device::ssim_k1;
using kernels::device::ssim_k2;
using kernels::device::ssim_mirrored;
using kernels::device::ssim_radius;
using kernels::device::ssim_taps;
using kernels::device::SsimInterior;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// The four local moments that structural similarity is made of. The two variances occur only as their sum.
enum Moment { mean_a, mean_b, squares, product, moments };
using Planes = std::array<std::vector<double>, moments>;

Planes moment_planes(const std::vector<double>& a, const std::vector<double>& b) {
    Planes planes;
    for (auto& p : planes) p.resize(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        planes[mean_a][i] = a[i];
        planes[mean_b][i] = b[i];
        planes[squares][i] = a[i] * a[i] + b[i] * b[i];
        planes[product][i] = a[i] * b[i];
    }
    return planes;
}

// Structural similarity of two magnitude images; `range` is the dynamic range.
double structural_similarity(const std::vector<double>& a, const std::vector<double>& b, std::int64_t height, std::int64_t width,
                             double range) {
    if (range == 0) return std::any_of(a.begin(), a.end(), [](double v) { return v != 0; }) ? 0 : 1;
    const auto window = kernels::device::ssim_window();
    const Planes planes = moment_planes(a, b);
    const double c1 = (ssim_k1 * range) * (ssim_k1 * range), c2 = (ssim_k2 * range) * (ssim_k2 * range);
    const SsimInterior rows(height), columns(width);
    Planes line;  // one row after the vertical pass, mirrored by `ssim_radius` at both ends
    for (auto& l : line) l.resize(static_cast<std::size_t>(width + 2 * ssim_radius));
    double sum = 0;
    for (std::int64_t y = rows.first; y < rows.last; ++y) {
        for (int m = 0; m < moments; ++m) {
            double* out = line[static_cast<std::size_t>(m)].data() + ssim_radius;
            std::fill(out, out + width, 0.0);
            for (int t = 0; t < ssim_taps; ++t) {
                const double w = window[static_cast<std::size_t>(t)];
                const double* in =
                    planes[static_cast<std::size_t>(m)].data() + ssim_mirrored(y + t - ssim_radius, height) * width;
                for (std::int64_t x = 0; x < width; ++x) out[x] += w * in[x];
            }
            for (int i = 1; i <= ssim_radius; ++i) {
                out[-i] = out[ssim_mirrored(-i, width)];
                out[width - 1 + i] = out[ssim_mirrored(width - 1 + i, width)];
            }
        }
        for (std::int64_t x = columns.first; x < columns.last; ++x) {
            std::array<double, moments> u{};
            for (std::size_t m = 0; m < moments; ++m)
                for (int t = 0; t < ssim_taps; ++t)
                    u[m] += window[static_cast<std::size_t>(t)] * line[m][static_cast<std::size_t>(x + t)];
            sum += kernels::device::ssim_at({u[mean_a], u[mean_b], u[squares], u[product]}, c1, c2).value;
        }
    }
    return sum / static_cast<double>(rows.count() * columns.count());
}

double decibel(double peak, double rmse) {
    if (rmse == 0) return infinity;
    return peak == 0 ? -infinity : 20 * std::log10(peak / rmse);
}

double ratio(double rmse, double norm) {
    if (rmse == 0) return 0;
    return norm == 0 ? infinity : rmse / norm;
}

bool finite(const std::complex<float>& z) { return std::isfinite(z.real()) && std::isfinite(z.imag()); }

// An array [count, height, width, sets]: count x sets planes.
struct Stack {
    std::int64_t count, height, width, sets;

    // Plane `set` of entry `i`.
    std::vector<double> take(const std::vector<double>& all, std::int64_t i, std::int64_t set) const {
        std::vector<double> plane(static_cast<std::size_t>(height * width));
        const double* first = all.data() + i * height * width * sets + set;
        for (std::size_t p = 0; p < plane.size(); ++p) plane[p] = first[static_cast<std::int64_t>(p) * sets];
        return plane;
    }
};

Scores score_stack(const std::complex<float>* image, const std::complex<float>* target, const Stack& stack) {
    const auto n = static_cast<std::size_t>(stack.count * stack.height * stack.width * stack.sets);
    std::vector<double> a(n), b(n);
    double error = 0, magnitude_error = 0, energy = 0, peak = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (!finite(image[i]) || !finite(target[i]))
            return {not_a_number, not_a_number, not_a_number, not_a_number, not_a_number};
        const std::complex<double> x(image[i]), t(target[i]);
        a[i] = std::abs(x), b[i] = std::abs(t);
        error += std::norm(x - t);
        magnitude_error += (a[i] - b[i]) * (a[i] - b[i]);
        energy += b[i] * b[i];
        peak = std::max(peak, b[i]);
    }
    double similarity = 0;
    for (std::int64_t i = 0; i < stack.count; ++i)
        for (std::int64_t set = 0; set < stack.sets; ++set)
            similarity += structural_similarity(stack.take(a, i, set), stack.take(b, i, set), stack.height, stack.width, peak);
    const double count = static_cast<double>(n);
    const double rmse = std::sqrt(error / count), rmse_magnitude = std::sqrt(magnitude_error / count);
    const double norm = std::sqrt(energy / count);
    return {decibel(peak, rmse), similarity / static_cast<double>(stack.count * stack.sets), ratio(rmse, norm),
            decibel(peak, rmse_magnitude), ratio(rmse_magnitude, norm)};
}

}  // namespace

Scores score(const std::complex<float>* image, const std::complex<float>* target, std::int64_t height, std::int64_t width) {
    if (height < 1 || width < 1) throw ShapeError("score", fmt::format("an image of {} x {} has no pixels", height, width));
    return score_stack(image, target, {1, height, width, 1});
}

Scores score(const ComplexArray& image, const ComplexArray& target) {
    if (!(image.shape == target.shape))
        throw ShapeError("score",
                         "the image " + image.shape.str() + " and its target " + target.shape.str() + " differ in shape");
    const Shape& s = image.shape;
    if (s.rank() < 2 || s.elements() == 0) throw ShapeError("score", "there is no image in " + s.str());
    const bool sets = s.rank() == 7;
    Stack stack{1, s[sets ? 4 : -2], s[sets ? 5 : -1], sets ? s[6] : 1};
    stack.count = s.elements() / (stack.height * stack.width * stack.sets);
    return score_stack(image.data(), target.data(), stack);
}

Spread spread(std::span<const double> values) {
    Spread s;
    double sum = 0;
    for (double v : values) {
        if (!std::isfinite(v)) {
            ++s.left_out;
            continue;
        }
        sum += v;
        ++s.count;
    }
    if (s.count == 0) return {not_a_number, not_a_number, 0, s.left_out};
    s.mean = sum / static_cast<double>(s.count);
    double squares = 0;  // a second pass: no cancellation for values far from zero
    for (double v : values)
        if (std::isfinite(v)) squares += (v - s.mean) * (v - s.mean);
    s.deviation = s.count > 1 ? std::sqrt(squares / static_cast<double>(s.count - 1)) : 0;
    return s;
}

std::string Spread::str(int decimals) const {
    std::string text = fmt::format("{:.{}f} ± {:.{}f}", mean, decimals, deviation, decimals);
    if (left_out > 0) text += fmt::format(" ({} of {} left out)", left_out, count + left_out);
    return text;
}

}  // namespace gleam::modules
