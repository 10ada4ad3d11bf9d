// Losses and their gradients.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::LossKind;
using Complex = std::complex<double>;

constexpr double weight = 0.7;

struct LossPoint {
    double value = 0;
    Complex gradient = 0;
};

Complex direction(Complex v) { return v == Complex(0) ? Complex(0) : v / std::abs(v); }
double sign_of(double v) { return v > 0 ? 1 : v < 0 ? -1 : 0; }

LossPoint magnitude_l1(Complex x, Complex t) {
    const double d = std::abs(x) - std::abs(t);
    return {std::abs(d), sign_of(d) * direction(x)};
}

// t turned into the frame of x is u = conj(x) t / |x|; turning x by an angle turns u back by it.
LossPoint perpendicular(Complex x, Complex t) {
    LossPoint loss = magnitude_l1(x, t);
    if (x == Complex(0)) return loss;
    const Complex u = std::conj(direction(x)) * t, tangent = Complex(0, 1) * direction(x);
    const double across = std::abs(u.imag()), by_angle = -sign_of(u.imag()) * u.real() / std::abs(x);
    const bool opposed = u.real() < 0;
    loss.value += opposed ? 2 * std::abs(t) - across : across;
    loss.gradient += (opposed ? -1 : 1) * by_angle * tangent;
    return loss;
}

LossPoint loss_at(LossKind kind, Complex x, Complex t) {
    switch (kind) {
        case LossKind::l1:
            return {std::abs(x - t), direction(x - t)};
        case LossKind::l2:
            return {std::norm(x - t), 2.0 * (x - t)};
        case LossKind::magnitude_l1:
            return magnitude_l1(x, t);
        default:
            return perpendicular(x, t);
    }
}

// Adds the loss to out[0] and its gradient to out[1].
void elementwise(LossKind kind, const Values& in, Values& out) {
    const std::int64_t n = in[0].shape.elements();
    for (std::int64_t i = 0; i < n; ++i) {
        const LossPoint loss = loss_at(kind, in[0].complex(i), in[1].complex(i));
        out[0][0] += weight * loss.value / static_cast<double>(n);
        out[1].set(i, out[1].complex(i) + weight / static_cast<double>(n) * loss.gradient);
    }
}

// Structural similarity of one plane, straight from its definition: 11 x 11 weighted pixels around each pixel of the mean.
class Plane {
public:
    Plane(std::int64_t height, std::int64_t width) : height_(height), width_(width) {
        double sum = 0;
        for (int i = -5; i <= 5; ++i) sum += window_[i + 5] = std::exp(-i * i / (2 * 1.5 * 1.5));
        for (double& w : window_) w /= sum;
        a.resize(static_cast<std::size_t>(height * width));
        b = slope = a;
    }

    // The mean similarity; slope = its derivatives by a.
    double similarity(double range) {
        const double c1 = 1e-4 * range * range, c2 = 9e-4 * range * range;
        std::fill(slope.begin(), slope.end(), 0.0);
        const std::int64_t my = height_ < 11 ? 0 : 5, mx = width_ < 11 ? 0 : 5;
        const double pixels = static_cast<double>((height_ - 2 * my) * (width_ - 2 * mx));
        double sum = 0;
        for (std::int64_t y = my; y < height_ - my; ++y)
            for (std::int64_t x = mx; x < width_ - mx; ++x) {
                double mean_a = 0, mean_b = 0, squares = 0, product = 0;
                around(y, x, [&](double w, std::size_t q) {
                    mean_a += w * a[q], mean_b += w * b[q];
                    squares += w * (a[q] * a[q] + b[q] * b[q]), product += w * a[q] * b[q];
                });
                const double l = 2 * mean_a * mean_b + c1, l_norm = mean_a * mean_a + mean_b * mean_b + c1;
                const double s = 2 * (product - mean_a * mean_b) + c2, s_norm = squares - mean_a * mean_a - mean_b * mean_b + c2;
                const double value = l / l_norm * s / s_norm;
                sum += value;
                const double by_a = 2 * mean_b * (s - l) / (l_norm * s_norm) - 2 * mean_a * value * (1 / l_norm - 1 / s_norm);
                around(y, x, [&](double w, std::size_t q) {
                    slope[q] += w * (by_a - 2 * a[q] * value / s_norm + b[q] * 2 * l / (l_norm * s_norm)) / pixels;
                });
            }
        return sum / pixels;
    }

    std::vector<double> a, b, slope;

private:
    static std::int64_t mirrored(std::int64_t i, std::int64_t n) {
        while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
        return i;
    }
    template <class F>
    void around(std::int64_t y, std::int64_t x, F&& f) const {
        for (int i = -5; i <= 5; ++i)
            for (int j = -5; j <= 5; ++j)
                f(window_[i + 5] * window_[j + 5],
                  static_cast<std::size_t>(mirrored(y + i, height_) * width_ + mirrored(x + j, width_)));
    }

    std::int64_t height_, width_;
    double window_[11];
};

void ssim(const Values& in, Values& out) {
    const Shape& s = in[0].shape;
    const std::int64_t inner = s.rank() == 7 ? s[6] : 1, pixels = s[4] * s[5], per_sample = s.elements() / s[0];
    const std::int64_t planes = s.elements() / pixels;
    Plane plane(s[4], s[5]);
    for (std::int64_t n = 0; n < s[0]; ++n) {
        double range = 0;
        for (std::int64_t i = 0; i < per_sample; ++i) range = std::max(range, std::abs(in[1].complex(n * per_sample + i)));
        for (std::int64_t p = 0; p < per_sample / pixels; ++p) {
            const auto at = [&](std::int64_t i) { return n * per_sample + (p / inner * pixels + i) * inner + p % inner; };
            double largest = 0;
            for (std::int64_t i = 0; i < pixels; ++i) {
                plane.a[static_cast<std::size_t>(i)] = std::abs(in[0].complex(at(i)));
                plane.b[static_cast<std::size_t>(i)] = std::abs(in[1].complex(at(i)));
                largest = std::max(largest, plane.a[static_cast<std::size_t>(i)]);
            }
            const double similarity = range > 0 ? plane.similarity(range) : largest == 0;
            out[0][0] += weight * (1 - similarity) / static_cast<double>(planes);
            if (range > 0)
                for (std::int64_t i = 0; i < pixels; ++i)
                    out[1].set(at(i), out[1].complex(at(i)) - weight / static_cast<double>(planes) *
                                                                  plane.slope[static_cast<std::size_t>(i)] *
                                                                  direction(in[0].complex(at(i))));
        }
    }
}

const char* name_of_loss(LossKind kind) {
    switch (kind) {
        case LossKind::l1:
            return "l1";
        case LossKind::l2:
            return "l2";
        case LossKind::magnitude_l1:
            return "magnitude_l1";
        case LossKind::ssim:
            return "ssim";
        case LossKind::perpendicular:
            return "perpendicular";
    }
    return "?";
}

struct Fills {
    Fill x = Fill::normal, target = Fill::normal, gradient = Fill::zero;
};

OperationCase loss(LossKind kind, const Shape& shape, DType real, const Fills& fills, bool with_gradient) {
    const DType c = complex_of(real);
    OperationCase row{
        fmt::format("loss_acc {}, {}, {}{}{}{}{}", name_of_loss(kind), shape.str(), name_of(c),
                    fills.x == Fill::zero ? ", zero image" : "", fills.target == Fill::zero ? ", zero target" : "",
                    fills.gradient == Fill::normal ? ", added to a gradient" : "", with_gradient ? "" : ", value alone"),
        {{c, shape, fills.x}, {c, shape, fills.target}},
        {{DType::f64, {1}}, {c, shape, fills.gradient}}};
    row.run = [=](Call& k) {
        k.ops.loss_acc({kind, weight}, k.in[0], k.in[1], with_gradient ? &k.out[1] : nullptr, k.out[0], k.workspace);
    };
    row.reference = [=](const Values& in, Values& out) {
        const Value before = out[1];
        if (kind == LossKind::ssim)
            ssim(in, out);
        else
            elementwise(kind, in, out);
        if (!with_gradient) out[1] = before;
    };
    // Of a flat window, variances are what rounding leaves, divided by 0.03^2.
    row.tolerance = real == DType::f32 ? 1e-6 : kind == LossKind::ssim ? 1e-11 : 1e-12;
    // Derivatives along a direction need no kink within reach of the differences.
    if (real == DType::f64 && with_gradient && shape.elements() > 1 && shape.elements() < 400 && fills.x == Fill::normal &&
        fills.gradient == Fill::zero)
        row.gradient = GradientRule{0, 1, 0};
    return row;
}

// One pixel, a pack with a rest, several chunks of a sum.
const Shape pixels[] = {{1}, {2}, {3, 5}, {2, 1, 1, 1, 12, 11}, {2, 3, 1, 1, 37, 41}};

// Sides below the window and at it, one tile of pixels and several with a rest; frames, slices, sets, samples.
const Shape planes[] = {{1, 1, 1, 1, 1, 1},   {1, 1, 1, 1, 1, 2},   {1, 2, 1, 2, 3, 13},     {2, 1, 1, 1, 12, 5},
                        {1, 1, 1, 1, 10, 11}, {1, 1, 1, 1, 14, 17}, {2, 1, 1, 2, 11, 12, 3}, {1, 1, 1, 1, 16, 32},
                        {2, 1, 1, 1, 35, 67}, {1, 1, 1, 1, 9, 70}};

}  // namespace

std::vector<OperationCase> loss_cases() {
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64}) {
        const auto add = [&](LossKind kind, const Shape& shape) {
            rows.push_back(loss(kind, shape, real, {}, true));
            rows.push_back(loss(kind, shape, real, {}, false));
            if (shape.elements() >= 400 || real == DType::f64) return;
            rows.push_back(loss(kind, shape, real, {Fill::normal, Fill::normal, Fill::normal}, true));
            rows.push_back(loss(kind, shape, real, {Fill::normal, Fill::zero, Fill::normal}, true));
            rows.push_back(loss(kind, shape, real, {Fill::zero, Fill::zero, Fill::normal}, true));
        };
        for (LossKind kind : {LossKind::l1, LossKind::l2, LossKind::magnitude_l1, LossKind::perpendicular})
            for (const Shape& shape : pixels) add(kind, shape);
        for (const Shape& shape : planes) add(LossKind::ssim, shape);
    }
    return rows;
}

}  // namespace gleam::test
