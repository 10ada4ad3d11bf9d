#include <cmath>
#include <numbers>
#include <set>

#include "data/normalize.hpp"
#include "data/samples.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using gleam::test::tiny_simulation;

namespace {

struct Fixture {
    TemporaryDirectory directory;
    fs::path path = directory / "set.h5";
    std::unique_ptr<kernels::Operations> ops = kernels::make_cpu_operations();
    Arena workspace{"test"};
    Fixture() { workspace.serve_on_demand(ops->allocator()); }

    Samples open(Physics physics, std::int64_t sets, std::optional<MaskOptions> mask = std::nullopt) {
        test::write_simulated(path, tiny_simulation(physics, sets, 0.05));
        return Samples(path, {}, std::move(mask));
    }
};

MaskOptions lines() {
    MaskOptions mask;
    mask.kind = MaskKind::random_1d, mask.acceleration = 2, mask.calibration = 2, mask.seed = 3;
    return mask;
}

// One point of A^H M y by its definition: frame t, voxel (z, y, x), set e.
std::complex<double> adjoint(const SliceData& data, const RealArray& mask, const DatasetLayout& l, std::int64_t t, std::int64_t z,
                             std::int64_t y, std::int64_t x, std::int64_t e) {
    const std::int64_t points = l.depth * l.height * l.width, voxel = (z * l.height + y) * l.width + x;
    const bool volume = l.physics == Physics::volume;
    std::complex<double> sum = 0;
    for (std::int64_t k = 0; k < points; ++k) {
        if (mask[(mask.shape[1] == 1 ? 0 : t) * points + k] == 0) continue;
        const std::int64_t kx = k % l.width, ky = k / l.width % l.height, kz = k / l.width / l.height;
        double turns = static_cast<double>((kx - l.width / 2) * (x - l.width / 2)) / static_cast<double>(l.width) +
                       static_cast<double>((ky - l.height / 2) * (y - l.height / 2)) / static_cast<double>(l.height);
        if (volume) turns += static_cast<double>((kz - l.depth / 2) * (z - l.depth / 2)) / static_cast<double>(l.depth);
        const auto wave = std::polar(1.0, 2 * std::numbers::pi * turns);
        for (std::int64_t c = 0; c < l.coils; ++c)
            sum += std::conj(std::complex<double>(data.maps[(c * points + voxel) * l.sets + e])) * wave *
                   std::complex<double>(data.kspace[(t * l.coils + c) * points + k]);
    }
    return sum / std::sqrt(static_cast<double>(points));
}

}  // namespace

TEST_CASE("A sample has the same bits where the file is compressed and its maps are not read in parts") {
    Fixture f;
    for (Physics physics : {Physics::planar, Physics::volume}) {
        const Samples samples = f.open(physics, 1, lines());
        const fs::path compressed = f.directory / "compressed.h5";
        DatasetWriter writer(compressed, samples.file().layout(), {3, false});
        for (std::int64_t i = 0; i < samples.count(); ++i) writer.write_slice(i, samples.file().read_slice(i));
        writer.commit();
        const Samples others(compressed, {}, lines());
        CHECK(samples.file().maps_in_one_piece());
        CHECK(!others.file().maps_in_one_piece());
        const Sample s = samples.read(1, 0, *f.ops, f.workspace), t = others.read(1, 0, *f.ops, f.workspace);
        CHECK(s.maps.values == samples.file().maps(1).values);
        CHECK(s.maps.values == t.maps.values);
        CHECK(s.zero_filled.values == t.zero_filled.values);
        CHECK(s.scale == t.scale);
    }
}

TEST_CASE("The zero-filled image of a sample of any physics is A^H y by its definition, over a common scale") {
    Fixture f;
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic})
        for (std::int64_t sets : {1, 2}) {
            INFO(name_of(physics) << " with " << sets << " sets");
            const Samples samples = f.open(physics, sets, lines());
            const DatasetLayout& l = samples.file().layout();
            const Sample s = samples.read(1, 4, *f.ops, f.workspace);
            CHECK(s.maps.shape == l.maps_shape());
            REQUIRE(s.zero_filled.shape == l.image_shape());
            CHECK(s.target.shape == l.image_shape());
            CHECK(s.mask.shape == l.rss_shape());
            CHECK(s.mask.values == sample_mask(lines(), l, 4, 1).values);
            CHECK(s.acceleration == Approx(2).epsilon(0.15));
            const SliceData data = samples.file().read_slice(1);
            for (std::int64_t i = 0; i < s.zero_filled.elements(); i += 17) {
                const std::int64_t e = i % l.sets, v = i / l.sets, x = v % l.width, y = v / l.width % l.height;
                const std::int64_t z = v / l.width / l.height % l.depth, t = v / l.width / l.height / l.depth;
                const auto expected = adjoint(data, s.mask, l, t, z, y, x, e);
                REQUIRE(std::abs(std::complex<double>(s.zero_filled[i]) * s.scale - expected) < 1e-5);
                REQUIRE(std::abs(s.target[i] * static_cast<float>(s.scale) - data.target[i]) < 1e-5F);
            }
            ComplexArray whole = s.zero_filled;
            CHECK(percentile_scale(whole) == Approx(1));  // over all frames, planes and sets
        }
}

TEST_CASE("Without a mask a sample is sampled everywhere, and A^H y is the target") {
    Fixture f;
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic}) {
        const Samples samples = f.open(physics, 2);
        const Sample s = samples.read(2, 0, *f.ops, f.workspace);
        CHECK(s.acceleration == 1);
        for (std::int64_t i = 0; i < s.target.elements(); ++i) REQUIRE(std::abs(s.zero_filled[i] - s.target[i]) < 1e-5F);
    }
}

TEST_CASE("Masks of volumes are whole lines along x, of cine series new in every frame, and change with epoch and sample") {
    DatasetLayout volume{1, 2, 24, 5};
    volume.physics = Physics::volume, volume.depth = 20;
    MaskOptions disc;
    disc.acceleration = 3, disc.calibration = 6;
    for (const MaskOptions& options : {disc, lines()}) {
        const RealArray mask = sample_mask(options, volume, 1, 2);
        REQUIRE(mask.shape == Shape{1, 1, 1, 20, 24, 5});
        const RealArray plane = make_mask(options, 20, 24, 1, 2).values;
        for (std::int64_t i = 0; i < mask.elements(); ++i) REQUIRE(mask[i] == plane[i / 5]);
    }

    DatasetLayout series{1, 2, 24, 20};
    series.physics = Physics::dynamic, series.frames = 5;
    const RealArray frames = sample_mask(lines(), series, 1, 2);
    REQUIRE(frames.shape == Shape{1, 5, 1, 1, 24, 20});
    std::set<std::vector<float>> different;
    for (std::int64_t t = 0; t < 5; ++t)
        different.insert(std::vector<float>(frames.values.begin() + t * 480, frames.values.begin() + (t + 1) * 480));
    CHECK(different.size() == 5);
    // Frame 0 is the mask of a slice.
    const RealArray slice = make_mask(lines(), 24, 20, 1, 2).values;
    CHECK(std::equal(slice.values.begin(), slice.values.end(), frames.values.begin()));
    CHECK(sample_mask(lines(), series, 2, 2).values != frames.values);
    CHECK(sample_mask(lines(), series, 1, 3).values != frames.values);
}

TEST_CASE("A mask in the file is used as it is, shared by the frames or not") {
    Fixture f;
    for (std::int64_t mask_frames : {1, 4}) {
        const SimulateOptions options = tiny_simulation(Physics::dynamic);
        DatasetLayout layout = layout_of(options);
        layout.mask = true, layout.mask_frames = mask_frames;
        DatasetWriter writer(f.path, layout);
        for (std::int64_t s = 0; s < 3; ++s) {
            SliceData data = simulate_slice(options, static_cast<std::uint32_t>(s), *f.ops);
            data.mask = RealArray(layout.mask_shape());
            for (std::int64_t i = 0; i < data.mask.elements(); ++i) data.mask[i] = i % 3 == 0 ? 1.0F : 0.0F;
            writer.write_slice(s, data);
        }
        writer.commit();
        const Samples samples(f.path, {}, std::nullopt);
        const Sample s = samples.read(0, 0, *f.ops, f.workspace);
        CHECK(s.mask.shape == Shape{1, mask_frames, 1, 1, 9, 11});
        CHECK(s.acceleration == Approx(3).epsilon(0.02));
        const auto expected = adjoint(samples.file().read_slice(0), s.mask, layout, 2, 0, 3, 4, 0);
        CHECK(std::abs(std::complex<double>(s.zero_filled[(2 * 9 + 3) * 11 + 4]) * s.scale - expected) < 1e-5);
        CHECK_THROWS_WITH(Samples(f.path, {}, lines()), ContainsSubstring("already undersampled"));
    }
}

TEST_CASE("Samples that do not exist are refused") {
    Fixture f;
    test::write_simulated(f.path, tiny_simulation(Physics::volume));
    CHECK(Samples(f.path, {2, 0}, std::nullopt).count() == 2);
    CHECK_THROWS_WITH(Samples(f.path, {3}, std::nullopt), ContainsSubstring("has 3 slices, slice 3 was asked for"));
}
