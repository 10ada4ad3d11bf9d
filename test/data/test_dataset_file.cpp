#include <limits>

#include "data/dataset_file.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using Complex = std::complex<float>;

namespace {

template <class T>
Array<T> counting(const Shape& shape, float start = 0) {
    Array<T> array(shape);
    for (std::int64_t i = 0; i < array.elements(); ++i) array[i] = static_cast<T>(start + static_cast<float>(i));
    return array;
}

const DatasetLayout everything{3, 2, 4, 5, true, true, true, true, true};

SliceData slice_of(const DatasetLayout& layout, float start) {
    SliceData data{
        counting<Complex>(layout.kspace_shape(), start), counting<Complex>(layout.maps_shape(), start + 1), {}, {}, {}, {}};
    if (layout.target) data.target = counting<Complex>(layout.image_shape(), start + 2);
    if (layout.mask) data.mask = counting<float>(layout.mask_shape(), start + 3);
    if (layout.rss) data.rss = counting<float>(layout.rss_shape(), start + 4);
    if (layout.truth) data.truth = counting<Complex>(layout.image_shape(), start + 5);
    return data;
}

void write_dataset(const fs::path& path, const DatasetLayout& layout, const Hdf5Storage& storage = {}) {
    DatasetWriter writer(path, layout, storage);
    for (std::int64_t s = layout.slices; s-- > 0;) writer.write_slice(s, slice_of(layout, 100.0F * static_cast<float>(s)));
    writer.set_attribute("program", "gleam 0.1");
    writer.set_attribute("noise", 0.25);
    writer.set_attribute("seed", std::int64_t{7});
    writer.commit();
}

// `everything` as volumes and as cine series, of one and of two sets of maps, with all kinds of masks.
std::vector<DatasetLayout> other_physics() {
    std::vector<DatasetLayout> all;
    for (std::int64_t sets : {1, 2})
        for (bool per_slice : {true, false}) {
            DatasetLayout layout = everything;
            layout.sets = sets, layout.mask_per_slice = per_slice;
            all.push_back(layout);
            layout.physics = Physics::volume, layout.depth = 3;
            all.push_back(layout);
            layout.physics = Physics::dynamic, layout.depth = 1, layout.frames = 6;
            all.push_back(layout);
            layout.mask_frames = 6;
            all.push_back(layout);
        }
    return all;
}

// A file with these shapes, of zeros; an empty shape leaves the data set out.
struct Raw {
    Shape kspace{2, 3, 4, 5}, maps{2, 3, 4, 5}, target{}, mask{}, rss{};
    std::string physics{};
};

void write_raw(const fs::path& path, const Raw& raw) {
    Hdf5Writer writer(path);
    auto put = [&](const char* name, const Shape& shape, auto zero) {
        if (shape.rank()) writer.write(name, Array<decltype(zero)>(shape));
    };
    put("kspace", raw.kspace, Complex());
    put("maps", raw.maps, Complex());
    put("target", raw.target, Complex());
    put("mask", raw.mask, float());
    put("reconstruction_rss", raw.rss, float());
    if (!raw.physics.empty()) writer.set_attribute("/", "physics", raw.physics);
    writer.commit();
}

void check_refused(const fs::path& path, const Raw& raw, const std::string& text) {
    write_raw(path, raw);
    CHECK_THROWS_AS(DatasetFile(path), DataError);
    CHECK_THROWS_WITH(DatasetFile(path), ContainsSubstring(path.string()) && ContainsSubstring(text));
}

}  // namespace

TEST_CASE("A data set comes back slice by slice as it was written") {
    TemporaryDirectory dir;
    DatasetLayout shared = everything, little{1, 1, 4, 5, false, false, false, false, false};
    shared.mask_per_slice = false;
    for (const DatasetLayout& layout : {everything, shared, little})
        for (const Hdf5Storage storage : {Hdf5Storage{}, Hdf5Storage{2, true}}) {
            write_dataset(dir / "a.h5", layout, storage);
            const DatasetFile file(dir / "a.h5");
            CHECK(file.slices() == layout.slices);
            CHECK(file.coils() == layout.coils);
            CHECK(file.layout().mask == layout.mask);
            CHECK(file.layout().mask_per_slice == layout.mask_per_slice);
            for (std::int64_t s = 0; s < layout.slices; ++s) {
                const SliceData expected = slice_of(layout, 100.0F * static_cast<float>(s)), found = file.read_slice(s);
                CHECK(found.kspace.shape == Shape{1, 1, layout.coils, 1, 4, 5});
                CHECK(found.maps.shape == found.kspace.shape);
                CHECK(found.kspace.values == expected.kspace.values);
                CHECK(found.maps.values == expected.maps.values);
                CHECK(found.target.values == expected.target.values);
                CHECK(found.rss.values == expected.rss.values);
                CHECK(found.truth.values == expected.truth.values);
                CHECK(found.mask.values == (layout.mask_per_slice ? expected : slice_of(layout, 0)).mask.values);
                if (layout.target) CHECK(found.target.shape == Shape{1, 1, 1, 1, 4, 5});
                if (layout.mask) CHECK(found.mask.shape == Shape{1, 1, 1, 1, 4, 5});
            }
            CHECK(file.provenance() ==
                  std::map<std::string, std::string>{{"noise", "0.25"}, {"program", "gleam 0.1"}, {"seed", "7"}});
            CHECK_THROWS_WITH(file.read_slice(layout.slices), ContainsSubstring("has no slice"));
            CHECK_THROWS_AS(file.read_slice(-1), DataError);
        }
}

TEST_CASE("Volumes, cine series and several sets of maps come back as they were written") {
    TemporaryDirectory dir;
    for (const DatasetLayout& layout : other_physics()) {
        INFO(name_of(layout.physics) << ", " << layout.sets << " sets, mask " << layout.stored_mask().str());
        write_dataset(dir / "a.h5", layout);
        const Hdf5File stored(dir / "a.h5");
        CHECK(stored.shape("kspace") == layout.stored_kspace());
        CHECK(stored.shape("target") == layout.stored_image());
        CHECK(stored.has_attribute("/", "physics") == (layout.physics != Physics::planar));
        const DatasetFile file(dir / "a.h5");
        CHECK(file.layout().physics == layout.physics);
        CHECK(file.layout().frames == layout.frames);
        CHECK(file.layout().depth == layout.depth);
        CHECK(file.layout().sets == layout.sets);
        CHECK(file.layout().mask_frames == layout.mask_frames);
        CHECK(file.layout().mask_per_slice == layout.mask_per_slice);
        for (std::int64_t s = 0; s < layout.slices; ++s) {
            const SliceData expected = slice_of(layout, 100.0F * static_cast<float>(s)), found = file.read_slice(s);
            CHECK(found.kspace.shape == layout.kspace_shape());
            CHECK(found.maps.shape == layout.maps_shape());
            CHECK(found.target.shape == layout.image_shape());
            CHECK(found.truth.shape == layout.image_shape());
            CHECK(found.rss.shape == layout.rss_shape());
            CHECK(found.mask.shape == layout.mask_shape());
            CHECK(found.kspace.values == expected.kspace.values);
            CHECK(found.maps.values == expected.maps.values);
            CHECK(found.target.values == expected.target.values);
            CHECK(found.rss.values == expected.rss.values);
            CHECK(found.truth.values == expected.truth.values);
            CHECK(found.mask.values == (layout.mask_per_slice ? expected : slice_of(layout, 0)).mask.values);
        }
    }
}

TEST_CASE("Volumes and cine series whose parts do not fit together are refused with what would fit") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    check_refused(path, {.physics = "4d"}, "attribute 'physics' is '4d'; it has to be 2d, 3d or 2d+t");
    check_refused(path, {.physics = "3d"}, "'kspace': has shape [2, 3, 4, 5] where [volume, coil, z, y, x] is needed");
    check_refused(path, {.kspace = {2, 3, 4, 5, 6}}, "where [slice, coil, y, x] is needed (physics 2d)");

    Raw volume{.kspace = {2, 3, 4, 5, 6}, .maps = {2, 3, 4, 5, 6}, .physics = "3d"};
    write_raw(path, volume);
    CHECK(DatasetFile(path).layout().depth == 4);
    volume.maps = {2, 3, 5, 6};
    check_refused(path, volume, "'maps': has shape [2, 3, 5, 6] where [2, 3, 4, 5, 6] fits k-space");
    volume.maps = {2, 3, 4, 5, 6, 2};
    volume.target = {2, 4, 5, 6};  // one image where there are two sets
    check_refused(path, volume, "'target': has shape [2, 4, 5, 6] where [2, 4, 5, 6, 2] fits k-space and maps");
    volume.target = {2, 4, 5, 6, 2};
    volume.mask = {5, 6};
    check_refused(path, volume, "'mask': has shape [5, 6] where [4, 5, 6] or [2, 4, 5, 6] fits k-space");
    volume.mask = {4, 5, 6};
    volume.rss = {2, 4, 5, 6, 2};
    check_refused(path, volume, "'reconstruction_rss'");

    Raw series{.kspace = {2, 7, 3, 5, 6}, .maps = {2, 3, 5, 6}, .target = {2, 7, 5, 6}, .physics = "2d+t"};
    write_raw(path, series);
    CHECK(DatasetFile(path).layout().frames == 7);
    CHECK(DatasetFile(path).coils() == 3);
    series.maps = {2, 7, 3, 5, 6};
    check_refused(path, series, "'maps'");
    series.maps = {2, 3, 5, 6};
    series.target = {2, 5, 6};
    check_refused(path, series, "'target': has shape [2, 5, 6] where [2, 7, 5, 6] fits k-space");
    series.target = {};
    series.mask = {6, 5, 6};
    check_refused(path, series, "'mask': has shape [6, 5, 6] where [7, 5, 6] or [2, 7, 5, 6] fits k-space (the axis of frames");
    for (const Shape& mask : {Shape{7, 5, 6}, Shape{1, 5, 6}, Shape{2, 7, 5, 6}, Shape{2, 1, 5, 6}}) {
        series.mask = mask;
        write_raw(path, series);
        CHECK(DatasetFile(path).layout().stored_mask() == mask);
    }
}

TEST_CASE("A data set whose parts do not fit together is refused with what to do") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    write_raw(path, {});
    CHECK(DatasetFile(path).layout().target == false);
    write_raw(path, {.maps = {2, 3, 4, 5, 1}});
    CHECK(DatasetFile(path).read_slice(1).maps.shape == Shape{1, 1, 3, 1, 4, 5});

    check_refused(path, {.maps = {}}, "no coil sensitivities ('maps'); run `gleam prepare`");
    check_refused(path, {.kspace = {}}, "no GLEAM data set");
    check_refused(path, {.kspace = {3, 4, 5}}, "'kspace': has shape [3, 4, 5] where [slice, coil, y, x]");
    check_refused(path, {.kspace = {0, 3, 4, 5}}, "'kspace'");
    check_refused(path, {.kspace = {2, 0, 4, 5}}, "'kspace'");
    check_refused(path, {.maps = {2, 3, 5, 4}}, "'maps': has shape [2, 3, 5, 4] where [2, 3, 4, 5] fits k-space");
    check_refused(path, {.maps = {3, 4, 5}}, "'maps'");
    check_refused(path, {.maps = {2, 3, 4, 5, 0}}, "'maps'");
    check_refused(path, {.target = {4, 5}}, "'target': has shape [4, 5] where [2, 4, 5]");
    check_refused(path, {.mask = {2, 4}}, "'mask'");
    check_refused(path, {.mask = {1, 4, 5}}, "'mask'");
    check_refused(path, {.rss = {2, 2, 2}}, "'reconstruction_rss'");

    Hdf5Writer writer(path);
    writer.write("kspace", counting<float>({2, 3, 4, 5}));
    writer.commit();
    CHECK_THROWS_WITH(DatasetFile(path), ContainsSubstring("'kspace': is not complex"));
    Hdf5Writer magnitude(path);
    magnitude.write("kspace", counting<Complex>({2, 3, 4, 5}));
    magnitude.write("maps", counting<Complex>({2, 3, 4, 5}));
    magnitude.write("reconstruction_rss", counting<Complex>({2, 4, 5}));
    magnitude.commit();
    CHECK_THROWS_WITH(DatasetFile(path), ContainsSubstring("'reconstruction_rss': is complex"));
    Hdf5Writer empty(path);
    empty.commit();
    CHECK_THROWS_WITH(DatasetFile(path), ContainsSubstring("it holds: nothing"));
}

TEST_CASE("NaN and infinity in a data set are refused with file, data set and slice") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    auto check = [&](const char* name, auto spoil) {
        DatasetWriter writer(path, everything);
        for (std::int64_t s = 0; s < 3; ++s) {
            SliceData data = slice_of(everything, 1);
            if (s == 1) spoil(data);
            writer.write_slice(s, data);
        }
        writer.commit();
        const DatasetFile file(path);
        CHECK_NOTHROW(file.read_slice(0));
        CHECK_THROWS_AS(file.read_slice(1), DataError);
        CHECK_THROWS_WITH(file.read_slice(1),
                          ContainsSubstring(path.string()) && ContainsSubstring(name) && ContainsSubstring("slice 1"));
    };
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    check("'kspace'", [&](SliceData& d) { d.kspace[7] = {0, nan}; });
    check("'maps'", [&](SliceData& d) { d.maps[0] = {-infinity, 0}; });
    check("'target'", [&](SliceData& d) { d.target[19] = nan; });
    check("'mask'", [&](SliceData& d) { d.mask[0] = nan; });
    check("'reconstruction_rss'", [&](SliceData& d) { d.rss[3] = infinity; });
    check("'truth'", [&](SliceData& d) { d.truth[3] = nan; });
}

TEST_CASE("A data set is written whole or not at all") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    CHECK_THROWS_AS(DatasetWriter(path, DatasetLayout{}), DataError);
    DatasetLayout frames = everything, depth = everything, masks = everything, sets = everything;
    frames.frames = 2, depth.depth = 2, masks.mask_frames = 2, sets.sets = 0;
    for (const DatasetLayout& wrong : {frames, depth, masks, sets}) CHECK_THROWS_AS(DatasetWriter(path, wrong), DataError);
    {
        DatasetWriter writer(path, everything);
        writer.write_slice(0, slice_of(everything, 0));
        CHECK_THROWS_AS(writer.write_slice(3, slice_of(everything, 0)), InternalError);
        SliceData wrong = slice_of(everything, 0);
        wrong.target = {};
        CHECK_THROWS_WITH(writer.write_slice(1, wrong), ContainsSubstring("'target'"));
        CHECK_THROWS_WITH(writer.commit(), ContainsSubstring("slice 1 was never written"));
    }
    {
        const test::FileSizeLimit full(3000);
        CHECK_THROWS_WITH(write_dataset(path, everything), ContainsSubstring("cannot be written"));
    }
    CHECK(dir.entries() == 0);
    test::write_bytes(dir / "file", "x");
    CHECK_THROWS_AS(DatasetWriter(dir / "file/a.h5", everything), DataError);
}

TEST_CASE("A damaged data set is read or refused, never more") {
    TemporaryDirectory dir;
    DatasetLayout series = everything;
    series.physics = Physics::dynamic, series.frames = series.mask_frames = 2, series.sets = 2;
    for (int gzip : {0, 1}) {
        write_dataset(dir / "good.h5", gzip ? series : everything, {gzip, false});
        const auto damage = test::survives_damage(dir / "good.h5", dir / "victim.h5", 30, 60, [](const fs::path& path) {
            const DatasetFile file(path);
            for (std::int64_t s = 0; s < file.slices(); ++s) file.read_slice(s);
            file.provenance();
        });
        CHECK(damage.refused >= 30);
    }
}
