#include "data/png.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.hpp"

namespace gleam::data {
namespace {

constexpr std::int64_t longest_side = 1 << 16;

std::uint8_t to_byte(double x) { return static_cast<std::uint8_t>(std::lround(255 * std::clamp(x, 0.0, 1.0))); }

double position_of(float value, float low, float high) {
    if (!(value > low)) return 0;  // NaN too
    return value >= high ? 1 : (static_cast<double>(value) - low) / (static_cast<double>(high) - low);
}

// Linear light to the curve of sRGB.
double encoded(double x) { return x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055; }

}  // namespace

Picture grey_image(const float* values, std::int64_t height, std::int64_t width, float low, float high) {
    Picture picture{height, width, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width))};
    std::transform(values, values + height * width, picture.pixels.begin(),
                   [&](float value) { return to_byte(position_of(value, low, high)); });
    return picture;
}

// A path through the perceptually even space Oklab (B. Ottosson, 2020): lightness rises evenly, the hue turns from violet over
// red to yellow, and the chroma stays just inside of what sRGB can show.
std::array<std::uint8_t, 3> error_colour(double position) {
    const double t = std::clamp(position, 0.0, 1.0);
    const double lightness = 0.97 * t, hue = (-75 + 180 * t) * std::numbers::pi / 180;
    const double chroma = t < 0.55 ? 0.345 * t : 0.19 - 0.2 * (t - 0.55);
    const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
    const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return {to_byte(encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s)),
            to_byte(encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s)),
            to_byte(encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s))};
}

Picture colour_image(const float* values, std::int64_t height, std::int64_t width, float low, float high) {
    std::array<std::array<std::uint8_t, 3>, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = error_colour(static_cast<double>(i) / 255);
    const Picture grey = grey_image(values, height, width, low, high);
    Picture picture{height, width, 3, {}};
    picture.pixels.reserve(3 * grey.pixels.size());
    for (std::uint8_t level : grey.pixels) picture.pixels.insert(picture.pixels.end(), table[level].begin(), table[level].end());
    return picture;
}

std::string encode_png(const Picture& picture) {
    const bool sizes = picture.height > 0 && picture.width > 0 && picture.height <= longest_side && picture.width <= longest_side;
    const bool channels = picture.channels == 1 || picture.channels == 3;
    if (!sizes || !channels ||
        static_cast<std::int64_t>(picture.pixels.size()) != picture.height * picture.width * picture.channels)
        throw DataError("PNG",
                        fmt::format("cannot show {} bytes as {} x {} pixels of {} channels", picture.pixels.size(),
                                    picture.height, picture.width, picture.channels),
                        fmt::format("sides are 1 to {}, channels 1 or 3", longest_side));
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(picture.width);
    image.height = static_cast<png_uint_32>(picture.height);
    image.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::string encoded_bytes(bytes, '\0');
    if (!png_image_write_to_memory(&image, encoded_bytes.data(), &bytes, 0, picture.pixels.data(), 0, nullptr))
        throw DataError("PNG", std::string("cannot be encoded: ") + image.message, "");
    encoded_bytes.resize(bytes);
    return encoded_bytes;
}

void write_png(const fs::path& path, const Picture& picture) { write_file(path, encode_png(picture)); }

}  // namespace gleam::data
