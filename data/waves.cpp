#include "data/waves.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace gleam::data {
namespace {

// 1 for frequencies the matrix shows well, falling to 0 at its Nyquist frequency.
double visible(double cycles, std::int64_t n) {
    const double nyquist = 0.5 * static_cast<double>(n);
    return std::clamp((nyquist - std::abs(cycles)) / (0.25 * nyquist), 0.0, 1.0);
}

}  // namespace

Waves::Waves(Philox& random, int count, double low, double high) {
    for (int i = 0; i < count; ++i) {
        // Area-uniform in the ring of frequencies, directions spread evenly with jitter: few waves already look isotropic.
        const double f = std::sqrt(random.uniform(low * low, high * high));
        const double direction = std::numbers::pi * (i + random.uniform()) / count;
        const double phase = random.uniform(0, 2 * std::numbers::pi);
        // Along z as fast as within the plane; the golden angle scatters the frequencies.
        waves_.push_back({f * std::cos(direction), f * std::sin(direction), f * std::sin(2.4 * i + 1), phase});
    }
}

std::vector<float> Waves::sample(std::int64_t height, std::int64_t width, double z) const {
    std::vector<float> field(static_cast<std::size_t>(height * width));
    std::vector<float> re(static_cast<std::size_t>(width)), im(re);
    for (const auto& wave : waves_) {
        const double amplitude =
            std::sqrt(2.0 / static_cast<double>(waves_.size())) * visible(wave.x, width) * visible(wave.y, height);
        if (amplitude == 0) continue;
        for (std::int64_t x = 0; x < width; ++x) {
            const auto along_x = std::polar(amplitude, std::numbers::pi * wave.x * fov_position(x, width));
            re[static_cast<std::size_t>(x)] = static_cast<float>(along_x.real());
            im[static_cast<std::size_t>(x)] = static_cast<float>(along_x.imag());
        }
        for (std::int64_t y = 0; y < height; ++y) {
            const double phase = std::numbers::pi * wave.y * fov_position(y, height) + wave.phase + std::numbers::pi * wave.z * z;
            const auto along_y = std::polar(1.0, phase);
            const float c = static_cast<float>(along_y.real()), s = static_cast<float>(along_y.imag());
            float* row = field.data() + y * width;
            for (std::int64_t x = 0; x < width; ++x)
                row[x] += c * re[static_cast<std::size_t>(x)] - s * im[static_cast<std::size_t>(x)];
        }
    }
    return field;
}

}  // namespace gleam::data
