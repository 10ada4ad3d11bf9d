#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "data/volume.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

namespace {

RealArray counted(const Shape& shape) {
    RealArray array(shape);
    std::iota(array.values.begin(), array.values.end(), 1.0f);
    return array;
}

double sum(const RealArray& image) { return std::accumulate(image.values.begin(), image.values.end(), 0.0); }

}  // namespace

TEST_CASE("A slice across each axis of a volume holds the numbers of that plane") {
    const auto volume = counted(Shape{2, 3, 4});
    const auto z = take_slice(volume, 0, 1), y = take_slice(volume, 1, 2), x = take_slice(volume, 2, 3);
    CHECK(z.shape == Shape{3, 4});
    CHECK(z.values == std::vector<float>{13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24});
    CHECK(y.shape == Shape{2, 4});
    CHECK(y.values == std::vector<float>{9, 10, 11, 12, 21, 22, 23, 24});
    CHECK(x.shape == Shape{2, 3});
    CHECK(x.values == std::vector<float>{4, 8, 12, 16, 20, 24});
}

TEST_CASE("Slices that show next to nothing are left out") {
    RealArray volume(Shape{5, 2, 2});
    const float levels[] = {0, 0.1f, 1, 0.8f, 0.3f};
    for (std::int64_t z = 0; z < 5; ++z) std::fill_n(volume.slice(z), 4, levels[z]);
    CHECK(slices_with_signal(volume) == std::vector<std::int64_t>{2, 3});
    CHECK(slices_with_signal(volume, 0, 0.05) == std::vector<std::int64_t>{2, 3, 4});
    CHECK(slices_with_signal(volume, 0, 0) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
    CHECK(slices_with_signal(volume, 2) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("Volumes that cannot be used are refused with a reason") {
    CHECK_THROWS_WITH(slices_with_signal(counted(Shape{4, 4})), ContainsSubstring("[4, 4]"));
    CHECK_THROWS_WITH(slices_with_signal(RealArray(Shape{3, 2, 2})), ContainsSubstring("zero everywhere"));
    CHECK_THROWS_AS(slices_with_signal(RealArray()), DataError);
    auto bad = counted(Shape{2, 2, 2});
    bad[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(slices_with_signal(bad), ContainsSubstring("NaN"));
    const auto volume = counted(Shape{2, 3, 4});
    CHECK_THROWS_WITH(take_slice(volume, 1, 3), ContainsSubstring("0 to 2"));
    CHECK_THROWS_AS(take_slice(volume, 0, -1), DataError);
    CHECK_THROWS_AS(take_slice(volume, 3, 0), DataError);
}

TEST_CASE("Cropping and padding keep the centre pixel on the centre pixel") {
    for (std::int64_t n : {4, 5, 8, 9})
        for (std::int64_t m : {3, 4, 7, 8, 12}) {
            INFO(n << " onto " << m);
            RealArray image(Shape{n, 6});
            image[(n / 2) * 6 + 3] = 2;
            const auto fitted = fit_to_matrix(image, m, 5, Fit::crop);
            REQUIRE(fitted.shape == Shape{m, 5});
            CHECK(fitted[(m / 2) * 5 + 2] == 2);
            CHECK(sum(fitted) == 2);
        }
    const auto image = counted(Shape{3, 4});
    CHECK(fit_to_matrix(image, 3, 4, Fit::crop).values == image.values);
    CHECK(fit_to_matrix(image, 3, 4, Fit::shrink).values == image.values);
    CHECK(fit_to_matrix(image, 5, 6, Fit::shrink).values == fit_to_matrix(image, 5, 6, Fit::crop).values);
}

TEST_CASE("Shrinking averages the area under each pixel") {
    const auto half = fit_to_matrix(counted(Shape{4, 4}), 2, 2, Fit::shrink);
    CHECK(half.values == std::vector<float>{3.5f, 5.5f, 11.5f, 13.5f});
    // By one factor for both axes: what was square stays square, the shorter axis is padded.
    const auto padded = fit_to_matrix(counted(Shape{4, 8}), 4, 4, Fit::shrink);
    CHECK(padded.values == std::vector<float>{0, 0, 0, 0, 5.5f, 7.5f, 9.5f, 11.5f, 21.5f, 23.5f, 25.5f, 27.5f, 0, 0, 0, 0});
    // A factor that is no whole number keeps the mean of a constant inside, and the total.
    RealArray flat(Shape{30, 45});
    std::fill(flat.values.begin(), flat.values.end(), 3.0f);
    const auto odd = fit_to_matrix(flat, 20, 32, Fit::shrink);
    CHECK(odd[10 * 32 + 16] == Approx(3));
    CHECK(sum(odd) * (1.5 * 1.5) == Approx(sum(flat)));
    CHECK(fit_to_matrix(counted(Shape{1, 64}), 1, 1, Fit::shrink).values.size() == 1);
}

TEST_CASE("Fitting an image refuses what is not an image and drops negative values") {
    RealArray image(Shape{2, 2});
    image.values = {-1, 2, 3, 4};
    CHECK(fit_to_matrix(image, 2, 2, Fit::crop).values == std::vector<float>{0, 2, 3, 4});
    CHECK_THROWS_AS(fit_to_matrix(image, 0, 2), ConfigError);
    CHECK_THROWS_AS(fit_to_matrix(counted(Shape{2, 2, 2}), 2, 2), DataError);
    CHECK_THROWS_AS(fit_to_matrix(RealArray(), 2, 2), DataError);
    image[2] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(fit_to_matrix(image, 2, 2), ContainsSubstring("infinity"));
}
