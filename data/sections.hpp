// What is painted on a canvas: axial sections through a head, a trunk or a limb, or a chest with a beating heart.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/philox.hpp"

namespace gleam::data {

// Which picture of an object. Without either number it is a plane at rest.
struct View {
    std::optional<double> z;     // section through a volume, -1 .. 1 (canvas.hpp)
    std::optional<double> beat;  // part of the heart's cycle that has gone by, 0 .. 1: the object is a chest
};

// The magnitude of one section, [height, width], row by row: air 0, the brightest tissue about 1. The kind of section, its
// contrast and its anatomy are drawn from `random`, as many numbers for every view of an object.
std::vector<float> make_section(std::int64_t height, std::int64_t width, Philox& random, const View& view = {});

}  // namespace gleam::data
