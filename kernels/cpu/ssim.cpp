// 1 - structural similarity and its gradient, plane after plane, in double.
//
// With G the Gaussian window as a matrix (rows: pixels of the mean, columns: all pixels), a = |x|, b = |t|:
//   S = mean over pixels of s(G a, G b, G (a^2 + b^2), G (a b))
//   dS/da = Gt s_a + 2 a Gt s_squares + b Gt s_product,  dS/dx = dS/da x / |x|
// Rows are independent in each of the four passes below, so any number of threads gives the same bits.
#include "kernels/cpu/ssim.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/parallel.hpp"
#include "kernels/device/ssim.hpp"

namespace gleam::kernels::cpu {
namespace {

using device::ssim_mirrored;
using device::ssim_radius;
using device::ssim_taps;
using device::SsimInterior;

constexpr int moments = 4;    // a, b, a^2 + b^2, a b
constexpr int gradients = 3;  // by a, by the squares, by the product

class SsimPlane {
public:
    SsimPlane(std::int64_t height, std::int64_t width, double* memory)
        : height_(height), width_(width), rows_(height), columns_(width) {
        a_ = memory;
        b_ = a_ + height * width;
        vertical_ = b_ + height * width;
        slopes_ = vertical_ + moments * rows_.count() * width;
        row_sums_ = slopes_ + gradients * rows_.count() * columns_.count();
    }

    static std::int64_t memory(std::int64_t height, std::int64_t width) {
        const std::int64_t rows = SsimInterior(height).count(), columns = SsimInterior(width).count();
        return 2 * height * width + moments * rows * width + gradients * rows * columns + rows;
    }

    // Magnitudes of a plane whose neighbours along x lie `stride` elements apart.
    template <class T>
    void load(const T* x, const T* target, std::int64_t stride) {
        for_rows(0, height_, [&](std::int64_t y) {
            for (std::int64_t i = y * width_; i < (y + 1) * width_; ++i) {
                const T *p = x + 2 * i * stride, *q = target + 2 * i * stride;
                a_[i] = std::sqrt(double(p[0]) * double(p[0]) + double(p[1]) * double(p[1]));
                b_[i] = std::sqrt(double(q[0]) * double(q[0]) + double(q[1]) * double(q[1]));
            }
        });
    }

    // The mean similarity for dynamic range `range`; keeps its derivatives by the local moments.
    double similarity(double range) {
        if (!(range > 0)) return similarity_to_zero();
        const double c1 = device::ssim_k1 * range * (device::ssim_k1 * range);
        const double c2 = device::ssim_k2 * range * (device::ssim_k2 * range);
        for_rows(rows_.first, rows_.last, [&](std::int64_t y) {
            filter_down(y);
            row_sums_[y - rows_.first] = filter_across(y, c1, c2);
        });
        double sum = 0;
        for (std::int64_t r = 0; r < rows_.count(); ++r) sum += row_sums_[r];
        return sum / pixels();
    }

    // gradient += factor dS/dx after similarity().
    template <class T>
    void gradient_acc(double factor, const T* x, std::int64_t stride, T* gradient) {
        for_rows(rows_.first, rows_.last, [&](std::int64_t y) { spread_across(y); });
        for_rows(0, height_, [&](std::int64_t y) { spread_up(y, factor / pixels(), x, stride, gradient); });
    }

private:
    template <class F>
    void for_rows(std::int64_t first, std::int64_t last, F&& f) {
        parallel_ranges(last - first, std::max<std::int64_t>(1, 1024 / width_), [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t y = first + begin; y < first + end; ++y) f(y);
        });
    }

    double pixels() const { return static_cast<double>(rows_.count() * columns_.count()); }

    double similarity_to_zero() const {
        double sum = 0;
        for (std::int64_t i = 0; i < height_ * width_; ++i) sum += a_[i] + b_[i];
        return device::ssim_to_zero(sum);
    }

    // Row y (of the mean) of quantity `which` in the arrays that have columns for all pixels, or for those of the mean.
    double* vertical(int which, std::int64_t y) { return vertical_ + (which * rows_.count() + y - rows_.first) * width_; }
    double* slopes(int which, std::int64_t y) { return slopes_ + (which * rows_.count() + y - rows_.first) * columns_.count(); }

    void filter_down(std::int64_t y) {
        double *a = vertical(0, y), *b = vertical(1, y), *squares = vertical(2, y), *product = vertical(3, y);
        for (double* row : {a, b, squares, product}) std::fill(row, row + width_, 0.0);
        for (int t = 0; t < ssim_taps; ++t) {
            const double w = window_[static_cast<std::size_t>(t)];
            const std::int64_t from = ssim_mirrored(y + t - ssim_radius, height_) * width_;
            for (std::int64_t x = 0; x < width_; ++x) {
                const double u = a_[from + x], v = b_[from + x];
                a[x] += w * u;
                b[x] += w * v;
                squares[x] += w * (u * u + v * v);
                product[x] += w * (u * v);
            }
        }
    }

    // The sum of the similarity over row y.
    double filter_across(std::int64_t y, double c1, double c2) {
        double sum = 0;
        for (std::int64_t x = columns_.first; x < columns_.last; ++x) {
            double u[moments] = {};
            for (int t = 0; t < ssim_taps; ++t) {
                const std::int64_t from = ssim_mirrored(x + t - ssim_radius, width_);
                for (int m = 0; m < moments; ++m) u[m] += window_[static_cast<std::size_t>(t)] * vertical(m, y)[from];
            }
            const device::SsimPoint point = device::ssim_at({u[0], u[1], u[2], u[3]}, c1, c2);
            const std::int64_t to = x - columns_.first;
            slopes(0, y)[to] = point.by_a;
            slopes(1, y)[to] = point.by_squares;
            slopes(2, y)[to] = point.by_product;
            sum += point.value;
        }
        return sum;
    }

    // The adjoint of the horizontal filter: derivatives by the vertically filtered rows, in the place of these rows.
    void spread_across(std::int64_t y) {
        for (int g = 0; g < gradients; ++g) {
            double* out = vertical(g, y);
            std::fill(out, out + width_, 0.0);
            for (std::int64_t x = columns_.first; x < columns_.last; ++x)
                for (int t = 0; t < ssim_taps; ++t)
                    out[ssim_mirrored(x + t - ssim_radius, width_)] +=
                        window_[static_cast<std::size_t>(t)] * slopes(g, y)[x - columns_.first];
        }
    }

    // Row y of the adjoint of the vertical filter, and what follows from it for x.
    template <class T>
    void spread_up(std::int64_t y, double factor, const T* x, std::int64_t stride, T* gradient) {
        const std::int64_t begin = std::max(rows_.first, y - 2 * ssim_radius);
        const std::int64_t end = std::min(rows_.last, y + 2 * ssim_radius + 1);
        double weights[4 * ssim_radius + 1] = {};  // of rows begin … end - 1
        for (std::int64_t r = begin; r < end; ++r)
            for (int t = 0; t < ssim_taps; ++t)
                if (ssim_mirrored(r + t - ssim_radius, height_) == y) weights[r - begin] += window_[static_cast<std::size_t>(t)];
        for (std::int64_t column = 0; column < width_; ++column) {
            double by[gradients] = {};
            for (std::int64_t r = begin; r < end; ++r)
                if (weights[r - begin] != 0)
                    for (int g = 0; g < gradients; ++g) by[g] += weights[r - begin] * vertical(g, r)[column];
            const std::int64_t i = y * width_ + column;
            const double by_a = by[0] + 2 * a_[i] * by[1] + b_[i] * by[2];
            const double scale = a_[i] > 0 ? factor * by_a / a_[i] : 0;
            gradient[2 * i * stride] += static_cast<T>(scale * double(x[2 * i * stride]));
            gradient[2 * i * stride + 1] += static_cast<T>(scale * double(x[2 * i * stride + 1]));
        }
    }

    std::int64_t height_, width_;
    SsimInterior rows_, columns_;
    std::array<double, ssim_taps> window_ = device::ssim_window();
    double *a_, *b_, *vertical_, *slopes_, *row_sums_;
};

template <class T>
double largest_magnitude(const T* t, std::int64_t elements) {
    double largest = 0;
#pragma omp parallel for reduction(max : largest) if (elements > elementwise_grain)
    for (std::int64_t i = 0; i < elements; ++i)
        largest = std::max(largest, double(t[2 * i]) * double(t[2 * i]) + double(t[2 * i + 1]) * double(t[2 * i + 1]));
    return std::sqrt(largest);
}

}  // namespace

void ssim_loss_acc(double weight, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                   Arena& workspace, bool planning) {
    const Shape& s = x.shape;
    const std::int64_t height = s[4], width = s[5], inner = s.rank() == 7 ? s[6] : 1, volumes = s[1] * s[3];
    const Lease lease =
        workspace.acquire("structural similarity", static_cast<std::size_t>(SsimPlane::memory(height, width)) * sizeof(double));
    if (planning) return;
    SsimPlane plane(height, width, static_cast<double*>(lease.data()));
    const std::int64_t per_plane = height * width * inner, planes = s[0] * volumes * inner;
    double loss = 0;
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t n = 0; n < s[0]; ++n) {
            const auto at = [&](const Tensor& t, std::int64_t offset) {
                return static_cast<T*>(t.data) + 2 * (n * volumes * per_plane + offset);
            };
            const double range = largest_magnitude<T>(at(target, 0), volumes * per_plane);
            for (std::int64_t v = 0; v < volumes; ++v)
                for (std::int64_t e = 0; e < inner; ++e) {
                    const std::int64_t offset = v * per_plane + e;
                    plane.load<T>(at(x, offset), at(target, offset), inner);
                    loss += 1 - plane.similarity(range);
                    if (gradient && range > 0)
                        plane.gradient_acc<T>(-weight / double(planes), at(x, offset), inner, at(*gradient, offset));
                }
        }
    });
    *value.as<double>() += weight * loss / double(planes);
}

}  // namespace gleam::kernels::cpu
