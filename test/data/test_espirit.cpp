#include <algorithm>
#include <cmath>

#include "data/espirit.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"
#include "test/support/coils.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::CoilScan;
using gleam::test::simulate_scan;
using Complex = std::complex<double>;

namespace {

std::vector<Complex> at(const ComplexArray& maps, std::int64_t point) {
    const std::int64_t points = maps.shape[-1] * maps.shape[-2];
    std::vector<Complex> s;
    for (std::int64_t i = point; i < maps.elements(); i += points) s.emplace_back(maps[i]);
    return s;
}

double norm(const std::vector<Complex>& s) {
    double sum = 0;
    for (const auto& v : s) sum += std::norm(v);
    return std::sqrt(sum);
}

Complex inner(const std::vector<Complex>& a, const std::vector<Complex>& b) {
    Complex sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::conj(a[i]) * b[i];
    return sum;
}

struct Errors {
    double up_to_phase = 0, with_phase = 0;  // root mean square over the object, relative
    int inside = 0, mapped = 0, outside = 0, mapped_outside = 0;
};

// Against the true sensitivities, of unit norm and turned so that the first coil is real. "Outside" keeps off the object's edge.
Errors compare(const CoilScan& scan, const CoilMaps& found) {
    Errors e;
    const std::int64_t height = scan.image.shape[0], width = scan.image.shape[1];
    for (std::int64_t i = 0; i < scan.image.elements(); ++i) {
        const double v = (static_cast<double>(i / width) + 0.5) / static_cast<double>(height) * 2 - 1;
        const double u = (static_cast<double>(i % width) + 0.5) / static_cast<double>(width) * 2 - 1;
        const auto map = at(found.maps, i);
        const bool mapped = norm(map) > 0;
        if (scan.image[i] == 0.0F) {
            if (v * v / 0.64 + u * u / 0.41 < 2) continue;
            ++e.outside, e.mapped_outside += mapped;
            continue;
        }
        ++e.inside, e.mapped += mapped;
        auto truth = at(scan.sensitivities, i);
        const Complex turn = std::conj(truth[0]) / (std::abs(truth[0]) * norm(truth));
        double distance = 0;
        for (std::size_t c = 0; c < truth.size(); ++c) distance += std::norm(truth[c] * turn - map[c]);
        e.with_phase += distance;
        e.up_to_phase += std::max(0.0, 1 - std::norm(inner(map, truth)) / std::norm(norm(truth)));
    }
    e.up_to_phase = std::sqrt(e.up_to_phase / e.inside);
    e.with_phase = std::sqrt(e.with_phase / e.inside);
    return e;
}

void check_sound(const CoilMaps& found, double crop) {
    for (std::int64_t i = 0; i < found.eigenvalues.elements(); ++i) {
        const double n = norm(at(found.maps, i)), value = static_cast<double>(found.eigenvalues[i]);
        REQUIRE(value < 1.0001);
        REQUIRE(value >= 0);
        REQUIRE(n == (value > crop ? Approx(1).margin(1e-5) : Approx(0)));
    }
}

}  // namespace

TEST_CASE("ESPIRiT finds the sensitivities of simulated coils inside the object and crops the background") {
    const auto ops = kernels::make_cpu_operations();
    struct Case {
        std::int64_t coils, height, width;
    };
    for (const Case& c : {Case{8, 64, 64}, {4, 61, 53}, {6, 48, 75}}) {
        INFO(c.coils << " coils, " << c.height << " x " << c.width);
        const CoilScan scan = simulate_scan(c.coils, c.height, c.width, 2e-3, *ops);
        const CoilMaps found = espirit(scan.kspace, nullptr, {}, *ops);
        CHECK(found.maps.shape == Shape{1, c.coils, c.height, c.width});
        CHECK(found.eigenvalues.shape == Shape{1, c.height, c.width});
        CHECK(found.calibration == 24);
        CHECK_FALSE(found.no_signal);
        check_sound(found, static_cast<double>(0.9F));
        const Errors e = compare(scan, found);
        CHECK(e.up_to_phase < 0.02);
        CHECK(e.with_phase < 0.02);
        CHECK(e.mapped == e.inside);
        CHECK(e.mapped_outside < 0.05 * e.outside);
        for (std::int64_t i = 0; i < scan.image.elements(); ++i) {
            REQUIRE(std::abs(found.maps[i].imag()) < 1e-6F);
            REQUIRE(found.maps[i].real() >= 0);
        }
    }
}

TEST_CASE("Maps do not depend on the scale of the data, up to rounding, nor on the number of threads at all") {
    const auto ops = kernels::make_cpu_operations();
    const CoilScan scan = simulate_scan(5, 40, 37, 2e-3, *ops);
    const CoilMaps found = espirit(scan.kspace, nullptr, {}, *ops);
    for (float scale : {1e-6F, 1e6F}) {
        ComplexArray scaled = scan.kspace;
        for (auto& v : scaled.values) v *= scale;
        const CoilMaps other = espirit(scaled, nullptr, {}, *ops);
        double largest = 0;
        for (std::int64_t i = 0; i < scan.image.elements(); ++i)
            if (scan.image[i] != 0.0F)
                for (std::int64_t c = 0; c < 5; ++c)
                    largest =
                        std::max(largest, static_cast<double>(std::abs(other.maps.slice(0)[c * scan.image.elements() + i] -
                                                                       found.maps.slice(0)[c * scan.image.elements() + i])));
        CHECK(largest < 1e-3);
    }
    kernels::set_thread_count(1);
    const CoilMaps single = espirit(scan.kspace, nullptr, {}, *ops);
    kernels::set_thread_count(0);
    CHECK(single.maps.values == found.maps.values);
    CHECK(single.eigenvalues.values == found.eigenvalues.values);
}

TEST_CASE("The principal coil as reference turns the same maps by a phase without jumps") {
    const auto ops = kernels::make_cpu_operations();
    const CoilScan scan = simulate_scan(6, 48, 48, 1e-3, *ops);
    EspiritOptions options;
    const CoilMaps first = espirit(scan.kspace, nullptr, options, *ops);
    options.phase = PhaseReference::principal;
    const CoilMaps principal = espirit(scan.kspace, nullptr, options, *ops);
    CHECK(principal.eigenvalues.values == first.eigenvalues.values);
    double least = 1, roughest = 0;
    for (std::int64_t i = 0; i + 1 < scan.image.elements(); ++i) {
        if (scan.image[i] == 0.0F || scan.image[i + 1] == 0.0F) continue;
        const auto a = at(principal.maps, i), b = at(principal.maps, i + 1);
        least = std::min(least, std::abs(inner(a, at(first.maps, i))));
        roughest = std::max(roughest, std::abs(std::arg(inner(a, b))));
    }
    CHECK(least > 0.9999);
    CHECK(roughest < 0.2);
}

TEST_CASE("One coil has the map 1") {
    const auto ops = kernels::make_cpu_operations();
    const CoilMaps found = espirit(simulate_scan(1, 32, 30, 1e-3, *ops).kspace, nullptr, {}, *ops);
    CHECK(std::all_of(found.maps.values.begin(), found.maps.values.end(), [](auto v) { return v == 1.0F; }));
    CHECK(std::all_of(found.eigenvalues.values.begin(), found.eigenvalues.values.end(), [](auto v) { return v == 1.0F; }));
}

TEST_CASE("Without signal in the calibration block maps are zero, and it is said") {
    const auto ops = kernels::make_cpu_operations();
    for (std::int64_t coils : {1, 3}) {
        ComplexArray kspace(Shape{coils, 32, 32});
        kspace[0] = 1;  // a corner
        const CoilMaps found = espirit(kspace, nullptr, {}, *ops);
        CHECK(found.no_signal);
        CHECK(std::all_of(found.maps.values.begin(), found.maps.values.end(), [](auto v) { return v == 0.0F; }));
        CHECK(std::all_of(found.eigenvalues.values.begin(), found.eigenvalues.values.end(), [](auto v) { return v == 0.0F; }));
    }
}

TEST_CASE("A coil that sees nothing and two coils that see the same do no harm") {
    const auto ops = kernels::make_cpu_operations();
    CoilScan scan = simulate_scan(5, 48, 48, 1e-3, *ops);
    std::fill_n(scan.kspace.slice(0), 48 * 48, std::complex<float>(0));  // the reference coil, too
    std::copy_n(scan.kspace.slice(3), 48 * 48, scan.kspace.slice(4));
    const CoilMaps found = espirit(scan.kspace, nullptr, {}, *ops);
    check_sound(found, static_cast<double>(0.9F));
    for (std::int64_t i = 0; i < scan.image.elements(); ++i) {
        if (scan.image[i] == 0.0F) continue;
        const auto s = at(found.maps, i);
        CHECK(std::abs(s[0]) < 1e-3);
        CHECK(std::abs(s[3] - s[4]) < 1e-3);
        CHECK(norm(s) == Approx(1).margin(1e-4));
    }
}

TEST_CASE("Only the fully sampled centre is used: the block shrinks to it, and too little is an error") {
    const auto ops = kernels::make_cpu_operations();
    CoilScan scan = simulate_scan(4, 64, 64, 1e-3, *ops);
    RealArray mask(Shape{64, 64});
    const auto sample_lines = [&](std::int64_t first, std::int64_t count) {
        std::fill(mask.values.begin(), mask.values.end(), 0.0F);
        for (std::int64_t y = 0; y < 64; ++y) std::fill_n(mask.slice(y) + first, count, 1.0F);
    };
    sample_lines(20, 24);
    const CoilMaps whole = espirit(scan.kspace, &mask, {}, *ops);
    CHECK(whole.calibration == 24);
    CHECK(whole.maps.values == espirit(scan.kspace, nullptr, {}, *ops).maps.values);
    sample_lines(24, 16);
    const CoilMaps shrunk = espirit(scan.kspace, &mask, {}, *ops);
    CHECK(shrunk.calibration == 16);
    EspiritOptions smaller;
    smaller.calibration = 16;
    CHECK(shrunk.maps.values == espirit(scan.kspace, nullptr, smaller, *ops).maps.values);
    sample_lines(27, 10);
    CHECK_THROWS_WITH(espirit(scan.kspace, &mask, {}, *ops), ContainsSubstring("only 10 x 10 points") &&
                                                                 ContainsSubstring("needs 11") &&
                                                                 ContainsSubstring("espirit.kernel"));
    sample_lines(0, 8);
    CHECK_THROWS_AS(espirit(scan.kspace, &mask, {}, *ops), DataError);
}

TEST_CASE("Small images and kernels of one point work") {
    const auto ops = kernels::make_cpu_operations();
    const CoilScan scan = simulate_scan(4, 12, 11, 0, *ops);
    for (int kernel : {1, 2, 6}) {
        EspiritOptions options;
        options.calibration = 11;
        options.kernel = kernel;
        check_sound(espirit(scan.kspace, nullptr, options, *ops), static_cast<double>(0.9F));
    }
}

TEST_CASE("ESPIRiT refuses what it cannot use") {
    const auto ops = kernels::make_cpu_operations();
    const CoilScan scan = simulate_scan(2, 32, 32, 0, *ops);
    const auto refuse = [&](auto change, const char* text) {
        EspiritOptions options;
        change(options);
        CHECK_THROWS_AS(espirit(scan.kspace, nullptr, options, *ops), ConfigError);
        CHECK_THROWS_WITH(espirit(scan.kspace, nullptr, options, *ops), ContainsSubstring(text));
    };
    refuse([](EspiritOptions& o) { o.sets = 0; }, "0 sets");
    refuse([](EspiritOptions& o) { o.sets = 99; }, "99 sets");
    refuse([](EspiritOptions& o) { o.kernel = 0; }, "espirit.kernel");
    refuse([](EspiritOptions& o) { o.calibration = 10; }, "at least 11");
    refuse([](EspiritOptions& o) { o.threshold = 1; }, "espirit.threshold");
    refuse([](EspiritOptions& o) { o.crop = std::nan(""); }, "espirit.crop");
    EspiritOptions large;
    large.calibration = 33;
    CHECK_THROWS_WITH(espirit(scan.kspace, nullptr, large, *ops), ContainsSubstring("smaller than the calibration block of 33"));
    ComplexArray broken = scan.kspace;
    broken[77] = {0, INFINITY};
    CHECK_THROWS_AS(espirit(broken, nullptr, {}, *ops), DataError);
    const RealArray mask(Shape{32, 31});
    CHECK_THROWS_AS(espirit(scan.kspace, &mask, {}, *ops), ShapeError);
    CHECK_THROWS_AS(espirit(ComplexArray(Shape{300, 32, 32}), nullptr, {}, *ops), DataError);
}
