#include "data/canvas.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/waves.hpp"

namespace gleam::data {
namespace {

constexpr double bend = 0.009;  // root mean square displacement for warp = 1

float smooth_step(double t) {
    t = std::clamp(t, 0.0, 1.0);
    return static_cast<float>(t * t * (3 - 2 * t));
}

// An ellipse as a level function q(x, y): 0 in the centre, 1 on the outline.
class Level {
public:
    Level(const Ellipse& e, double pixel_x, double pixel_y)
        : e_(e),
          c_(std::cos(e.angle)),
          s_(std::sin(e.angle)),
          edge_x2_(pixel_x * pixel_x + e.softness * e.softness),
          edge_y2_(pixel_y * pixel_y + e.softness * e.softness),
          edge_a_(std::sqrt(c_ * c_ * edge_x2_ + s_ * s_ * edge_y2_)),
          edge_b_(std::sqrt(s_ * s_ * edge_x2_ + c_ * c_ * edge_y2_)),
          fill_(static_cast<float>(std::min(1.0, 2 * e.a / edge_a_) * std::min(1.0, 2 * e.b / edge_b_))) {}

    // The share of the pixel at (x, y) that is inside.
    float cover(double x, double y) const {
        const double dx = x - e_.x, dy = y - e_.y;
        const double p = c_ * dx + s_ * dy, r = c_ * dy - s_ * dx;  // along the ellipse's own axes
        // No nearer than the box around the ellipse: the estimate below is poor beyond the tips of a slender one.
        const double box = std::max((std::abs(p) - e_.a) / edge_a_, (std::abs(r) - e_.b) / edge_b_);
        if (box >= 0.5) return 0;
        const double u = p / e_.a, v = r / e_.b, q2 = u * u + v * v;
        if (q2 < 0.01) return fill_;
        const double q = std::sqrt(q2);
        // How much q changes over one edge width: turns q - 1 into a distance in edge widths.
        const double gx = (u * c_ / e_.a - v * s_ / e_.b) / q, gy = (u * s_ / e_.a + v * c_ / e_.b) / q;
        const double outside = (q - 1) / std::sqrt(gx * gx * edge_x2_ + gy * gy * edge_y2_);
        return fill_ * smooth_step(0.5 - std::max(outside, box));
    }

    // About the distance from the outline, positive inside.
    double depth(double x, double y) const {
        const double dx = x - e_.x, dy = y - e_.y;
        const double u = (c_ * dx + s_ * dy) / e_.a, v = (c_ * dy - s_ * dx) / e_.b;
        return (1 - std::sqrt(u * u + v * v)) * std::min(e_.a, e_.b);
    }

    // Direction from the centre in the ellipse's own, rounded coordinates.
    double polar_angle(double x, double y) const {
        const double dx = x - e_.x, dy = y - e_.y;
        return std::atan2((c_ * dy - s_ * dx) / e_.b, (c_ * dx + s_ * dy) / e_.a);
    }

private:
    Ellipse e_;
    double c_, s_;
    double edge_x2_, edge_y2_;  // squared width of the edge along the axes of the matrix
    double edge_a_, edge_b_;    // width of the edge along the axes of the ellipse
    float fill_;                // below 1 for what is thinner than a pixel
};

// Size of the object in the section z of a volume: blunt ends, as a head has them.
double section_size(double z) {
    const double t = std::abs(z) / 0.94;
    const double size = t < 1 ? std::sqrt(1 - t * t * t) : 0;
    return size > 0.15 ? size : 0;
}

}  // namespace

Ellipse Ellipse::inside(double by, double new_value) const {
    Ellipse e = *this;
    e.a = std::max(a - by, 0.01);
    e.b = std::max(b - by, 0.01);
    e.value = new_value;
    return e;
}

Canvas::Canvas(std::int64_t height, std::int64_t width, Philox& random, std::optional<double> z)
    : height_(height),
      width_(width),
      z_(z),
      zoom_(z ? section_size(*z) : 1),
      shift_x_(Waves(random, 8, 0.6, 3).sample(height, width, z.value_or(0))),
      shift_y_(Waves(random, 8, 0.6, 3).sample(height, width, z.value_or(0))),
      grain_(Waves(random, 32, 14, 44).sample(height, width, z.value_or(0))),
      value_(grain_.size()),
      texture_(grain_.size()) {
    const auto coarse = Waves(random, 16, 5, 14).sample(height, width, z.value_or(0));
    for (std::size_t i = 0; i < grain_.size(); ++i) {
        grain_[i] = 0.8f * grain_[i] + 0.6f * coarse[i];
        shift_x_[i] *= static_cast<float>(bend);
        shift_y_[i] *= static_cast<float>(bend);
    }
}

double Canvas::place(std::int64_t i, std::int64_t n) const { return fov_position(i, n) / zoom_; }

// What this section cuts from the ellipsoid whose largest section is `e`; nothing when it lies elsewhere. Ellipses one inside the
// other share a centre, so they share its z.
std::optional<Ellipse> Canvas::here(const Ellipse& e) const {
    if (!z_) return e;
    if (zoom_ == 0) return std::nullopt;
    const double size = std::sqrt(e.a * e.b), length = 4 * size;
    const double centre = 0.8 * std::clamp((0.5 - size) / 0.3, 0.0, 1.0) * std::sin(19 * e.x + 23 * e.y);
    const double t = (*z_ - centre) / length;
    if (t * t >= 1) return std::nullopt;
    Ellipse cut = e;
    cut.a *= std::sqrt(1 - t * t);
    cut.b *= std::sqrt(1 - t * t);
    return cut;
}

void Canvas::blend(std::size_t pixel, float cover, float value, float texture) {
    value_[pixel] += cover * (value - value_[pixel]);
    texture_[pixel] += cover * (texture - texture_[pixel]);
}

void Canvas::paint(const Ellipse& ellipse) {
    const std::optional<Ellipse> cut = here(ellipse);
    if (!cut) return;
    const Ellipse& e = *cut;
    const double pixel_x = pixel(width_), pixel_y = pixel(height_);
    const Level level(e, pixel_x, pixel_y);
    const float value = static_cast<float>(e.value), texture = static_cast<float>(e.texture);
    // A box around all that can be touched: axes, edge, and four times the usual displacement (more than the waves can add up
    // to).
    const double reach = std::max(e.a, e.b) + e.softness + 4 * bend * e.warp;
    const double edge = 1 / zoom_;
    auto span = [edge](double centre, double reach_of_axis, double pixel, std::int64_t n) {
        const double first = (centre - reach_of_axis + edge) / pixel - 0.5, last = (centre + reach_of_axis + edge) / pixel + 0.5;
        return std::array{std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(first)), 0, n),
                          std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(last)), 0, n)};
    };
    const auto rows = span(e.y, reach + pixel_y, pixel_y, height_), columns = span(e.x, reach + pixel_x, pixel_x, width_);
    for (std::int64_t iy = rows[0]; iy < rows[1]; ++iy)
        for (std::int64_t ix = columns[0]; ix < columns[1]; ++ix) {
            const auto i = static_cast<std::size_t>(iy * width_ + ix);
            const double x = place(ix, width_) + e.warp * static_cast<double>(shift_x_[i]);
            const double y = place(iy, height_) + e.warp * static_cast<double>(shift_y_[i]);
            const float cover = level.cover(x, y);
            if (cover > 0) blend(i, cover, value, texture);
        }
}

void Canvas::paint_folds(const Ellipse& whole, const Folds& folds, Philox& random) {
    // Furrows lie where a sum of waves around the outline is zero; each wave also turns with depth, so that furrows bend and
    // fork.
    struct Turn {
        double around, inwards, phase;
    };
    std::array<Turn, 5> turns;
    for (auto& t : turns) {
        const double around = std::round(0.5 * folds.furrows * random.uniform(0.55, 1.35));
        t = {around, random.uniform(-16, 16), random.uniform(0, 2 * std::numbers::pi)};
    }
    const auto reach_field = Waves(random, 10, 2, 6).sample(height_, width_, z_.value_or(0));
    const auto bend_field = Waves(random, 12, 3, 8).sample(height_, width_, z_.value_or(0));
    const std::optional<Ellipse> cut = here(whole);
    if (!cut) return;
    const Ellipse& outline = *cut;
    const double pixel_x = pixel(width_), pixel_y = pixel(height_), larger_pixel = std::max(pixel_x, pixel_y);
    const Level level(outline, pixel_x, pixel_y);
    for (std::int64_t iy = 0; iy < height_; ++iy)
        for (std::int64_t ix = 0; ix < width_; ++ix) {
            const auto i = static_cast<std::size_t>(iy * width_ + ix);
            const double x = place(ix, width_) + outline.warp * static_cast<double>(shift_x_[i]);
            const double y = place(iy, height_) + outline.warp * static_cast<double>(shift_y_[i]);
            const float cover = level.cover(x, y);
            if (cover == 0) continue;
            const double depth = level.depth(x, y), angle = level.polar_angle(x, y);
            const double wiggle = 0.9 * static_cast<double>(bend_field[i]);
            const double radius = std::max(0.1, std::min(outline.a, outline.b) - depth);
            double n = 0, slope_around = 0, slope_inwards = 0;
            for (const auto& t : turns) {
                const double phase = t.around * angle + t.inwards * depth + t.phase + wiggle;
                n += std::cos(phase);
                slope_around -= t.around * std::sin(phase) / radius;
                slope_inwards -= t.inwards * std::sin(phase);
            }
            // Distance from the nearest furrow by Newton's estimate, held finite where the slope vanishes, growing below its
            // floor.
            const double slope = std::sqrt(slope_around * slope_around + slope_inwards * slope_inwards + 25);
            const double floor = folds.depth * std::clamp(0.75 + 0.45 * static_cast<double>(reach_field[i]), 0.15, 1.5);
            const double furrow = std::abs(n) / slope - folds.furrow + std::max(0.0, depth - floor);
            const double inside = std::min(furrow, depth);  // distance from the fluid
            const float tissue = smooth_step(0.5 + inside / larger_pixel);
            const float core = smooth_step(0.5 + (inside - folds.ribbon) / (1.5 * larger_pixel));
            const double value = folds.fluid + static_cast<double>(tissue) * (folds.outer - folds.fluid) +
                                 static_cast<double>(core) * (folds.inner - folds.outer);
            blend(i, cover, static_cast<float>(value), static_cast<float>(outline.texture));
        }
}

std::vector<float> Canvas::picture() const {
    std::vector<float> out(value_.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::max(0.0f, value_[i] * (1 + texture_[i] * grain_[i]));
    return out;
}

}  // namespace gleam::data
