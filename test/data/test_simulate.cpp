#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <string>

#include "data/phantom.hpp"
#include "data/simulate.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"

using namespace gleam;
using namespace gleam::data;

namespace {

kernels::Operations& operations() {
    static const auto instance = kernels::make_cpu_operations();
    return *instance;
}

SimulateOptions small(std::int64_t height, std::int64_t width, std::int64_t coils, double noise) {
    SimulateOptions options;
    options.height = height, options.width = width, options.coils = coils, options.noise = noise, options.seed = 9;
    return options;
}

// sqrt(mean |a - b|^2)
double distance(const ComplexArray& a, const ComplexArray& b) {
    REQUIRE(a.shape == b.shape);
    double sum = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += std::norm(std::complex<double>(a[i]) - std::complex<double>(b[i]));
    return std::sqrt(sum / static_cast<double>(a.elements()));
}

// One sample of the centred orthonormal Fourier transform of coil image `c`, by its definition.
std::complex<double> transformed(const SliceData& s, std::int64_t c, std::int64_t ky, std::int64_t kx) {
    const std::int64_t h = s.truth.shape[4], w = s.truth.shape[5];
    std::complex<double> sum = 0;
    for (std::int64_t y = 0; y < h; ++y)
        for (std::int64_t x = 0; x < w; ++x) {
            const double turns = static_cast<double>((ky - h / 2) * (y - h / 2)) / static_cast<double>(h) +
                                 static_cast<double>((kx - w / 2) * (x - w / 2)) / static_cast<double>(w);
            sum += std::complex<double>(s.maps[(c * h + y) * w + x] * s.truth[y * w + x]) *
                   std::polar(1.0, -2 * std::numbers::pi * turns);
        }
    return sum / std::sqrt(static_cast<double>(h * w));
}

}  // namespace

TEST_CASE("Simulated k-space is the Fourier transform of the coil images, by its definition") {
    for (const auto& size : {Shape{24, 20}, Shape{17, 13}, Shape{1, 31}, Shape{9, 1}}) {
        INFO(size.str());
        const auto s = simulate_slice(small(size[0], size[1], 3, 0), 1, operations());
        const Shape image{1, 1, 1, 1, size[0], size[1]};
        REQUIRE(s.kspace.shape == Shape{1, 1, 3, 1, size[0], size[1]});
        REQUIRE(s.maps.shape == s.kspace.shape);
        REQUIRE(s.target.shape == image);
        REQUIRE(s.truth.shape == image);
        for (std::int64_t c = 0; c < 3; ++c)
            for (std::int64_t i = 0; i < size.elements(); i += 7) {
                const auto expected = transformed(s, c, i / size[1], i % size[1]);
                REQUIRE(std::abs(expected - std::complex<double>(s.kspace[c * size.elements() + i])) < 2e-5);
            }
        CHECK(distance(s.target, s.truth) < 1e-6);  // without noise A^H A = 1
    }
}

namespace {

// One sample of k-space of coil `c` in frame `t` from truth and maps by the definition F sum_e S_ce x_e.
std::complex<double> defined(const SliceData& s, const DatasetLayout& l, std::int64_t t, std::int64_t c, std::int64_t k) {
    const std::int64_t points = l.depth * l.height * l.width;
    const auto phase = [](std::int64_t a, std::int64_t b, std::int64_t n) {
        return static_cast<double>((a - n / 2) * (b - n / 2)) / static_cast<double>(n);
    };
    std::complex<double> sum = 0;
    for (std::int64_t i = 0; i < points; ++i) {
        std::complex<double> seen = 0;
        for (std::int64_t e = 0; e < l.sets; ++e)
            seen += std::complex<double>(s.maps[(c * points + i) * l.sets + e]) *
                    std::complex<double>(s.truth[(t * points + i) * l.sets + e]);
        const double turns = phase(k % l.width, i % l.width, l.width) +
                             phase(k / l.width % l.height, i / l.width % l.height, l.height) +
                             phase(k / l.width / l.height, i / l.width / l.height, l.depth);
        sum += seen * std::polar(1.0, -2 * std::numbers::pi * turns);
    }
    return sum / std::sqrt(static_cast<double>(points));
}

}  // namespace

TEST_CASE("Volumes, cine series and two sets of maps are A truth + noise, and A^H A is one") {
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic})
        for (std::int64_t sets : {1, 2}) {
            INFO(name_of(physics) << " with " << sets << " sets");
            SimulateOptions options = test::tiny_simulation(physics, sets);
            const DatasetLayout l = layout_of(options);
            const SliceData s = simulate_slice(options, 1, operations());
            REQUIRE(s.kspace.shape == l.kspace_shape());
            REQUIRE(s.maps.shape == l.maps_shape());
            REQUIRE(s.truth.shape == l.image_shape());
            REQUIRE(s.target.shape == l.image_shape());
            const std::int64_t points = l.depth * l.height * l.width;
            for (std::int64_t i = 0; i < s.kspace.elements(); i += 23) {
                const auto expected = defined(s, l, i / points / l.coils, i / points % l.coils, i % points);
                REQUIRE(std::abs(expected - std::complex<double>(s.kspace[i])) < 2e-5);
            }
            CHECK(distance(s.target, s.truth) < 1e-6);
            options.noise = 0.1;
            const SliceData noisy = simulate_slice(options, 1, operations());
            CHECK(noisy.truth.values == s.truth.values);
            CHECK(distance(noisy.kspace, s.kspace) == Approx(0.1).epsilon(0.1));
        }
}

TEST_CASE("Two sets of maps are orthonormal where something folds in, and the second is zero elsewhere") {
    SimulateOptions options = small(48, 64, 8, 0);
    options.sets = 2;
    for (std::uint32_t index = 0; index < 4; ++index) {
        const SliceData s = simulate_slice(options, index, operations());
        const std::int64_t points = 48 * 64;
        double folded = 0, whole = 0;
        for (std::int64_t i = 0; i < points; ++i) {
            std::complex<double> gram[3] = {};
            for (std::int64_t c = 0; c < 8; ++c) {
                const std::complex<double> a(s.maps[(c * points + i) * 2]), b(s.maps[(c * points + i) * 2 + 1]);
                gram[0] += std::norm(a), gram[1] += std::norm(b), gram[2] += std::conj(a) * b;
            }
            REQUIRE(gram[0].real() == Approx(1).epsilon(1e-5));
            const bool central = i % 64 >= 20 && i % 64 < 44;  // 5/16 of the width fold in from each side
            REQUIRE(gram[1].real() == (central ? Approx(0) : Approx(1).epsilon(1e-4)));
            REQUIRE(std::abs(gram[2]) < 1e-4);
            folded += std::norm(s.truth[2 * i + 1]), whole += std::norm(s.truth[2 * i]);
        }
        CHECK(folded > 0.001 * whole);  // bodies are wider than the field of view
    }
}

TEST_CASE("The noise of k-space has the standard deviation asked for, equally in both parts and all coils") {
    auto options = small(64, 64, 4, 0.05);
    const auto noisy = simulate_slice(options, 0, operations());
    options.noise = 0;
    const auto clean = simulate_slice(options, 0, operations());
    CHECK(noisy.truth.values == clean.truth.values);
    CHECK(noisy.maps.values == clean.maps.values);
    for (std::int64_t c = 0; c < 4; ++c) {
        double re = 0, im = 0, cross = 0, mean = 0;
        for (std::int64_t i = 0; i < 4096; ++i) {
            const std::complex<double> n = noisy.kspace[c * 4096 + i] - clean.kspace[c * 4096 + i];
            re += n.real() * n.real() / 4096, im += n.imag() * n.imag() / 4096;
            cross += n.real() * n.imag() / 4096, mean += n.real() / 4096;
        }
        CHECK(std::sqrt(2 * re) == Approx(0.05).epsilon(0.05));
        CHECK(std::sqrt(2 * im) == Approx(0.05).epsilon(0.05));
        CHECK(std::abs(cross) < 0.05 * re * 2);
        CHECK(std::abs(mean) < 4 * 0.05 / std::sqrt(2 * 4096.0));
    }
    // As the maps have unit norm, the image has the noise of k-space.
    CHECK(distance(noisy.target, noisy.truth) == Approx(0.05).epsilon(0.05));
}

TEST_CASE("One coil works: its target is the noisy image itself") {
    const auto s = simulate_slice(small(32, 48, 1, 0.02), 3, operations());
    REQUIRE(s.kspace.shape == Shape{1, 1, 1, 1, 32, 48});
    CHECK(distance(s.target, s.truth) == Approx(0.02).epsilon(0.1));
}

TEST_CASE("A slice does not depend on how many are made, on their order, or on the thread count") {
    auto options = small(40, 36, 4, 0.01);
    const auto third = simulate_slice(options, 3, operations());
    options.slices = 1000;
    simulate_slice(options, 0, operations());
    const auto again = simulate_slice(options, 3, operations());
    CHECK(third.kspace.values == again.kspace.values);
    CHECK(third.target.values == again.target.values);
    kernels::set_thread_count(1);
    const auto one_thread = kernels::make_cpu_operations();
    CHECK(simulate_slice(options, 3, *one_thread).kspace.values == third.kspace.values);
    kernels::set_thread_count(0);
}

TEST_CASE("Anatomy, coils and noise all change with the index and with the seed") {
    auto options = small(40, 36, 4, 0.01);
    const auto a = simulate_slice(options, 0, operations()), b = simulate_slice(options, 1, operations());
    options.seed = 10;
    const auto c = simulate_slice(options, 0, operations());
    for (const auto* other : {&b, &c}) {
        CHECK(distance(a.truth, other->truth) > 0.05);
        CHECK(distance(a.maps, other->maps) > 0.05);
        CHECK(std::abs(a.kspace[0] - other->kspace[0]) > 1e-4f);  // a corner of k-space: noise
    }
}

TEST_CASE("Simulated data stay the same from version to version") {
    const auto s = simulate_slice(small(32, 24, 2, 0.01), 7, operations());
    double kspace = 0, target = 0, maps = 0;
    for (std::int64_t i = 0; i < s.kspace.elements(); ++i) {
        const double weight = static_cast<double>((i * 7919) % 1013) / 1013;
        kspace += weight * std::abs(std::complex<double>(s.kspace[i]));
        maps += weight * static_cast<double>(s.maps[i].real());
        if (i < s.target.elements()) target += weight * static_cast<double>(s.target[i].real());
    }
    CHECK(kspace == Approx(119.948366548).epsilon(1e-5));
    CHECK(target == Approx(-102.6282017186).epsilon(1e-5));
    CHECK(maps == Approx(-22.3177507205).epsilon(1e-5));
}

TEST_CASE("A given image becomes the truth, scaled to one, under a smooth phase") {
    RealArray image(Shape{20, 22});
    for (std::int64_t i = 0; i < image.elements(); ++i) image[i] = static_cast<float>(i % 40) * 100;
    const auto options = small(20, 22, 3, 0);
    const auto s = simulate_slice_from(image, options, 0, operations());
    double phases = 0;
    for (std::int64_t i = 0; i < image.elements(); ++i) {
        REQUIRE(std::abs(s.truth[i]) == Approx(image[i] / 3900).margin(1e-6));
        phases += std::abs(std::arg(s.truth[i]));
    }
    CHECK(phases > 1);
    CHECK(distance(s.target, s.truth) < 1e-6);
    // Coils and noise are those of the phantom with the same index.
    CHECK(s.maps.values == simulate_slice(options, 0, operations()).maps.values);
}

TEST_CASE("A given volume becomes a three-dimensional truth") {
    SimulateOptions options = small(10, 12, 2, 0);
    options.physics = Physics::volume, options.depth = 6;
    RealArray volume(Shape{6, 10, 12});
    for (std::int64_t i = 0; i < volume.elements(); ++i) volume[i] = static_cast<float>(i % 50);
    const SliceData s = simulate_slice_from(volume, options, 3, operations());
    REQUIRE(s.truth.shape == Shape{1, 1, 1, 6, 10, 12});
    for (std::int64_t i = 0; i < volume.elements(); ++i) REQUIRE(std::abs(s.truth[i]) == Approx(volume[i] / 49).margin(1e-6));
    CHECK(std::abs(std::arg(s.truth[5 * 120 + 1]) - std::arg(s.truth[1])) > 1e-3F);  // the phase changes along z
    CHECK(distance(s.target, s.truth) < 1e-6);
    volume = RealArray(Shape{10, 12});
    CHECK_THROWS_WITH(simulate_slice_from(volume, options, 3, operations()), ContainsSubstring("not [6, 10, 12]"));
    options = small(10, 12, 2, 0);
    options.sets = 2;
    CHECK_THROWS_AS(simulate_slice_from(volume, options, 3, operations()), ConfigError);
}

TEST_CASE("Images that cannot be simulated are refused with a reason") {
    const auto options = small(4, 4, 2, 0);
    RealArray image(Shape{4, 4});
    auto from = [&] { return simulate_slice_from(image, options, 0, operations()); };
    CHECK_THROWS_WITH(from(), ContainsSubstring("zero everywhere"));
    image[3] = -1;
    CHECK_THROWS_WITH(from(), ContainsSubstring("negative"));
    image[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(from(), ContainsSubstring("NaN"));
    image = RealArray(Shape{4, 5});
    CHECK_THROWS_WITH(from(), ContainsSubstring("[4, 5]"));
}

TEST_CASE("Wrong options are refused by name") {
    auto refuse = [](auto change) {
        SimulateOptions options;
        change(options);
        try {
            simulate_slice(options, 0, operations());
        } catch (const ConfigError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    CHECK_THAT(refuse([](auto& o) { o.coils = 0; }), ContainsSubstring("coils"));
    CHECK_THAT(refuse([](auto& o) { o.height = -4; }), ContainsSubstring("height"));
    CHECK_THAT(refuse([](auto& o) { o.width = 0; }), ContainsSubstring("width"));
    CHECK_THAT(refuse([](auto& o) { o.slices = 0; }), ContainsSubstring("slices"));
    CHECK_THAT(refuse([](auto& o) { o.depth = 4; }), ContainsSubstring("depth"));
    CHECK_THAT(refuse([](auto& o) { o.frames = 4; }), ContainsSubstring("frames"));
    CHECK_THAT(refuse([](auto& o) { o.physics = Physics::volume, o.frames = 4; }), ContainsSubstring("only the physics 2d+t"));
    CHECK_THAT(refuse([](auto& o) { o.physics = Physics::volume, o.depth = 0; }), ContainsSubstring("depth"));
    CHECK_THAT(refuse([](auto& o) { o.physics = Physics::dynamic, o.depth = 2; }), ContainsSubstring("only the physics 3d"));
    CHECK_THAT(refuse([](auto& o) { o.physics = Physics::dynamic, o.frames = 1 << 30; }), ContainsSubstring("memory"));
    CHECK_THAT(refuse([](auto& o) { o.sets = 3; }), ContainsSubstring("1 or 2 sets"));
    CHECK_THAT(refuse([](auto& o) { o.sets = 2, o.coils = 1; }), ContainsSubstring("two coils"));
    CHECK_THAT(refuse([](auto& o) { o.sets = 2, o.width = 7; }), ContainsSubstring("width of 8"));
    CHECK_THAT(refuse([](auto& o) { o.noise = -1; }), ContainsSubstring("noise"));
    CHECK_THAT(refuse([](auto& o) { o.noise = std::nan(""); }), ContainsSubstring("noise"));
    CHECK_THAT(refuse([](auto& o) { o.height = o.width = 1 << 30; }), ContainsSubstring("memory"));
    CHECK_THAT(refuse([](auto& o) { o.height = o.width = o.coils = std::numeric_limits<std::int64_t>::max(); }),
               ContainsSubstring("memory"));
}
