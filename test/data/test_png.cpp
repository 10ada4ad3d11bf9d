#include <png.h>

#include <cmath>

#include "data/png.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;

namespace {

Picture decode(const std::string& bytes) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    REQUIRE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()));
    Picture picture{image.height, image.width, image.format == PNG_FORMAT_GRAY ? 1 : 3, {}};
    REQUIRE((image.format == PNG_FORMAT_GRAY || image.format == PNG_FORMAT_RGB));
    picture.pixels.resize(PNG_IMAGE_SIZE(image));
    REQUIRE(png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr));
    return picture;
}

double luminance(const std::array<std::uint8_t, 3>& colour) {
    auto linear = [](std::uint8_t byte) {
        const double x = byte / 255.0;
        return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
}

}  // namespace

TEST_CASE("PNG pictures decode to the pixels they were made of") {
    for (int channels : {1, 3}) {
        Picture picture{5, 7, channels, {}};
        for (int i = 0; i < 35 * channels; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * 37));
        const Picture back = decode(encode_png(picture));
        CHECK(back.height == 5);
        CHECK(back.width == 7);
        CHECK(back.channels == channels);
        CHECK(back.pixels == picture.pixels);
    }
}

TEST_CASE("Grey images scale between the given limits and clip outside") {
    const std::vector<float> values = {-1, 0, 1, 2, 3, 4, 9, NAN, INFINITY, -INFINITY};
    const Picture picture = grey_image(values.data(), 2, 5, 0, 4);
    CHECK(picture.pixels == std::vector<std::uint8_t>{0, 0, 64, 128, 191, 255, 255, 0, 255, 0});
    CHECK(grey_image(values.data(), 1, 5, 1, 1).pixels == std::vector<std::uint8_t>{0, 0, 0, 255, 255});
}

TEST_CASE("The colour map for errors runs from black to pale yellow with lightness rising evenly") {
    CHECK(error_colour(0) == std::array<std::uint8_t, 3>{0, 0, 0});
    CHECK(error_colour(-1) == error_colour(0));
    CHECK(error_colour(2) == error_colour(1));
    CHECK(luminance(error_colour(1)) > 0.85);
    for (int i = 2; i <= 32; ++i) CHECK(luminance(error_colour(i / 32.0)) > luminance(error_colour((i - 1) / 32.0)));
    // Grey of the same lightness at one half: neither end dominates the map.
    CHECK(std::cbrt(luminance(error_colour(0.5))) == Approx(0.5).margin(0.08));
    const float values[] = {0, 0.5F, 1};
    const Picture picture = colour_image(values, 1, 3, 0, 1);
    CHECK(picture.channels == 3);
    const auto middle = error_colour(128 / 255.0);
    CHECK(std::vector<std::uint8_t>(picture.pixels.begin() + 3, picture.pixels.begin() + 6) ==
          std::vector<std::uint8_t>(middle.begin(), middle.end()));
}

TEST_CASE("Pictures of impossible size are refused") {
    CHECK_THROWS_AS(encode_png(Picture{}), DataError);
    CHECK_THROWS_WITH(encode_png(Picture{2, 2, 1, {1, 2, 3}}), ContainsSubstring("3 bytes as 2 x 2"));
    CHECK_THROWS_AS(encode_png(Picture{1, 1, 2, {1, 2}}), DataError);
    CHECK_THROWS_AS(encode_png(Picture{-1, 1, 1, {}}), DataError);
    CHECK_THROWS_AS(encode_png(Picture{INT64_MAX, INT64_MAX, 1, {0}}), DataError);
}

TEST_CASE("PNG files are written whole or not at all") {
    TemporaryDirectory dir;
    const Picture picture{1, 2, 1, {0, 255}};
    write_png(dir / "a.png", picture);
    CHECK(decode(read_file(dir / "a.png")).pixels == picture.pixels);
    CHECK_THROWS_AS(write_png(dir / "a.png/b.png", picture), DataError);
    {
        const test::FileSizeLimit full(10);
        CHECK_THROWS_WITH(write_png(dir / "b.png", picture), ContainsSubstring("b.png: cannot be written"));
    }
    CHECK(dir.entries() == 1);
}
