#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "data/coils.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

namespace {

ComplexArray maps_of(std::uint32_t index, std::int64_t coils, std::int64_t height, std::int64_t width) {
    Philox random(3, Purpose::coils, 0, index);
    return make_coil_maps(coils, {height, width}, random);
}

}  // namespace

TEST_CASE("Coil maps have unit norm in every pixel, for any number of coils and any matrix") {
    for (std::int64_t coils : {1, 2, 3, 8, 32})
        for (const auto& size : {Shape{64, 64}, Shape{37, 1}, Shape{1, 50}, Shape{1, 1}, Shape{31, 48}}) {
            INFO(coils << " coils on " << size.str());
            const auto maps = maps_of(static_cast<std::uint32_t>(coils), coils, size[0], size[1]);
            REQUIRE(maps.shape == Shape{coils, size[0], size[1]});
            const std::int64_t pixels = size.elements();
            double worst = 0;
            for (std::int64_t i = 0; i < pixels; ++i) {
                double norm = 0;
                for (std::int64_t c = 0; c < coils; ++c) norm += std::norm(std::complex<double>(maps[c * pixels + i]));
                if (!(std::abs(norm - 1) <= worst)) worst = std::abs(norm - 1);  // lets NaN through to the check
            }
            CHECK(worst < 1e-6);
        }
}

TEST_CASE("A single coil sees everything alike: its map is one") {
    for (const auto& s : maps_of(0, 1, 9, 7).values) REQUIRE(s == std::complex<float>(1, 0));
}

TEST_CASE("Coil maps are smooth in magnitude and phase") {
    const std::int64_t n = 128;
    for (std::uint32_t index = 0; index < 8; ++index) {
        const auto maps = maps_of(index, 8, n, n);
        double steepest = 0, steepest_inside = 0;  // anywhere, and in the ellipse that bodies fill
        for (std::int64_t c = 0; c < 8; ++c)
            for (std::int64_t y = 0; y + 1 < n; ++y)
                for (std::int64_t x = 0; x + 1 < n; ++x) {
                    const auto* s = maps.slice(c) + y * n + x;
                    const double slope = std::max(std::abs(s[1] - s[0]), std::abs(s[n] - s[0]));
                    steepest = std::max(steepest, slope);
                    if (std::hypot(x - 63.5, y - 63.5) < 61) steepest_inside = std::max(steepest_inside, slope);
                }
        CHECK(steepest < 8.0 / n);         // from -1 to 1 and back over half the field of view
        CHECK(steepest_inside < 4.0 / n);  // and over all of it
        CHECK(steepest > 0.5 / n);         // not constant either
    }
}

TEST_CASE("Each coil sees its own side best and all sides are seen") {
    const std::int64_t n = 32, coils = 8;
    const auto maps = maps_of(5, coils, n, n);
    std::vector<double> angles;
    for (std::int64_t c = 0; c < coils; ++c) {
        std::complex<double> centre = 0;
        double weight = 0;
        for (std::int64_t i = 0; i < n * n; ++i) {
            const double energy = std::norm(std::complex<double>(maps.slice(c)[i]));
            centre += energy * std::complex<double>(static_cast<double>(i % n) - 15.5, static_cast<double>(i / n) - 15.5);
            weight += energy;
        }
        CHECK(std::abs(centre / weight) > 5);  // away from the middle, in pixels
        angles.push_back(std::arg(centre));
    }
    std::sort(angles.begin(), angles.end());
    for (std::size_t c = 1; c < angles.size(); ++c) CHECK(angles[c] - angles[c - 1] < std::numbers::pi / 2);
}

TEST_CASE("The same coils are seen at every matrix size") {
    const auto fine = maps_of(1, 4, 63, 45), coarse = maps_of(1, 4, 21, 15);  // pixel 3 i + 1 of 63 lies where pixel i of 21 does
    for (std::int64_t c = 0; c < 4; ++c)
        for (std::int64_t y = 0; y < 21; ++y)
            for (std::int64_t x = 0; x < 15; ++x)
                REQUIRE(std::abs(fine.slice(c)[(3 * y + 1) * 45 + 3 * x + 1] - coarse.slice(c)[y * 15 + x]) < 1e-5f);
}

TEST_CASE("Coil maps of a volume have unit norm, are smooth along z, tell z apart and meet those of its middle plane") {
    const std::int64_t coils = 6, n = 24, plane = n * n;
    Philox random(3, Purpose::coils, 0, 2);
    const auto maps = make_coil_maps(coils, {n, n, n}, random);
    REQUIRE(maps.shape == Shape{coils, n, n, n});
    double steepest = 0;
    for (std::int64_t i = 0; i < n * plane; ++i) {
        double norm = 0;
        for (std::int64_t c = 0; c < coils; ++c) {
            const std::complex<double> here(maps.slice(c)[i]);
            norm += std::norm(here);
            const double x = static_cast<double>(i % n) - 11.5, y = static_cast<double>(i % plane / n) - 11.5;
            if (i + plane >= n * plane || std::hypot(x, y) > 0.94 * 12) continue;  // bodies end there, loops begin beyond
            const double step = std::abs(std::complex<double>(maps.slice(c)[i + plane]) - here);
            steepest = std::max(steepest, step);
        }
        REQUIRE(norm == Approx(1).epsilon(1e-5));
    }
    CHECK(steepest < 8.0 / n);
    CHECK(steepest > 0.5 / n);
    // One plane: no coil is shifted, so these are the maps of a slice.
    Philox again(3, Purpose::coils, 0, 2), slice(3, Purpose::coils, 0, 2);
    CHECK(make_coil_maps(coils, {1, n, n}, again).values == make_coil_maps(coils, {n, n}, slice).values);
}

TEST_CASE("Coil maps without coils or pixels are refused") {
    CHECK_THROWS_AS(maps_of(0, 0, 8, 8), ConfigError);
    CHECK_THROWS_AS(maps_of(0, 2, -1, 8), ConfigError);
    CHECK_THROWS_WITH(maps_of(0, 2, 8, 0), ContainsSubstring("8 x 0"));
    Philox random(1, Purpose::coils);
    CHECK_THROWS_AS(make_coil_maps(2, {0, 4, 4}, random), ConfigError);
}
