#include "data/phantom.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "data/sections.hpp"
#include "data/waves.hpp"

namespace gleam::data {
namespace {

// Receive and transmit shading: slow, within about +-25 %.
void shade(std::int64_t height, std::int64_t width, Philox& random, double z, std::vector<float>& picture) {
    const double strength = random.uniform(0.04, 0.1);
    const auto field = Waves(random, 6, 0.2, 1.2).sample(height, width, z);
    for (std::size_t i = 0; i < picture.size(); ++i) picture[i] *= std::exp(static_cast<float>(strength) * field[i]);
}

// Magnitude and phase of one picture, behind what there is already.
void draw(std::int64_t height, std::int64_t width, Philox random, const View& view, std::vector<float>& magnitude,
          std::vector<float>& phase) {
    const double z = view.z.value_or(0);
    auto picture = make_section(height, width, random, view);
    shade(height, width, random, z, picture);
    magnitude.insert(magnitude.end(), picture.begin(), picture.end());
    const auto turn = make_phase(height, width, random, z);
    phase.insert(phase.end(), turn.begin(), turn.end());
}

}  // namespace

std::vector<float> make_phase(std::int64_t height, std::int64_t width, Philox& random, double z) {
    std::array<double, 6> c{};
    for (std::size_t i = 0; i < c.size(); ++i) c[i] = i == 0 ? random.uniform(-3.1, 3.1) : random.uniform(-0.9, 0.9);
    const double strength = random.uniform(0.1, 0.3);
    auto phase = Waves(random, 12, 0.5, 3).sample(height, width, z);
    const double along_z = 0.8 * c[5] * z - 0.6 * c[4] * z * z;
    for (std::int64_t iy = 0; iy < height; ++iy)
        for (std::int64_t ix = 0; ix < width; ++ix) {
            const double x = fov_position(ix, width), y = fov_position(iy, height);
            const double polynomial = c[0] + c[1] * x + c[2] * y + c[3] * x * x + c[4] * x * y + c[5] * y * y;
            float& p = phase[static_cast<std::size_t>(iy * width + ix)];
            p = static_cast<float>(polynomial + strength * static_cast<double>(p) + along_z);
        }
    return phase;
}

ComplexArray complex_image(const Shape& shape, const std::vector<float>& magnitude, const std::vector<float>& phase) {
    ComplexArray image(shape);
    const float peak = *std::max_element(magnitude.begin(), magnitude.end());
    const float scale = peak > 0 ? 1 / peak : 0;
    for (std::size_t i = 0; i < image.values.size(); ++i)
        if (magnitude[i] > 0) image.values[i] = std::polar(std::min(1.0f, scale * magnitude[i]), phase[i]);
    return image;
}

ComplexArray make_phantom(const DatasetLayout& layout, std::uint64_t seed, std::uint32_t index) {
    if (std::min({layout.frames, layout.depth, layout.height, layout.width}) < 1)
        throw ConfigError(
            "phantom",
            fmt::format("{} frames of {} x {} x {} have no pixels", layout.frames, layout.depth, layout.height, layout.width),
            "give positive sizes");
    std::vector<float> magnitude, phase;
    const std::int64_t pictures = layout.frames * layout.depth;
    for (std::int64_t i = 0; i < pictures; ++i) {
        View view;
        if (layout.physics == Physics::volume) view.z = fov_position(i, layout.depth);
        if (layout.physics == Physics::dynamic) view.beat = static_cast<double>(i) / static_cast<double>(layout.frames);
        draw(layout.height, layout.width, Philox(seed, Purpose::phantom, 0, index), view, magnitude, phase);
    }
    return complex_image(layout.rss_shape(), magnitude, phase);
}

ComplexArray make_phantom(std::int64_t height, std::int64_t width, std::uint64_t seed, std::uint32_t index) {
    if (height < 1 || width < 1)
        throw ConfigError("phantom", fmt::format("a matrix of {} x {} has no pixels", height, width), "give positive sizes");
    ComplexArray image = make_phantom(DatasetLayout{1, 1, height, width}, seed, index);
    image.shape = Shape{height, width};
    return image;
}

}  // namespace gleam::data
