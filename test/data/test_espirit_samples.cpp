#include <algorithm>
#include <cmath>

#include "data/espirit.hpp"
#include "data/simulate.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;
using Complex = std::complex<double>;

namespace {

kernels::Operations& operations() {
    static const auto instance = kernels::make_cpu_operations();
    return *instance;
}

SimulateOptions scan(Physics physics, std::int64_t sets = 1) {
    SimulateOptions options;
    options.physics = physics, options.sets = sets, options.coils = 6, options.seed = 2, options.noise = 1e-3;
    options.height = 40, options.width = 36;
    if (physics == Physics::volume) options.depth = 32;
    if (physics == Physics::dynamic) options.frames = 4;
    return options;
}

EspiritOptions small(int kernel = 4) {
    EspiritOptions options;
    options.calibration = 16, options.kernel = kernel;
    return options;
}

struct Agreement {
    double up_to_phase = 0, with_phase = 0;  // root mean square, over voxels with signal
    double mapped = 0;                       // share of voxels with signal that have maps
    double mapped_air = 0;                   // and of voxels far from any
};

// Estimated maps against those of the simulation, the latter turned so that `reference` is real.
Agreement compare(const SliceData& sample, const ComplexArray& maps, const std::vector<Complex>& reference) {
    const Shape& s = sample.maps.shape;
    const std::int64_t coils = s[2], points = s[3] * s[4] * s[5];
    REQUIRE(maps.shape == s);
    Agreement a;
    double signal = 0, mapped = 0;
    for (std::int64_t i = 0; i < points; ++i) {
        Complex inner = 0, seen = 0;
        double norm = 0;
        for (std::int64_t c = 0; c < coils; ++c) {
            const Complex truth(sample.maps[c * points + i]), found(maps[c * points + i]);
            inner += std::conj(truth) * found;
            norm += std::norm(found);
            seen += std::conj(reference[static_cast<std::size_t>(c)]) * truth;
        }
        if (std::abs(sample.truth[i]) < 0.15F) continue;
        ++signal;
        if (norm == 0) continue;
        ++mapped;
        a.up_to_phase += 1 - std::norm(inner);
        a.with_phase += std::norm(inner * seen / std::abs(seen) - 1.0);
    }
    a.up_to_phase = std::sqrt(a.up_to_phase / mapped), a.with_phase = std::sqrt(a.with_phase / mapped);
    a.mapped = mapped / signal;
    return a;
}

std::vector<Complex> first_coil(std::size_t coils) {
    std::vector<Complex> weights(coils);
    weights[0] = 1;
    return weights;
}

}  // namespace

TEST_CASE("Maps of a volume are those of its coils, in one phase throughout, and 0 in sections without signal") {
    const SimulateOptions options = scan(Physics::volume);
    SliceData sample = simulate_slice(options, 1, operations());
    SECTION("the first coil is the phase reference, unless another is asked for") {
        const CoilMaps found = espirit(sample.kspace, nullptr, small(5), operations());
        CHECK(found.calibration == 16);
        CHECK_FALSE(found.no_signal);
        const Agreement a = compare(sample, found.maps, first_coil(6));
        CHECK(a.up_to_phase < 0.06);
        CHECK(a.with_phase < 0.12);
        CHECK(a.mapped > 0.97);
        // Air at both ends of x: nothing but noise.
        std::int64_t mapped = 0;
        for (std::int64_t row = 0; row < 6 * 32 * 40; ++row)
            for (std::int64_t x : {0, 35}) mapped += found.maps[row * 36 + x] != 0.0F;
        CHECK(mapped == 0);
    }
    SECTION("the combination of coils with most energy may be the phase reference, the same for all sections") {
        EspiritOptions principal = small();
        principal.phase = PhaseReference::principal;
        const CoilMaps turned = espirit(sample.kspace, nullptr, principal, operations());
        double steepest = 0;
        for (std::int64_t i = 0; i + 1 < 32 * 40 * 36; ++i) {
            if (i % 36 == 35 || std::abs(sample.truth[i]) < 0.15F || std::abs(sample.truth[i + 1]) < 0.15F) continue;
            Complex here = 0;
            double norm = 0, next = 0;
            for (std::int64_t c = 0; c < 6; ++c) {
                const Complex p(turned.maps[c * 32 * 40 * 36 + i]), q(turned.maps[c * 32 * 40 * 36 + i + 1]);
                here += std::conj(p) * q, norm += std::norm(p), next += std::norm(q);
            }
            if (norm > 0 && next > 0) steepest = std::max(steepest, std::abs(here - 1.0));
        }
        CHECK(steepest < 0.35);  // neighbours across sections agree, phase included
    }
    SECTION("with undersampled lines it takes the centre that is there") {
        RealArray mask(Shape{1, 1, 1, 32, 40, 36});
        for (std::int64_t i = 0; i < mask.elements(); ++i) {
            const std::int64_t y = i / 36 % 40, z = i / 36 / 40;
            mask[i] = (y + z) % 3 == 0 || (std::abs(y - 20) < 7 && std::abs(z - 16) < 7) ? 1.0F : 0.0F;
        }
        const CoilMaps centre = espirit(sample.kspace, &mask, small(), operations());
        CHECK(centre.calibration >= 12);
        CHECK(centre.calibration < 16);
        CHECK(compare(sample, centre.maps, first_coil(6)).up_to_phase < 0.08);
        for (std::int64_t row = 0; row < 32 * 40; ++row) mask[row * 36] = 0;  // x = 0 of all lines is missing: a partial echo
        CHECK(espirit(sample.kspace, &mask, small(), operations()).calibration == centre.calibration);
        for (std::int64_t row = 0; row < 32 * 40; ++row) mask[row * 36 + row % 9] = 0;  // and other points beside the centre
        CHECK(espirit(sample.kspace, &mask, small(), operations()).maps.values == centre.maps.values);
    }
}

TEST_CASE("Maps of a cine series come from all frames together, each of which may lack the centre") {
    const SimulateOptions options = scan(Physics::dynamic);
    const SliceData sample = simulate_slice(options, 0, operations());
    const CoilMaps whole = espirit(sample.kspace, nullptr, small(), operations());
    CHECK(compare(sample, whole.maps, first_coil(6)).with_phase < 0.12);
    RealArray mask(Shape{1, 4, 1, 1, 40, 36});
    for (std::int64_t i = 0; i < mask.elements(); ++i) mask[i] = i % 36 % 4 == i / (40 * 36) ? 1.0F : 0.0F;  // interleaved
    ComplexArray kspace = sample.kspace;
    for (std::int64_t i = 0; i < kspace.elements(); ++i)
        if (mask[i / (6 * 1440) * 1440 + i % 1440] == 0) kspace[i] = {1e3F, 0};  // what was not sampled does not count
    const CoilMaps found = espirit(kspace, &mask, small(), operations());
    CHECK(found.calibration == 16);
    CHECK(compare(sample, found.maps, first_coil(6)).up_to_phase < 0.1);
    // A mask that the frames share.
    const RealArray shared = [] {
        RealArray one(Shape{1, 1, 1, 1, 40, 36});
        for (std::int64_t i = 0; i < 1440; ++i) one[i] = i % 36 % 2 == 0 || std::abs(i % 36 - 18) < 8 ? 1.0F : 0.0F;
        return one;
    }();
    const CoilMaps centre = espirit(sample.kspace, &shared, small(), operations());
    CHECK(centre.calibration >= 14);
    CHECK(compare(sample, centre.maps, first_coil(6)).up_to_phase < 0.08);
}

TEST_CASE("Two sets of maps are orthonormal and explain a folded field of view that one set does not") {
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic}) {
        INFO(name_of(physics));
        SimulateOptions options = scan(physics, 2);
        options.coils = 8;
        const SliceData sample = simulate_slice(options, 0, operations());
        EspiritOptions two = small();
        two.sets = 2, two.crop = 0.7;
        const CoilMaps found = espirit(sample.kspace, nullptr, two, operations());
        REQUIRE(found.maps.shape == sample.maps.shape);
        const std::int64_t coils = 8, points = sample.maps.elements() / 16;
        double explained_by_two = 0, explained_by_one = 0, energy = 0, oblique = 0;
        for (std::int64_t i = 0; i < points; ++i) {
            const auto *truth = sample.maps.data() + i * 2, *map = found.maps.data() + i * 2;
            Complex cross = 0, first = 0, second = 0;
            double size = 0;
            for (std::int64_t c = 0; c < coils; ++c) {
                const auto* m = map + c * points * 2;
                const auto* s = truth + c * points * 2;
                // What the coils see here, of the first frame.
                const Complex y = Complex(s[0]) * Complex(sample.truth[2 * i]) + Complex(s[1]) * Complex(sample.truth[2 * i + 1]);
                cross += std::conj(Complex(m[0])) * Complex(m[1]);
                first += std::conj(Complex(m[0])) * y, second += std::conj(Complex(m[1])) * y;
                size += std::norm(y);
            }
            oblique = std::max(oblique, std::abs(cross));
            if (std::abs(sample.truth[2 * i + 1]) < 0.1F) continue;  // nothing folds in
            energy += size, explained_by_one += std::norm(first), explained_by_two += std::norm(first) + std::norm(second);
        }
        CHECK(oblique < 1e-4);
        CHECK(explained_by_two / energy > 0.995);
        CHECK(energy - explained_by_one > 5 * (energy - explained_by_two));
    }
}

TEST_CASE("One coil has maps of ones, and a sample of zeros has maps of zeros") {
    SimulateOptions options = scan(Physics::volume);
    options.coils = 1;
    SliceData sample = simulate_slice(options, 0, operations());
    for (Physics physics : {Physics::volume, Physics::dynamic}) {
        if (physics == Physics::dynamic) {
            options = scan(physics);
            options.coils = 1;
            sample = simulate_slice(options, 0, operations());
        }
        for (const auto& v : sample.maps.values) REQUIRE(v == std::complex<float>(1));
        const CoilMaps found = espirit(sample.kspace, nullptr, small(), operations());
        CHECK(found.maps.values == sample.maps.values);
        std::fill(sample.kspace.values.begin(), sample.kspace.values.end(), 0.0F);
        const CoilMaps none = espirit(sample.kspace, nullptr, small(), operations());
        CHECK(none.no_signal);
        CHECK(std::all_of(none.maps.values.begin(), none.maps.values.end(), [](auto v) { return v == 0.0F; }));
        EspiritOptions two = small();
        two.sets = 2;
        CHECK_THROWS_AS(espirit(sample.kspace, nullptr, two, operations()), ConfigError);
    }
}
