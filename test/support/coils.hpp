// A simulated scan for tests: smooth coils around a textured object, exact to rounding.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>

#include "core/array.hpp"
#include "core/philox.hpp"
#include "kernels/operations.hpp"

namespace gleam::test {

struct CoilScan {
    ComplexArray sensitivities;  // [C, Y, X], not normalised
    ComplexArray image;          // [Y, X], 0 outside the object
    ComplexArray kspace;         // [C, Y, X]
};

// An ellipse (80 % x 64 % of the field of view) seen by coils on a circle; noise is added to k-space with this deviation per
// part.
inline CoilScan simulate_scan(std::int64_t coils, std::int64_t height, std::int64_t width, double noise,
                              kernels::Operations& ops) {
    CoilScan scan{ComplexArray(Shape{coils, height, width}), ComplexArray(Shape{height, width}),
                  ComplexArray(Shape{coils, height, width})};
    Philox random(11, Purpose::test, static_cast<std::uint32_t>(coils), static_cast<std::uint32_t>(height * width));
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const double v = (static_cast<double>(y) + 0.5) / static_cast<double>(height) * 2 - 1;
            const double u = (static_cast<double>(x) + 0.5) / static_cast<double>(width) * 2 - 1;
            const std::int64_t i = y * width + x;
            if (v * v / 0.64 + u * u / 0.41 < 1) {
                const double magnitude = 1 + 0.3 * std::sin(9 * u + 2 * v) * std::cos(7 * v) + 0.2 * random.uniform();
                scan.image[i] = std::polar(static_cast<float>(magnitude), static_cast<float>(0.8 * u - 0.5 * v));
            }
            for (std::int64_t c = 0; c < coils; ++c) {
                const double angle = 6.283185307179586 * static_cast<double>(c) / static_cast<double>(coils);
                const double dy = v - 1.2 * std::sin(angle), dx = u - 1.2 * std::cos(angle);
                scan.sensitivities[c * height * width + i] = std::polar(static_cast<float>(std::exp(-0.5 * (dy * dy + dx * dx))),
                                                                        static_cast<float>(angle + 0.9 * dx * dy));
                scan.kspace[c * height * width + i] = scan.sensitivities[c * height * width + i] * scan.image[i];
            }
        }
    Arena workspace("test");
    workspace.serve_on_demand(ops.allocator());
    ops.fft(kernels::FftDirection::forward, 2, scan.kspace.view(Shape{1, 1, coils, 1, height, width}), workspace);
    for (auto& value : scan.kspace.values)
        value += std::complex<float>(static_cast<float>(noise * random.normal()), static_cast<float>(noise * random.normal()));
    return scan;
}

}  // namespace gleam::test
