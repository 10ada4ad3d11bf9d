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

// A loop that stands upright in the plane z = 0: its two long wires run along z through `a` and `b`, the two short ones join them
// at z = +-half_length. In-plane positions are complex numbers x + i y, in half fields of view.
struct Loop {
    Complex a, b;
    double half_length;
    Complex gain;

    // What the loop receives at `p`: the transverse field Bx - i By. By symmetry the field in the plane has no z component.
    Complex sensitivity(Complex p) const {
        const Complex short_wire = b - a;
        const double width = std::abs(short_wire);
        const Complex along = short_wire / width;
        // Short wires: 2 i l t  times the integral of ds / (distance^2 + l^2)^(3/2), where l is half_length and t their
        // direction.
        const Complex q = (p - a) * std::conj(along);  // along and across the wire
        const double rho2 = q.imag() * q.imag() + half_length * half_length;
        const double s0 = -q.real(), s1 = width - q.real();
        const double integral = (s1 / std::sqrt(s1 * s1 + rho2) - s0 / std::sqrt(s0 * s0 + rho2)) / rho2;
        const Complex field = long_wire(p - a) - long_wire(p - b) + Complex(0, 2 * half_length * integral) * along;
        return gain * std::conj(field);
    }

private:
    // A wire of some thickness: the field stays finite on it.
    Complex long_wire(Complex r) const {
        constexpr double thickness2 = 0.3 * 0.3;
        const double d2 = std::norm(r) + thickness2;
        return Complex(0, 2 * half_length / (d2 * std::sqrt(d2 + half_length * half_length))) * r;
    }
};

// Loops on a rounded square that keeps clear of the corners of the field of view, evenly spread but for some jitter.
std::vector<Loop> place_loops(std::int64_t coils, Philox& random) {
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
        loops.push_back({centre - half, centre + half, half_length, std::polar(gain, phase)});
    }
    return loops;
}

}  // namespace

ComplexArray make_coil_maps(std::int64_t coils, std::int64_t height, std::int64_t width, Philox& random) {
    if (coils < 1 || height < 1 || width < 1)
        throw ConfigError("coil maps", fmt::format("{} coils on {} x {} pixels", coils, height, width), "give positive numbers");
    ComplexArray maps(Shape{coils, height, width});
    if (coils == 1) {
        std::fill(maps.values.begin(), maps.values.end(), 1.0f);
        return maps;
    }
    const auto loops = place_loops(coils, random);
    const std::int64_t pixels = height * width;
    std::vector<Complex> here(loops.size());
    for (std::int64_t i = 0; i < pixels; ++i) {
        const Complex p(fov_position(i % width, width), fov_position(i / width, height));
        double energy = 0;
        for (std::size_t c = 0; c < loops.size(); ++c) {
            here[c] = loops[c].sensitivity(p);
            energy += std::norm(here[c]);
        }
        const double scale = 1 / std::sqrt(energy);
        for (std::int64_t c = 0; c < coils; ++c)
            maps[c * pixels + i] = std::complex<float>(scale * here[static_cast<std::size_t>(c)]);
    }
    return maps;
}

}  // namespace gleam::data
