#include <limits>

#include "data/kspace_file.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using Complex = std::complex<float>;

namespace {

const fs::path fixtures = fs::path(GLEAM_SOURCE_DIR) / "test" / "data" / "fixtures";

template <class T>
Array<T> counting(const Shape& shape) {
    Array<T> array(shape);
    for (std::int64_t i = 0; i < array.elements(); ++i) array[i] = static_cast<T>(static_cast<float>(i));
    return array;
}

template <class T>
void add(Hdf5Writer& writer, const char* name, const Shape& shape) {
    if (shape.rank()) writer.write(name, counting<T>(shape));
}

void write_raw(const fs::path& path, const Shape& kspace, const Shape& mask = {}, const Shape& rss = {}) {
    Hdf5Writer writer(path);
    add<Complex>(writer, "kspace", kspace);
    add<std::int64_t>(writer, "mask", mask);
    add<float>(writer, "reconstruction_rss", rss);
    writer.commit();
}

void check_refused(const fs::path& path, const std::string& text) {
    CHECK_THROWS_AS(KspaceFile(path), DataError);
    CHECK_THROWS_WITH(KspaceFile(path), ContainsSubstring(path.stem().string()) && ContainsSubstring(text));
}

}  // namespace

TEST_CASE("k-space in the layout of fastMRI is read slice by slice") {
    const KspaceFile file(fixtures / "h5py_chunked.h5");
    CHECK(file.slices() == 2);
    CHECK(file.coils() == 2);
    CHECK(file.height() == 6);
    CHECK(file.width() == 5);
    const ComplexArray slice = file.read_slice(1);
    CHECK(slice.shape == Shape{1, 1, 2, 1, 6, 5});
    CHECK(slice[31] == Complex(91, 45.5F));
    CHECK(!file.rss(0).has_value());
    CHECK(file.ismrmrd_header() == "<ismrmrdHeader/>");
    CHECK(file.attributes() == std::map<std::string, std::string>{{"max", "1.5"}, {"patient_id", "anonymous"}});
    const auto mask = file.mask(1);
    REQUIRE(mask.has_value());
    CHECK(mask->shape == Shape{1, 1, 1, 1, 6, 5});
    for (std::int64_t i = 0; i < 30; ++i) CHECK((*mask)[i] == (i % 5 == 1 || i % 5 == 4 ? 0.0F : 1.0F));
    CHECK_THROWS_AS(file.read_slice(2), DataError);
    CHECK_THROWS_AS(file.mask(-1), DataError);
    CHECK_THROWS_AS(file.rss(2), DataError);
}

TEST_CASE("k-space without a slice axis is one slice, or one coil when reference images say so") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    write_raw(path, {3, 4, 5});
    CHECK(KspaceFile(path).slices() == 1);
    CHECK(KspaceFile(path).coils() == 3);
    CHECK(KspaceFile(path).read_slice(0).values == counting<Complex>({3, 4, 5}).values);
    CHECK(!KspaceFile(path).mask(0).has_value());
    CHECK(!KspaceFile(path).ismrmrd_header().has_value());

    write_raw(path, {3, 4, 5}, {}, {3, 2, 2});
    const KspaceFile single(path);
    CHECK(single.slices() == 3);
    CHECK(single.coils() == 1);
    CHECK(single.read_slice(2).shape == Shape{1, 1, 1, 1, 4, 5});
    CHECK(single.read_slice(2)[0] == Complex(40));
    CHECK(single.rss(2)->shape == Shape{2, 2});
    CHECK((*single.rss(2))[0] == 8);

    write_raw(path, {3, 4, 5}, {}, {2, 2});
    CHECK(KspaceFile(path).coils() == 3);
    CHECK(KspaceFile(path).rss(0)->shape == Shape{2, 2});
}

TEST_CASE("Masks of raw k-space may be a line, a plane or one plane per slice") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    for (const Shape& shape : {Shape{5}, Shape{1, 1, 5, 1}, Shape{4, 5}, Shape{1, 4, 5}, Shape{2, 4, 5}}) {
        write_raw(path, {2, 3, 4, 5}, shape);
        const KspaceFile file(path);
        const auto first = file.mask(0), second = file.mask(1);
        REQUIRE((first && second));
        const bool line = shape.elements() == 5;
        for (std::int64_t i = 0; i < 20; ++i) CHECK((*first)[i] == ((line ? i % 5 : i) == 0 ? 0.0F : 1.0F));
        CHECK(file.mask_per_slice() == (shape == Shape{2, 4, 5}));
        CHECK((*second)[0] == (file.mask_per_slice() ? 1.0F : 0.0F));
    }
    for (const Shape& shape : {Shape{4}, Shape{5, 4}, Shape{3, 4, 5}, Shape{0}}) {
        write_raw(path, {2, 3, 4, 5}, shape);
        check_refused(path, "'mask'");
    }
}

TEST_CASE("Volumes and cine series are read from HDF5 on the axes of memory") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    write_raw(path, {2, 3, 4, 5, 6});
    const KspaceFile volumes(path, Physics::volume);
    CHECK(volumes.layout().kspace_shape() == Shape{1, 1, 3, 4, 5, 6});
    CHECK(volumes.slices() == 2);
    CHECK(volumes.read_slice(1).shape == Shape{1, 1, 3, 4, 5, 6});
    CHECK(volumes.read_slice(1)[7] == Complex(367));
    const KspaceFile series(path, Physics::dynamic);
    CHECK(series.layout().kspace_shape() == Shape{1, 3, 4, 1, 5, 6});
    CHECK(series.read_slice(1)[7] == Complex(367));
    check_refused(path, "--physics 3d or 2d+t");

    write_raw(path, {3, 4, 5, 6});  // no axis of samples
    CHECK(KspaceFile(path, Physics::volume).slices() == 1);
    CHECK(KspaceFile(path, Physics::volume).layout().depth == 4);
    CHECK(KspaceFile(path, Physics::dynamic).layout().frames == 3);
    CHECK(KspaceFile(path, Physics::dynamic).coils() == 4);
    CHECK(KspaceFile(path, Physics::dynamic).read_slice(0).values == counting<Complex>({3, 4, 5, 6}).values);
    write_raw(path, {3, 5, 6});
    CHECK_THROWS_WITH(KspaceFile(path, Physics::volume), ContainsSubstring("[volume, coil, z, y, x] or [coil, z, y, x]"));
    CHECK_THROWS_WITH(KspaceFile(path, Physics::dynamic), ContainsSubstring("[slice, frame, coil, y, x] or [frame, coil, y, x]"));
    write_raw(path, {2, 0, 4, 5, 6});
    CHECK_THROWS_WITH(KspaceFile(path, Physics::dynamic), ContainsSubstring("has no frames"));
}

TEST_CASE("Masks of raw volumes and cine series fill the axes that they lack") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    // `stored(t or z, y, x)` is the number in the file: 0, the only one not sampled, is the first.
    for (const Shape& shape : {Shape{4, 5}, Shape{4, 5, 1}, Shape{4, 5, 6}, Shape{2, 4, 5, 6}}) {
        write_raw(path, {2, 3, 4, 5, 6}, shape);
        const KspaceFile file(path, Physics::volume);
        const auto mask = file.mask(0);
        REQUIRE(mask.has_value());
        REQUIRE(mask->shape == Shape{1, 1, 1, 4, 5, 6});
        const bool plane = shape.elements() == 20;  // a line along x is missing, or a point
        for (std::int64_t i = 0; i < 120; ++i) REQUIRE((*mask)[i] == ((plane ? i < 6 : i == 0) ? 0.0F : 1.0F));
        CHECK(file.mask_per_slice() == (shape.rank() == 4));
        CHECK((*file.mask(1))[0] == (file.mask_per_slice() ? 1.0F : 0.0F));
    }
    for (const Shape& shape : {Shape{6}, Shape{5, 6}, Shape{5, 6}, Shape{3, 4, 5}}) {
        write_raw(path, {2, 3, 4, 5, 6}, shape);
        CHECK_THROWS_WITH(KspaceFile(path, Physics::volume), ContainsSubstring("'mask'") && ContainsSubstring("[4, 5, 6]"));
    }
    for (const Shape& shape : {Shape{6}, Shape{5, 6}, Shape{4, 5, 6}, Shape{2, 4, 5, 6}}) {
        write_raw(path, {2, 4, 3, 5, 6}, shape);
        const KspaceFile file(path, Physics::dynamic);
        const auto mask = file.mask(0);
        REQUIRE(mask.has_value());
        const std::int64_t frames = shape.rank() >= 3 ? 4 : 1;
        REQUIRE(mask->shape == Shape{1, frames, 1, 1, 5, 6});
        for (std::int64_t i = 0; i < mask->elements(); ++i)
            REQUIRE((*mask)[i] == ((shape.rank() == 1 ? i % 6 : i) == 0 ? 0.0F : 1.0F));
        CHECK(file.layout().mask_frames == frames);
    }
    write_raw(path, {2, 4, 3, 5, 6}, {3, 5, 6});
    CHECK_THROWS_WITH(KspaceFile(path, Physics::dynamic), ContainsSubstring("'mask'") && ContainsSubstring("[4, 5, 6]"));
}

TEST_CASE("HDF5 files that are no raw k-space are refused with what is wrong") {
    TemporaryDirectory dir;
    const fs::path path = dir / "a.h5";
    check_refused(dir / "absent.h5", "does not exist");
    for (const Shape& shape : {Shape{4, 5}, Shape{1, 2, 3, 4, 5}}) {
        write_raw(path, shape);
        check_refused(path, "[slice, coil, y, x]");
    }
    write_raw(path, {2, 0, 4, 5});
    check_refused(path, "no coils");
    write_raw(path, {0, 3, 4, 5});
    check_refused(path, "no slices");
    write_raw(path, {2, 3, 0, 5});
    check_refused(path, "no points");
    write_raw(path, {2, 3, 4, 5}, {}, {3, 4, 5});
    check_refused(path, "'reconstruction_rss'");
    write_raw(path, {}, {4, 5});
    check_refused(path, "data set 'kspace': is not in the file; it holds: mask");
    Hdf5Writer writer(path);
    writer.write("kspace", counting<float>({2, 3, 4, 5}));
    writer.commit();
    check_refused(path, "'kspace': is not complex");
}

TEST_CASE("NaN in raw k-space is refused with file, data set and slice") {
    TemporaryDirectory dir;
    ComplexArray bad = counting<Complex>({2, 1, 4, 5});
    bad[25] = {0, std::numeric_limits<float>::quiet_NaN()};
    Hdf5Writer writer(dir / "a.h5");
    writer.write("kspace", bad);
    writer.commit();
    CHECK_NOTHROW(KspaceFile(dir / "a.h5").read_slice(0));
    CHECK_THROWS_WITH(KspaceFile(dir / "a.h5").read_slice(1), ContainsSubstring("a.h5, data set 'kspace', slice 1: holds NaN"));
    write_cfl(dir / "b", bad);
    CHECK_THROWS_WITH(KspaceFile(dir / "b").read_slice(0), ContainsSubstring("b.cfl, slice 0: holds NaN"));
}

TEST_CASE("BART k-space has its readout along y, coils on dimension 3 and slices on dimension 13") {
    TemporaryDirectory dir;
    // Reversed, so [coil, phase2, phase1, readout].
    const auto stored = counting<Complex>({3, 1, 5, 4});
    write_cfl(dir / "a", stored);
    for (const char* name : {"a", "a.cfl", "a.hdr"}) {
        const KspaceFile file(dir / name);
        CHECK(file.slices() == 1);
        CHECK(file.coils() == 3);
        CHECK(file.height() == 4);
        CHECK(file.width() == 5);
        const ComplexArray slice = file.read_slice(0);
        CHECK(slice.shape == Shape{1, 1, 3, 1, 4, 5});
        for (std::int64_t c = 0; c < 3; ++c)
            for (std::int64_t y = 0; y < 4; ++y)
                for (std::int64_t x = 0; x < 5; ++x) CHECK(slice[(c * 4 + y) * 5 + x] == stored[(c * 5 + x) * 4 + y]);
        CHECK(!file.mask(0).has_value());
        CHECK(!file.rss(0).has_value());
        CHECK(file.attributes().empty());
    }

    write_cfl(dir / "planes", counting<Complex>({3, 6, 5, 1}));  // one point along the readout
    CHECK(KspaceFile(dir / "planes").height() == 5);
    CHECK(KspaceFile(dir / "planes").width() == 6);
    write_cfl(dir / "phase2", counting<Complex>({3, 6, 1, 4}));
    CHECK(KspaceFile(dir / "phase2").height() == 4);
    CHECK(KspaceFile(dir / "phase2").width() == 6);

    test::write_bytes(dir / "a.hdr", "# Dimensions\n4 5 1 1 1 1 1 1 1 1 1 1 1 3\n");
    const KspaceFile slices(dir / "a");
    CHECK(slices.slices() == 3);
    CHECK(slices.coils() == 1);
    CHECK(slices.read_slice(2)[0] == stored[40]);
    CHECK_THROWS_AS(slices.read_slice(3), DataError);
}

TEST_CASE("BART volumes have x, y and z on dimensions 0, 1 and 2, cine series their frames on dimension 10") {
    TemporaryDirectory dir;
    const auto stored = counting<Complex>({2, 3, 4, 5});  // [coil, phase2, phase1, readout]
    write_cfl(dir / "a", stored);
    const KspaceFile volume(dir / "a", Physics::volume);
    CHECK(volume.layout().kspace_shape() == Shape{1, 1, 2, 3, 4, 5});
    CHECK(volume.slices() == 1);
    CHECK(volume.read_slice(0).values == stored.values);

    test::write_bytes(dir / "a.hdr", "# Dimensions\n5 4 1 1 1 1 1 1 1 1 3 1 1 2\n");  // 3 frames of 2 slices of one coil
    const KspaceFile series(dir / "a", Physics::dynamic);
    CHECK(series.layout().kspace_shape() == Shape{1, 3, 1, 1, 5, 4});
    CHECK(series.slices() == 2);
    const ComplexArray slice = series.read_slice(1);
    for (std::int64_t t = 0; t < 3; ++t)
        for (std::int64_t y = 0; y < 5; ++y)
            for (std::int64_t x = 0; x < 4; ++x) CHECK(slice[(t * 5 + y) * 4 + x] == stored[60 + (t * 4 + x) * 5 + y]);
    check_refused(dir / "a", "--physics 2d+t");
    CHECK_THROWS_WITH(KspaceFile(dir / "a", Physics::volume), ContainsSubstring("has more than readout"));
    test::write_bytes(dir / "a.hdr", "# Dimensions\n5 4 3 1 2\n");  // two map sets
    CHECK_THROWS_WITH(KspaceFile(dir / "a", Physics::volume), ContainsSubstring("has more than readout"));
    CHECK_THROWS_WITH(KspaceFile(dir / "a", Physics::dynamic), ContainsSubstring("has more than readout"));
    test::write_bytes(dir / "a.hdr", "# Dimensions\n5 4 3 2\n");
    CHECK_THROWS_WITH(KspaceFile(dir / "a", Physics::dynamic), ContainsSubstring("three-dimensional k-space, 5 x 4 x 3"));
}

TEST_CASE("BART files that are no two-dimensional k-space are refused") {
    TemporaryDirectory dir;
    write_cfl(dir / "a", counting<Complex>({2, 3, 4, 5}));
    check_refused(dir / "a", "three-dimensional k-space, 5 x 4 x 3");
    write_cfl(dir / "b", counting<Complex>({2, 3, 1, 4, 5}));  // two map sets
    check_refused(dir / "b", "has more than readout");
    write_cfl(dir / "c", counting<Complex>({2, 1, 4, 5}));
    fs::resize_file(dir / "c.cfl", 100);
    check_refused(dir / "c", "truncated");
}

TEST_CASE("Damaged raw k-space is read or refused, never more") {
    TemporaryDirectory dir;
    auto read_all = [](const fs::path& path) {
        const KspaceFile file(path);
        for (std::int64_t s = 0; s < file.slices(); ++s) file.read_slice(s), file.mask(s), file.rss(s);
        file.ismrmrd_header();
        file.attributes();
    };
    CHECK(test::survives_damage(fixtures / "h5py_chunked.h5", dir / "victim.h5", 30, 60, read_all).refused >= 30);
    write_cfl(dir / "good", counting<Complex>({2, 1, 4, 5}));
    test::write_bytes(dir / "victim.hdr", read_file(dir / "good.hdr"));
    CHECK(test::survives_damage(dir / "good.cfl", dir / "victim.cfl", 30, 60, read_all).refused >= 30);
}
