// Pictures: 8-bit grey or colour PNG, from images of real numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/files.hpp"

namespace gleam::data {

// Rows from top to bottom, pixels interleaved.
struct Picture {
    std::int64_t height = 0, width = 0;
    int channels = 1;  // 1 grey, 3 red-green-blue
    std::vector<std::uint8_t> pixels;
};

// values [h, w]: `low` and below become black, `high` and above white, NaN black. With high <= low everything above `low` is
// white.
Picture grey_image(const float* values, std::int64_t height, std::int64_t width, float low, float high);

// The same through a colour map for errors: black, violet, red, orange, pale yellow, with lightness rising evenly.
Picture colour_image(const float* values, std::int64_t height, std::int64_t width, float low, float high);

// The colour at `position` of [0, 1], as red, green, blue.
std::array<std::uint8_t, 3> error_colour(double position);

// PNG bytes. DataError when the picture is empty, too large or inconsistent.
std::string encode_png(const Picture& picture);

// Writes a whole file or none. DataError.
void write_png(const fs::path& path, const Picture& picture);

}  // namespace gleam::data
