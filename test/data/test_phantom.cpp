#include <algorithm>
#include <array>
#include <cmath>
#include <complex>

#include "data/canvas.hpp"
#include "data/phantom.hpp"
#include "data/waves.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

namespace {

// A few numbers that change when any pixel does.
std::array<double, 3> fingerprint(const ComplexArray& image) {
    std::array<double, 3> sums{};
    for (std::int64_t i = 0; i < image.elements(); ++i) {
        const std::complex<double> z(image[i]);
        const double weight = static_cast<double>((i * 7919) % 1013) / 1013;
        sums[0] += std::abs(z);
        sums[1] += weight * z.real();
        sums[2] += weight * z.imag();
    }
    return sums;
}

// |<a, b>| / (|a| |b|) of the magnitudes less their means.
double correlation(const ComplexArray& a, const ComplexArray& b) {
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    const double n = static_cast<double>(a.elements());
    for (std::int64_t i = 0; i < a.elements(); ++i) ma += std::abs(a[i]) / n, mb += std::abs(b[i]) / n;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        const double u = std::abs(a[i]) - ma, v = std::abs(b[i]) - mb;
        aa += u * u, bb += v * v, ab += u * v;
    }
    return std::abs(ab) / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("Phantoms have a maximum of one, a body of usable size, and air along the edge of the field of view") {
    for (const auto& size : {Shape{64, 64}, Shape{32, 32}, Shape{61, 97}, Shape{128, 80}})
        for (std::uint32_t index = 0; index < 24; ++index) {
            INFO("phantom " << index << " on " << size.str());
            const auto image = make_phantom(size[0], size[1], 11, index);
            REQUIRE(image.shape == size);
            float peak = 0;
            std::int64_t body = 0, edge = 0;
            for (std::int64_t i = 0; i < image.elements(); ++i) {
                const float magnitude = std::abs(image[i]);
                REQUIRE(std::isfinite(magnitude));
                peak = std::max(peak, magnitude);
                body += magnitude > 0.05f;
                const std::int64_t y = i / size[1], x = i % size[1];
                if (y == 0 || x == 0 || y == size[0] - 1 || x == size[1] - 1) edge += image[i] != std::complex<float>(0);
            }
            CHECK(peak == Approx(1).epsilon(1e-6));
            CHECK(edge == 0);
            const double share = static_cast<double>(body) / static_cast<double>(image.elements());
            CHECK(share > 0.2);
            CHECK(share < 0.75);
        }
}

TEST_CASE("A phantom is the same again for the same seed and index, and stays so from version to version") {
    const auto once = make_phantom(48, 40, 5, 2), again = make_phantom(48, 40, 5, 2);
    CHECK(once.values == again.values);
    struct Golden {
        std::uint32_t index;
        std::array<double, 3> sums;
    };
    for (const auto& golden :
         {Golden{0, {486.6403422204, 197.6935776458, 90.3990843452}},
          Golden{1, {487.0842271086, -219.3548337897, -96.0519934302}}, Golden{2, {215.3090871498, 90.2892779537, 33.1110057707}},
          Golden{3, {481.8760969271, -147.4255445386, -174.8796574215}}}) {
        INFO("index " << golden.index);
        const auto sums = fingerprint(make_phantom(48, 40, 5, golden.index));
        for (std::size_t k = 0; k < 3; ++k) CHECK(sums[k] == Approx(golden.sums[k]).epsilon(1e-5).margin(1e-3));
    }
}

TEST_CASE("Phantoms differ from index to index and from seed to seed") {
    std::vector<ComplexArray> images;
    for (std::uint32_t index = 0; index < 10; ++index) images.push_back(make_phantom(64, 64, 1, index));
    images.push_back(make_phantom(64, 64, 2, 0));
    for (std::size_t i = 0; i < images.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            INFO(i << " and " << j);
            CHECK(correlation(images[i], images[j]) < 0.9);
        }
}

TEST_CASE("Phantoms have sharp edges and fine structure: much of their energy is far from the centre of k-space") {
    for (std::uint32_t index = 0; index < 6; ++index) {
        const auto image = make_phantom(128, 128, 1, index);
        double differences = 0, energy = 0;
        for (std::int64_t i = 0; i < 127 * 128; ++i) {
            differences += std::norm(image[i + 128] - image[i]);
            energy += std::norm(image[i]);
        }
        CHECK(differences / energy > 0.01);  // a Gaussian blob as wide as the body gives 0.0005
    }
}

TEST_CASE("The same phantom is seen at two matrix sizes") {
    const auto fine = make_phantom(192, 192, 4, 1), coarse = make_phantom(64, 64, 4, 1);
    ComplexArray reduced(coarse.shape);
    for (std::int64_t y = 0; y < 64; ++y)
        for (std::int64_t x = 0; x < 64; ++x)
            for (std::int64_t k = 0; k < 9; ++k) reduced[y * 64 + x] += fine[(3 * y + k / 3) * 192 + 3 * x + k % 3] / 9.0f;
    CHECK(correlation(reduced, coarse) > 0.97);
}

TEST_CASE("Phantoms exist at degenerate and prime sizes") {
    for (const auto& size : {Shape{1, 1}, Shape{1, 64}, Shape{53, 1}, Shape{2, 3}, Shape{101, 37}}) {
        INFO(size.str());
        const auto image = make_phantom(size[0], size[1], 1, 0);
        REQUIRE(image.shape == size);
        float peak = 0;
        for (const auto& z : image.values) {
            REQUIRE(std::isfinite(std::abs(z)));
            peak = std::max(peak, std::abs(z));
        }
        CHECK(peak == Approx(1).epsilon(1e-6));
    }
    CHECK_THROWS_WITH(make_phantom(0, 64, 1, 0), ContainsSubstring("0 x 64"));
    CHECK_THROWS_AS(make_phantom(64, -3, 1, 0), ConfigError);
}

namespace {

DatasetLayout object(Physics physics, std::int64_t pictures, std::int64_t size) {
    DatasetLayout layout{1, 1, size, size};
    layout.physics = physics;
    (physics == Physics::volume ? layout.depth : layout.frames) = pictures;
    return layout;
}

// Picture `i` of a volume or a series.
ComplexArray picture(const ComplexArray& all, std::int64_t i) {
    ComplexArray one(Shape{all.shape[4], all.shape[5]});
    std::copy_n(all.data() + i * one.elements(), one.elements(), one.data());
    return one;
}

double difference(const ComplexArray& a, const ComplexArray& b) {
    double sum = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += std::norm(std::complex<double>(a[i] - b[i]));
    return std::sqrt(sum / static_cast<double>(a.elements()));
}

}  // namespace

TEST_CASE("A phantom volume is one object: planes change steadily, it ends within the field of view, and its peak is one") {
    for (std::uint32_t index = 0; index < 6; ++index) {
        INFO("volume " << index);
        const auto volume = make_phantom(object(Physics::volume, 32, 48), 3, index);
        REQUIRE(volume.shape == Shape{1, 1, 1, 32, 48, 48});
        float peak = 0;
        for (const auto& v : volume.values) peak = std::max(peak, std::abs(v));
        CHECK(peak == Approx(1).epsilon(1e-6));
        for (std::int64_t end : {0, 31})
            for (const auto& v : picture(volume, end).values) REQUIRE(v == std::complex<float>(0));
        double near = 0, far = 0;
        for (std::int64_t z = 8; z < 23; ++z) near += correlation(picture(volume, z), picture(volume, z + 1)) / 15;
        for (std::int64_t z = 8; z < 16; ++z) far += correlation(picture(volume, z), picture(volume, z + 8)) / 8;
        CHECK(near > 0.7);
        CHECK(far < near - 0.03);
    }
}

TEST_CASE("A cine phantom beats: one cycle, at rest outside of the heart, its peak over all frames one") {
    for (std::uint32_t index = 0; index < 4; ++index) {
        INFO("series " << index);
        const auto series = make_phantom(object(Physics::dynamic, 8, 64), 3, index);
        REQUIRE(series.shape == Shape{1, 8, 1, 1, 64, 64});
        const double beat = difference(picture(series, 0), picture(series, 4));
        CHECK(beat > 0.01);
        // Contraction and relaxation are alike: frames t and T - t agree, so frame T would be frame 0.
        for (std::int64_t t = 1; t < 4; ++t) {
            CHECK(difference(picture(series, t), picture(series, 8 - t)) < 1e-3 * beat);
            CHECK(difference(picture(series, 0), picture(series, t)) < 1.2 * beat);
        }
        std::int64_t moving = 0;
        for (std::int64_t i = 0; i < 64 * 64; ++i) moving += picture(series, 0)[i] != picture(series, 4)[i];
        CHECK(moving > 20);
        CHECK(moving < 64 * 64 / 8);
        for (std::int64_t i = 0; i < 64; ++i) CHECK(series[i] == series[4 * 64 * 64 + i]);
    }
}

TEST_CASE("The phase is smooth, and not flat") {
    for (std::uint32_t index = 0; index < 6; ++index) {
        Philox random(1, Purpose::test, 0, index);
        const auto phase = make_phase(64, 64, random);
        float steepest = 0;
        for (std::size_t i = 0; i + 64 < phase.size(); ++i) {
            steepest = std::max(steepest, std::abs(phase[i + 64] - phase[i]));
            if (i % 64 != 63) steepest = std::max(steepest, std::abs(phase[i + 1] - phase[i]));
        }
        const auto [low, high] = std::minmax_element(phase.begin(), phase.end());
        CHECK(steepest < 0.35f);  // radians per pixel
        CHECK(*high - *low > 0.5f);
        CHECK(*high - *low < 12.0f);
    }
}

TEST_CASE("An object without planes or frames is refused") {
    CHECK_THROWS_AS(make_phantom(object(Physics::volume, 0, 8), 1, 0), ConfigError);
    CHECK_THROWS_WITH(make_phantom(object(Physics::dynamic, 0, 8), 1, 0), ContainsSubstring("0 frames"));
}

TEST_CASE("Waves have mean 0 and variance 1, and those the matrix cannot show are left out") {
    double mean = 0, square = 0;
    for (std::uint32_t index = 0; index < 20; ++index) {
        Philox random(1, Purpose::test, 1, index);
        for (float v : Waves(random, 32, 4, 12).sample(64, 64))
            mean += v / 81920.0, square += static_cast<double>(v) * v / 81920.0;
    }
    CHECK(mean == Approx(0).margin(0.02));
    CHECK(square == Approx(1).epsilon(0.1));
    Philox random(1, Purpose::test, 2, 0);
    for (float v : Waves(random, 8, 40, 60).sample(16, 16)) REQUIRE(v == 0);
}

TEST_CASE("A painted ellipse covers its area to a fifth of a percent, anti-aliased") {
    Philox random(1, Purpose::test);
    Canvas canvas(80, 100, random);
    Ellipse e{0.1, -0.05, 0.6, 0.3, 0.7, 1.0, 0, 0, 0};
    canvas.paint(e);
    double sum = 0;
    int between = 0;
    for (float v : canvas.picture()) {
        REQUIRE((v >= 0 && v <= 1));
        sum += static_cast<double>(v) * (2.0 / 80) * (2.0 / 100);
        between += v > 0.02f && v < 0.98f;
    }
    CHECK(sum == Approx(3.14159265 * 0.6 * 0.3).epsilon(2e-3));
    CHECK(between > 60);
}
