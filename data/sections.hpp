// What is painted on a canvas: axial sections through a head, a trunk or a limb.
#pragma once

#include <cstdint>
#include <vector>

#include "core/philox.hpp"

namespace gleam::data {

// The magnitude of one section, [height, width], row by row: air 0, the brightest tissue about 1. The kind of section, its
// contrast and its anatomy are drawn from `random`.
std::vector<float> make_section(std::int64_t height, std::int64_t width, Philox& random);

}  // namespace gleam::data
