#include <algorithm>
#include <cmath>
#include <fstream>

#include "data/prepare.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"
#include "test/support/coils.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::CoilScan;
using gleam::test::simulate_scan;
using gleam::test::TemporaryDirectory;

namespace {

constexpr std::int64_t coils = 4, height = 40, width = 36, points = height * width;

// Raw files as scanners give them: slices of the simulated scan, the i-th times i + 1 (0 for slices in `empty`), sampled where
// `sampled(slice, x)` says.
struct Raw {
    std::int64_t slices = 2;
    std::int64_t empty = -1;
    std::function<bool(std::int64_t slice, std::int64_t x)> sampled = [](auto, auto) { return true; };
    std::vector<float> mask = {};  // [x]; written when not empty
};

void write_raw(const fs::path& path, const CoilScan& scan, const Raw& raw) {
    ComplexArray kspace(Shape{raw.slices, coils, height, width});
    for (std::int64_t s = 0; s < raw.slices; ++s)
        for (std::int64_t i = 0; i < coils * points; ++i)
            if (s != raw.empty && raw.sampled(s, i % width)) kspace.slice(s)[i] = scan.kspace[i] * static_cast<float>(s + 1);
    Hdf5Writer writer(path);
    writer.write("kspace", kspace);
    if (!raw.mask.empty()) writer.write("mask", Shape{width}, raw.mask.data());
    writer.set_attribute("/", "acquisition", "TEST");
    writer.commit();
}

bool every_third_and_centre(std::int64_t x) { return x % 3 == 0 || (x >= 10 && x < 26); }

std::vector<float> line_mask() {
    std::vector<float> mask(width);
    for (std::int64_t x = 0; x < width; ++x) mask[static_cast<std::size_t>(x)] = every_third_and_centre(x) ? 1.0F : 0.0F;
    return mask;
}

double distance(const ComplexArray& a, const ComplexArray& b) {
    double difference = 0, size = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        difference += std::norm(std::complex<double>(a[i]) - std::complex<double>(b[i]));
        size += std::norm(std::complex<double>(b[i]));
    }
    return std::sqrt(difference / size);
}

struct Fixture {
    std::unique_ptr<kernels::Operations> ops = kernels::make_cpu_operations();
    CoilScan scan = simulate_scan(coils, height, width, 1e-3, *ops);
    TemporaryDirectory directory;
    fs::path raw = directory.path() / "scan.h5", out = directory.path() / "sets";

    // On the axes of memory.
    ComplexArray kspace() const {
        ComplexArray one = scan.kspace;
        one.shape = Shape{1, 1, coils, 1, height, width};
        return one;
    }

    std::vector<PreparedFile> run(PrepareOptions options = {}) const { return prepare({raw}, out, options, *ops); }
};

}  // namespace

TEST_CASE("A fully sampled slice gives maps, the combined image and its root of sum of squares") {
    const Fixture f;
    const PreparedSlice slice = prepare_slice(f.kspace(), nullptr, Physics::planar, {}, *f.ops);
    CHECK(slice.calibration == 24);
    CHECK(slice.data.mask.empty());
    CHECK(slice.data.kspace.values == f.scan.kspace.values);
    CHECK(slice.data.maps.shape == Shape{1, 1, coils, 1, height, width});
    // With the true sensitivities s: target = |s| image, turned by the phase of the first coil; rss = |s| |image|.
    ComplexArray expected(Shape{height, width});
    double rss_off = 0;
    for (std::int64_t i = 0; i < points; ++i) {
        double norm = 0;
        for (std::int64_t c = 0; c < coils; ++c) norm += static_cast<double>(std::norm(f.scan.sensitivities[c * points + i]));
        norm = std::sqrt(norm);
        const auto first = f.scan.sensitivities[i];
        expected[i] = f.scan.image[i] * static_cast<float>(norm) * first / std::abs(first);
        rss_off = std::max(
            rss_off, std::abs(static_cast<double>(slice.data.rss[i]) - norm * static_cast<double>(std::abs(f.scan.image[i]))));
    }
    CHECK(rss_off < 0.02);
    CHECK(distance(slice.data.target, expected) < 0.02);
}

TEST_CASE("An undersampled slice gives maps of its centre, k-space under the mask, and no target") {
    const Fixture f;
    RealArray mask(Shape{1, 1, 1, 1, height, width});
    for (std::int64_t i = 0; i < points; ++i) mask[i] = line_mask()[static_cast<std::size_t>(i % width)];
    const PreparedSlice slice = prepare_slice(f.kspace(), &mask, Physics::planar, {}, *f.ops);
    CHECK(slice.calibration == 16);
    CHECK(slice.data.target.empty());
    CHECK(slice.data.rss.empty());
    CHECK(slice.data.mask.values == mask.values);
    for (std::int64_t i = 0; i < coils * points; ++i)
        REQUIRE(slice.data.kspace[i] == (mask[i % points] == 0 ? 0.0F : f.scan.kspace[i]));
    EspiritOptions options;
    options.calibration = 16;
    CHECK(slice.data.maps.values == espirit(f.scan.kspace, nullptr, options, *f.ops).maps.values);
}

TEST_CASE("A fully sampled file becomes a data set with targets and its origin") {
    const Fixture f;
    write_raw(f.raw, f.scan, {});
    std::vector<std::int64_t> told;
    PrepareOptions options;
    options.progress = [&](const fs::path& input, std::int64_t slice, std::int64_t slices) {
        CHECK(input == f.raw);
        CHECK(slices == 2);
        told.push_back(slice);
    };
    const auto results = f.run(options);
    CHECK(told == std::vector<std::int64_t>{0, 1});
    REQUIRE(results.size() == 1);
    CHECK(results[0].output == f.out / "scan.h5");
    CHECK(results[0].acceleration == 1);
    CHECK(results[0].empty_slices.empty());
    CHECK(results[0].smallest_calibration == 24);
    const DatasetFile file(f.out / "scan.h5");
    CHECK(file.layout().target);
    CHECK(file.layout().rss);
    CHECK_FALSE(file.layout().mask);
    const SliceData slice = file.read_slice(1);
    ComplexArray doubled = f.kspace();
    for (auto& v : doubled.values) v *= 2.0F;
    const PreparedSlice expected = prepare_slice(doubled, nullptr, Physics::planar, {}, *f.ops);
    CHECK(slice.kspace.values == doubled.values);
    CHECK(slice.maps.values == expected.data.maps.values);
    CHECK(slice.target.values == expected.data.target.values);
    CHECK(slice.rss.values == expected.data.rss.values);
    const auto origin = file.provenance();
    CHECK(origin.at("source") == "scan.h5");
    CHECK(origin.at("acquisition") == "TEST");
    CHECK(origin.at("maps_calibration") == "24");
    CHECK_THAT(origin.at("program"), ContainsSubstring("gleam"));
}

TEST_CASE("A mask in the file is used and stored, and there is no target") {
    const Fixture f;
    write_raw(f.raw, f.scan, {.mask = line_mask()});  // k-space itself is whole: the mask decides
    const auto results = f.run();
    CHECK(results[0].layout.mask);
    CHECK(results[0].acceleration == Approx(36.0 / 23));
    const DatasetFile file(f.out / "scan.h5");
    CHECK_FALSE(file.layout().target);
    CHECK_FALSE(file.layout().rss);
    CHECK_FALSE(file.layout().mask_per_slice);
    const SliceData slice = file.read_slice(0);
    for (std::int64_t i = 0; i < points; ++i) {
        REQUIRE(slice.mask[i] == (every_third_and_centre(i % width) ? 1.0F : 0.0F));
        REQUIRE((slice.kspace[i] != 0.0F) == every_third_and_centre(i % width));
    }
    SECTION("unless the user says that everything was measured") {
        PrepareOptions options;
        options.mask = MaskSource::full;
        CHECK(f.run(options)[0].layout.target);
    }
    SECTION("a mask of ones is a fully sampled scan") {
        write_raw(f.raw, f.scan, {.mask = std::vector<float>(width, 1.0F)});
        CHECK(f.run()[0].layout.target);
    }
}

TEST_CASE("Zeros in the midst of k-space are never taken for a mask silently") {
    const Fixture f;
    write_raw(f.raw, f.scan, {.sampled = [](auto, auto x) { return every_third_and_centre(x); }});
    CHECK_THROWS_AS(f.run(), DataError);
    CHECK_THROWS_WITH(f.run(),
                      ContainsSubstring("scan.h5") && ContainsSubstring("--mask from-zeros") && ContainsSubstring("520 of 1440"));
    CHECK_FALSE(fs::exists(f.out / "scan.h5"));
    PrepareOptions options;
    SECTION("asked to, the mask is made from them") {
        options.mask = MaskSource::from_zeros;
        CHECK(f.run(options)[0].smallest_calibration == 16);
        const SliceData slice = DatasetFile(f.out / "scan.h5").read_slice(1);
        for (std::int64_t i = 0; i < points; ++i) REQUIRE(slice.mask[i] == line_mask()[static_cast<std::size_t>(i % width)]);
        CHECK(slice.target.empty());
    }
    SECTION("or they are measured zeros") {
        options.mask = MaskSource::full;
        CHECK(f.run(options)[0].layout.target);
    }
}

TEST_CASE("Slices sampled differently keep their own masks, and an empty slice takes what all have together") {
    const Fixture f;
    const auto sampled = [](std::int64_t slice, std::int64_t x) { return x % 3 == slice || (x >= 10 && x < 26); };
    write_raw(f.raw, f.scan, {.slices = 3, .empty = 2, .sampled = sampled});
    PrepareOptions options;
    options.mask = MaskSource::from_zeros;
    const auto results = f.run(options);
    CHECK(results[0].layout.mask_per_slice);
    CHECK(results[0].empty_slices == std::vector<std::int64_t>{2});
    const DatasetFile file(f.out / "scan.h5");
    for (std::int64_t s = 0; s < 3; ++s) {
        const SliceData slice = file.read_slice(s);
        for (std::int64_t x = 0; x < width; ++x)
            REQUIRE(slice.mask[x] == ((s < 2 ? sampled(s, x) : sampled(0, x) || sampled(1, x)) ? 1.0F : 0.0F));
    }
}

TEST_CASE("Padding at the border of k-space is fully sampled data") {
    const Fixture f;
    write_raw(f.raw, f.scan, {.sampled = [](auto, auto x) { return x >= 3 && x < 33; }});
    CHECK(f.run()[0].layout.target);
}

TEST_CASE("A slice without signal has maps and target of zero and is named") {
    const Fixture f;
    write_raw(f.raw, f.scan, {.slices = 3, .empty = 1});
    CHECK(f.run()[0].empty_slices == std::vector<std::int64_t>{1});
    const SliceData slice = DatasetFile(f.out / "scan.h5").read_slice(1);
    CHECK(std::all_of(slice.maps.values.begin(), slice.maps.values.end(), [](auto v) { return v == 0.0F; }));
    CHECK(std::all_of(slice.target.values.begin(), slice.target.values.end(), [](auto v) { return v == 0.0F; }));
}

TEST_CASE("What stops the preparation names file and slice and leaves nothing half done") {
    const Fixture f;
    SECTION("too little calibration") {
        write_raw(f.raw, f.scan, {.sampled = [](auto, auto x) { return x % 2 == 0; }});
        PrepareOptions options;
        options.mask = MaskSource::from_zeros;
        CHECK_THROWS_WITH(f.run(options), ContainsSubstring("scan.h5, slice 0") && ContainsSubstring("only 1 x 1 points"));
    }
    SECTION("interrupted") {
        write_raw(f.raw, f.scan, {});
        PrepareOptions options;
        options.progress = [](const auto&, auto, auto) { throw std::runtime_error("stop"); };
        CHECK_THROWS_WITH(f.run(options), ContainsSubstring("stop"));
    }
    SECTION("a missing input") { CHECK_THROWS_AS(f.run(), DataError); }
    CHECK((!fs::exists(f.out) || fs::is_empty(f.out)));
}

TEST_CASE("Outputs that meet each other or an input are refused before anything is read") {
    const Fixture f;
    const fs::path other = f.directory.path() / "other";
    fs::create_directory(other);
    write_raw(f.raw, f.scan, {.slices = 1});
    write_raw(other / "scan.h5", f.scan, {.slices = 1});
    CHECK_THROWS_AS(prepare({}, f.out, {}, *f.ops), ConfigError);
    CHECK_THROWS_WITH(prepare({f.raw, other / "scan.h5"}, f.out, {}, *f.ops), ContainsSubstring("two inputs"));
    CHECK_THROWS_WITH(prepare({f.raw}, f.directory.path(), {}, *f.ops), ContainsSubstring("input and output"));
    CHECK_THROWS_WITH(prepare({f.raw}, f.raw, {}, *f.ops), ContainsSubstring("input and output"));
    CHECK(prepare({f.raw}, f.directory.path() / "one.h5", {}, *f.ops)[0].output.filename() == "one.h5");
    CHECK(DatasetFile(f.directory.path() / "one.h5").slices() == 1);
}

TEST_CASE("Several inputs become one data set in their order, or are refused when they are not alike") {
    const Fixture f;
    const fs::path second = f.directory.path() / "second.h5", joined = f.directory.path() / "joined.h5";
    write_raw(f.raw, f.scan, {.slices = 2});
    write_raw(second, f.scan, {.slices = 1});
    const auto files = prepare({f.raw, second}, joined, {}, *f.ops);
    REQUIRE(files.size() == 1);
    CHECK(files[0].inputs == std::vector<fs::path>{f.raw, second});
    const DatasetFile set(joined);
    REQUIRE(set.slices() == 3);
    CHECK(set.read_slice(2).kspace.values == set.read_slice(0).kspace.values);  // both are the first slice of their scan
    CHECK(set.read_slice(1).kspace.values != set.read_slice(0).kspace.values);
    CHECK(set.provenance().at("source") == "scan.h5, second.h5");

    const auto lines = [](auto, std::int64_t x) { return every_third_and_centre(x); };
    write_raw(second, f.scan, {.slices = 1, .sampled = lines, .mask = line_mask()});
    CHECK_THROWS_WITH(prepare({f.raw, second}, joined, {}, *f.ops),
                      ContainsSubstring("second.h5") && ContainsSubstring("undersampled"));
    write_raw(f.raw, f.scan, {.slices = 1, .sampled = lines, .mask = line_mask()});
    CHECK(prepare({f.raw, second}, joined, {}, *f.ops)[0].layout.mask_per_slice);
    Hdf5Writer narrow(second);
    narrow.write("kspace", ComplexArray(Shape{1, coils, height, width - 2}));
    narrow.commit();
    CHECK_THROWS_WITH(prepare({f.raw, second}, joined, {}, *f.ops), ContainsSubstring("second.h5"));
}

namespace {

// Raw k-space of simulated samples, as a scanner would give it: kspace [sample, ...] and, if there is one, a mask.
struct Scan {
    SimulateOptions options;
    DatasetLayout layout;
    std::vector<SliceData> samples;

    explicit Scan(Physics physics, std::int64_t sets, kernels::Operations& ops) {
        options.physics = physics, options.sets = sets, options.noise = 1e-3, options.seed = 4;
        options.slices = 2, options.coils = 5, options.height = 24, options.width = 28;
        if (physics == Physics::volume) options.depth = 20;
        if (physics == Physics::dynamic) options.frames = 3;
        layout = layout_of(options);
        for (std::uint32_t s = 0; s < 2; ++s) samples.push_back(simulate_slice(options, s, ops));
    }

    // `keep(i)` says whether point i of [T, Z, Y, X] was measured.
    void write(const fs::path& path, const std::function<bool(std::int64_t)>& keep = {}, const RealArray& mask = {}) const {
        Hdf5Writer writer(path);
        ComplexArray all(layout.stored_kspace());
        const std::int64_t points = layout.depth * layout.height * layout.width;
        for (std::size_t s = 0; s < 2; ++s)
            for (std::int64_t i = 0; i < samples[s].kspace.elements(); ++i)
                if (!keep || keep(i / points / layout.coils * points + i % points))
                    all.slice(static_cast<std::int64_t>(s))[i] = samples[s].kspace[i];
        writer.write("kspace", all);
        if (!mask.empty()) writer.write("mask", mask);
        writer.set_attribute("/", "physics", name_of(layout.physics));  // as in a data set
        writer.commit();
    }

    // Root mean square of what the maps do not see of the true ones, over voxels with signal; one set.
    double maps_off(const ComplexArray& found, std::size_t s) const {
        const std::int64_t points = layout.depth * layout.height * layout.width;
        double sum = 0, count = 0;
        for (std::int64_t i = 0; i < points; ++i) {
            if (std::abs(samples[s].truth[i]) < 0.15F) continue;
            std::complex<double> inner = 0;
            for (std::int64_t c = 0; c < layout.coils; ++c)
                inner += std::conj(std::complex<double>(samples[s].maps[c * points + i])) *
                         std::complex<double>(found[c * points + i]);
            sum += 1 - std::norm(inner), ++count;
        }
        return std::sqrt(sum / count);
    }
};

PrepareOptions small_kernel(Physics physics, int sets = 1) {
    PrepareOptions options;
    options.physics = physics;
    options.espirit.calibration = 14, options.espirit.kernel = 5, options.espirit.sets = sets;
    if (sets > 1) options.espirit.crop = 0.7;
    return options;
}

}  // namespace

TEST_CASE("Fully sampled volumes and cine series become data sets with maps of their coils and targets") {
    const Fixture f;
    for (Physics physics : {Physics::volume, Physics::dynamic}) {
        INFO(name_of(physics));
        const Scan scan(physics, 1, *f.ops);
        scan.write(f.raw);
        const auto results = f.run(small_kernel(physics));
        CHECK(results[0].smallest_calibration == 14);
        const DatasetFile file(f.out / "scan.h5");
        const DatasetLayout& l = file.layout();
        CHECK(l.physics == physics);
        CHECK(l.kspace_shape() == scan.layout.kspace_shape());
        CHECK((l.target && l.rss && !l.mask));
        for (std::int64_t s = 0; s < 2; ++s) {
            const SliceData data = file.read_slice(s);
            const SliceData& truth = scan.samples[static_cast<std::size_t>(s)];
            CHECK(data.kspace.values == truth.kspace.values);
            CHECK(scan.maps_off(data.maps, static_cast<std::size_t>(s)) < 0.1);
            // Maps and truth have unit norm: target and root of squares both show the truth's magnitude.
            double off = 0, rss_off = 0, energy = 0;
            for (std::int64_t i = 0; i < data.target.elements(); ++i) {
                const double size = std::abs(std::complex<double>(truth.truth[i]));
                if (size < 0.15) continue;
                off += std::pow(std::abs(std::complex<double>(data.target[i])) - size, 2);
                rss_off += std::pow(static_cast<double>(data.rss[i]) - size, 2);
                energy += size * size;
            }
            CHECK(std::sqrt(off / energy) < 0.05);
            CHECK(std::sqrt(rss_off / energy) < 0.02);
        }
    }
    // Read as something else, the file does not fit.
    CHECK_THROWS_WITH(f.run(), ContainsSubstring("--physics"));
}

TEST_CASE("Undersampled volumes and cine series keep their masks and get maps from the centre") {
    const Fixture f;
    SECTION("volumes, a mask of lines for all") {
        const Scan scan(Physics::volume, 1, *f.ops);
        RealArray mask(Shape{20, 24});
        for (std::int64_t i = 0; i < 480; ++i)
            mask[i] = (i / 24 + i % 24) % 2 == 0 || (std::abs(i / 24 - 10) < 7 && std::abs(i % 24 - 12) < 7) ? 1.0F : 0.0F;
        scan.write(f.raw, {}, mask);
        const auto results = f.run(small_kernel(Physics::volume));
        CHECK(results[0].smallest_calibration >= 12);
        CHECK(results[0].acceleration == Approx(480.0 / std::count(mask.values.begin(), mask.values.end(), 1.0F)));
        const DatasetFile file(f.out / "scan.h5");
        CHECK_FALSE(file.layout().target);
        CHECK_FALSE(file.layout().mask_per_slice);
        const SliceData data = file.read_slice(1);
        for (std::int64_t i = 0; i < data.mask.elements(); ++i) REQUIRE(data.mask[i] == mask[i / 28]);
        for (std::int64_t i = 0; i < data.kspace.elements(); ++i) REQUIRE((data.kspace[i] != 0.0F) == (mask[i / 28 % 480] != 0));
        CHECK(scan.maps_off(data.maps, 1) < 0.12);
    }
    SECTION("cine series, from zeros that differ from frame to frame") {
        const Scan scan(Physics::dynamic, 1, *f.ops);
        const auto keep = [](std::int64_t i) { return i % 28 % 3 == i / (24 * 28) || std::abs(i % 28 - 14) < 2; };
        scan.write(f.raw, keep);
        CHECK_THROWS_WITH(f.run(small_kernel(Physics::dynamic)), ContainsSubstring("it looks undersampled"));
        PrepareOptions options = small_kernel(Physics::dynamic);
        options.mask = MaskSource::from_zeros;
        CHECK(f.run(options)[0].smallest_calibration == 14);  // the frames together cover it
        const DatasetFile file(f.out / "scan.h5");
        CHECK(file.layout().mask_frames == 3);
        const SliceData data = file.read_slice(0);
        for (std::int64_t i = 0; i < data.mask.elements(); ++i) REQUIRE(data.mask[i] == (keep(i) ? 1.0F : 0.0F));
        CHECK(scan.maps_off(data.maps, 0) < 0.12);
    }
    SECTION("cine series, one mask for all frames, joined with one that has a mask for each") {
        const Scan scan(Physics::dynamic, 1, *f.ops);
        const auto centre = [](std::int64_t x) { return x % 2 == 0 || std::abs(x - 14) < 8; };
        RealArray shared(Shape{28}), each(Shape{3, 24, 28});
        for (std::int64_t x = 0; x < 28; ++x) shared[x] = centre(x) ? 1.0F : 0.0F;
        for (std::int64_t i = 0; i < each.elements(); ++i) each[i] = centre(i % 28) || i % 28 == i / 672 ? 1.0F : 0.0F;
        scan.write(f.raw, {}, shared);
        f.run(small_kernel(Physics::dynamic));
        CHECK(DatasetFile(f.out / "scan.h5").layout().mask_frames == 1);
        const fs::path second = f.directory.path() / "second.h5", joined = f.directory.path() / "joined.h5";
        scan.write(second, {}, each);
        prepare({f.raw, second}, joined, small_kernel(Physics::dynamic), *f.ops);
        const DatasetFile file(joined);
        REQUIRE(file.layout().mask_frames == 3);
        const RealArray first = file.read_slice(0).mask, third = file.read_slice(2).mask;
        for (std::int64_t i = 0; i < each.elements(); ++i) {
            REQUIRE(first[i] == shared[i % 28]);
            REQUIRE(third[i] == each[i]);
        }
    }
}

TEST_CASE("Two sets of maps are prepared for every physics, with an image for each") {
    const Fixture f;
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic}) {
        INFO(name_of(physics));
        const Scan scan(physics, 2, *f.ops);
        scan.write(f.raw);
        f.run(small_kernel(physics, 2));
        const DatasetFile file(f.out / "scan.h5");
        REQUIRE(file.layout().sets == 2);
        const SliceData data = file.read_slice(0);
        REQUIRE(data.target.shape == scan.layout.image_shape());
        // Both images together hold what the coils saw; the first alone does not.
        double rss = 0, first = 0, second = 0;
        for (std::int64_t i = 0; i < data.rss.elements(); ++i) {
            rss += std::pow(static_cast<double>(data.rss[i]), 2);
            first += std::norm(data.target[2 * i]), second += std::norm(data.target[2 * i + 1]);
        }
        CHECK(first + second > 0.97 * rss);
        CHECK(first + second < 1.0001 * rss);
        CHECK(second > 0);
    }
}

TEST_CASE("Volumes sampled in other than whole lines are refused with their name") {
    const Fixture f;
    const Scan scan(Physics::volume, 1, *f.ops);
    RealArray mask(Shape{20, 24, 28});
    for (std::int64_t i = 0; i < mask.elements(); ++i) mask[i] = i % 5 == 0 ? 0.0F : 1.0F;
    scan.write(f.raw, {}, mask);
    CHECK_THROWS_WITH(f.run(small_kernel(Physics::volume)),
                      ContainsSubstring("scan.h5, slice 0") && ContainsSubstring("whole lines"));
    CHECK(fs::is_empty(f.out));
}

TEST_CASE("Mask sources have names") {
    for (MaskSource source : {MaskSource::file, MaskSource::from_zeros, MaskSource::full})
        CHECK(mask_source(name_of(source)) == source);
    CHECK_THROWS_WITH(mask_source("zeros"), ContainsSubstring("'zeros'") && ContainsSubstring("from-zeros"));
}
