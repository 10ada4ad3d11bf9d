#include "data/coils.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "core/error.hpp"
#include "data/waves.hpp"

namespace gleam::data {
namespace {

using Complex = std::complex<double>;

// A loop that stands upright: its two long wires run along z through `a` and `b`, the two short ones join them half_length above
// and below `z`. In-plane positions are complex numbers x + i y, in half fields of view.
struct Loop {
    Complex a, b;
    double half_length;
    Complex gain;
    double z = 0;

    // What the loop receives at height `height` over `p`: the transverse field Bx - i By.
    Complex sensitivity(Complex p, double height) const {
        const double up = half_length - (height - z), down = half_length + (height - z);  // to the short wires
        const Complex along = (b - a) / std::abs(b - a);
        // By symmetry of a short wire around its middle only the part across it lies in the plane.
        const Complex field =
            long_wire(p - a, up, down) - long_wire(p - b, up, down) + Complex(0, short_wire(p, up) + short_wire(p, down)) * along;
        return gain * std::conj(field);
    }

private:
    // l times the integral of ds / (distance^2 + l^2)^(3/2) over the wire, where l is how far it lies above or below.
    double short_wire(Complex p, double l) const {
        const double width = std::abs(b - a);
        const Complex q = (p - a) * std::conj((b - a) / width);                // along and across the wire
        const double rho2 = std::max(q.imag() * q.imag() + l * l, 0.1 * 0.1);  // finite on the wire
        const double s0 = -q.real(), s1 = width - q.real();
        return l * ((s1 / std::sqrt(s1 * s1 + rho2) - s0 / std::sqrt(s0 * s0 + rho2)) / rho2);
    }

    // A wire of some thickness: the field stays finite on it.
    static Complex long_wire(Complex r, double up, double down) {
        constexpr double thickness2 = 0.3 * 0.3;
        const double d2 = std::norm(r) + thickness2;
        const auto part = [d2](double l) { return l / (d2 * std::sqrt(d2 + l * l)); };
        return Complex(0, part(up) + part(down)) * r;
    }
};

// Loops on a rounded square that keeps clear of the corners of the field of view, evenly spread but for some jitter.
std::vector<Loop> place_loops(std::int64_t coils, bool staggered, Philox& random) {
    std::vector<Loop> loops;
    const double turn = random.uniform(0, 2 * std::numbers::pi), distance = random.uniform(1.4, 1.55);
    const double half_length = random.uniform(0.5, 0.8), fill = random.uniform(0.8, 1.1);
    for (std::int64_t c = 0; c < coils; ++c) {
        const double step = (static_cast<double>(c) + random.uniform(-0.12, 0.12)) / static_cast<double>(coils);
        const double angle = turn + 2 * std::numbers::pi * step;
        const double x = std::cos(angle), y = std::sin(angle);
        const double radius = distance / std::pow(std::pow(x, 6) + std::pow(y, 6), 1.0 / 6);
        const Complex centre = std::polar(radius, angle);
        const double tilt = angle + std::numbers::pi / 2 + random.uniform(-0.2, 0.2);
        const double half_width = std::clamp(fill * std::numbers::pi * distance / static_cast<double>(coils), 0.2, 0.75);
        const Complex half = std::polar(half_width, tilt);
        const double gain = random.uniform(0.85, 1.15), phase = random.uniform(0, 2 * std::numbers::pi);
        const double z = staggered ? (c % 2 == 0 ? 0.45 : -0.45) : 0;
        loops.push_back({centre - half, centre + half, half_length, std::polar(gain, phase), z});
    }
    return loops;
}

}  // namespace

ComplexArray make_coil_maps(std::int64_t coils, const Shape& matrix, Philox& random) {
    const std::int64_t depth = matrix.rank() == 3 ? matrix[0] : 1, height = matrix[-2], width = matrix[-1];
    if (coils < 1 || depth < 1 || height < 1 || width < 1)
        throw ConfigError("coil maps", fmt::format("{} coils on {} x {} x {} pixels", coils, depth, height, width),
                          "give positive numbers");
    Shape shape{coils};
    for (std::int64_t n : matrix) shape.append(n);
    ComplexArray maps(shape);
    if (coils == 1) {
        std::fill(maps.values.begin(), maps.values.end(), 1.0f);
        return maps;
    }
    const auto loops = place_loops(coils, depth > 1, random);
    const std::int64_t plane = height * width, pixels = depth * plane;
    std::vector<Complex> here(loops.size());
    for (std::int64_t i = 0; i < pixels; ++i) {
        const Complex p(fov_position(i % width, width), fov_position(i % plane / width, height));
        const double z = fov_position(i / plane, depth);
        double energy = 0;
        for (std::size_t c = 0; c < loops.size(); ++c) {
            here[c] = loops[c].sensitivity(p, z);
            energy += std::norm(here[c]);
        }
        const double scale = 1 / std::sqrt(energy);
        for (std::int64_t c = 0; c < coils; ++c)
            maps[c * pixels + i] = std::complex<float>(scale * here[static_cast<std::size_t>(c)]);
    }
    return maps;
}

}  // namespace gleam::data
