#include "core/philox.hpp"
#include "data/normalize.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

TEST_CASE("The scale is the smallest of the top five percent of the magnitudes") {
    ComplexArray image(Shape{20, 10});  // the ten largest of 200 count
    for (std::int64_t i = 0; i < 200; ++i) image[(i * 77) % 200] = std::polar(static_cast<float>(i + 1), static_cast<float>(i));
    CHECK(percentile_scale(image) == Approx(191));
    SECTION("and goes with the data") {
        for (auto& v : image.values) v *= 1e-6F;
        CHECK(percentile_scale(image) == Approx(191e-6));
    }
}

TEST_CASE("Few points, zeros and nothing have a scale as well") {
    ComplexArray image(Shape{1, 3});
    image[1] = {3, 4};
    CHECK(percentile_scale(image) == Approx(5));  // the largest counts at least
    CHECK(percentile_scale(ComplexArray(Shape{8, 8})) == 1);
    CHECK(percentile_scale(ComplexArray()) == 1);
    ComplexArray sparse(Shape{10, 10});
    sparse[3] = 7;  // less than five percent are not zero
    CHECK(percentile_scale(sparse) == 1);
}
