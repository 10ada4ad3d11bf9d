#include <zlib.h>

#include <cmath>
#include <cstring>

#include "data/nifti.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using gleam::test::write_bytes;

namespace {

NiftiImage counting(const Shape& shape) {
    NiftiImage image{RealArray(shape), {3, 2, 1.5F}};
    for (std::int64_t i = 0; i < image.values.elements(); ++i) image.values[i] = std::sin(static_cast<float>(i));
    return image;
}

template <class T>
void put(std::string& bytes, std::size_t at, T value, bool swap) {
    std::string raw(sizeof(T), '\0');
    std::memcpy(raw.data(), &value, sizeof(T));
    if (swap) std::reverse(raw.begin(), raw.end());
    bytes.replace(at, sizeof(T), raw);
}

// A file of 1 x 2 x 3 points with values 1 .. 6, scaled by 2 and shifted by 10.
template <class T>
std::string six_values(std::int16_t type, bool swap) {
    std::string bytes(352 + 6 * sizeof(T), '\0');
    put<std::int32_t>(bytes, 0, 348, swap);
    const std::int16_t dims[] = {3, 3, 2, 1, 1, 1, 1, 1};
    for (std::size_t i = 0; i < 8; ++i) put(bytes, 40 + 2 * i, dims[i], swap);
    put(bytes, 70, type, swap);
    put<std::int16_t>(bytes, 72, 8 * sizeof(T), swap);
    const float sizes[] = {-1, 0.5F, 1.5F, 2.5F};
    for (std::size_t i = 0; i < 4; ++i) put(bytes, 76 + 4 * i, sizes[i], swap);
    put(bytes, 108, 352.0F, swap);
    put(bytes, 112, 2.0F, swap);
    put(bytes, 116, 10.0F, swap);
    bytes[123] = 2;
    bytes.replace(344, 3, "n+1");
    for (std::size_t i = 0; i < 6; ++i) put(bytes, 352 + i * sizeof(T), static_cast<T>(i + 1), swap);
    return bytes;
}

void check_refused(const fs::path& path, const std::string& bytes, const std::string& text) {
    write_bytes(path, bytes);
    CAPTURE(text);
    CHECK_THROWS_AS(read_nifti(path), DataError);
    CHECK_THROWS_WITH(read_nifti(path), ContainsSubstring(path.string()) && ContainsSubstring(text));
}

}  // namespace

TEST_CASE("NIfTI images come back as they were written, plain and compressed") {
    TemporaryDirectory dir;
    for (const char* name : {"a.nii", "a.nii.gz"}) {
        const NiftiImage image = counting({4, 5, 6});
        write_nifti(dir / name, image);
        const NiftiImage back = read_nifti(dir / name);
        CHECK(back.values.shape == image.values.shape);
        CHECK(back.values.values == image.values.values);
        CHECK(back.voxel_mm == image.voxel_mm);
    }
    CHECK(read_file(dir / "a.nii").size() == 352 + 120 * 4);
    CHECK(read_file(dir / "a.nii.gz").substr(0, 2) == "\x1f\x8b");
    write_nifti(dir / "flat.nii", counting({5, 6}));
    CHECK(read_nifti(dir / "flat.nii").values.shape == Shape{1, 5, 6});
    CHECK(dir.entries() == 3);
}

TEST_CASE("NIfTI values of all types and both byte orders are scaled to floats") {
    TemporaryDirectory dir;
    for (bool swap : {false, true}) {
        const std::vector<std::string> files = {six_values<std::uint8_t>(2, swap),    six_values<std::int16_t>(4, swap),
                                                six_values<std::int32_t>(8, swap),    six_values<float>(16, swap),
                                                six_values<double>(64, swap),         six_values<std::int8_t>(256, swap),
                                                six_values<std::uint16_t>(512, swap), six_values<std::uint32_t>(768, swap)};
        for (const std::string& bytes : files) {
            write_bytes(dir / "a.nii", bytes);
            const NiftiImage image = read_nifti(dir / "a.nii");
            CHECK(image.values.shape == Shape{1, 2, 3});
            CHECK(image.values.values == std::vector<float>{12, 14, 16, 18, 20, 22});
            CHECK(image.voxel_mm == std::array<float, 3>{2.5F, 1.5F, 0.5F});
        }
    }
    std::string unscaled = six_values<std::int16_t>(4, false);
    put(unscaled, 112, 0.0F, false);
    unscaled[123] = 1;  // metres
    write_bytes(dir / "a.nii", unscaled);
    CHECK(read_nifti(dir / "a.nii").values[5] == 6);
    CHECK(read_nifti(dir / "a.nii").voxel_mm[0] == 2500);
}

TEST_CASE("Values of NIfTI behind a header extension are found") {
    TemporaryDirectory dir;
    std::string bytes = six_values<float>(16, false);
    put(bytes, 108, 400.0F, false);
    bytes.insert(352, std::string(48, 'e'));
    write_bytes(dir / "a.nii", bytes);
    CHECK(read_nifti(dir / "a.nii").values[0] == 12);
}

TEST_CASE("What is no readable NIfTI-1 image is refused with the reason") {
    TemporaryDirectory dir;
    const std::string good = six_values<std::int16_t>(4, false);
    auto with = [&](std::size_t at, auto value) {
        std::string bytes = good;
        put(bytes, at, value, false);
        return bytes;
    };
    const fs::path path = dir / "a.nii";
    CHECK_THROWS_WITH(read_nifti(dir / "absent.nii"), ContainsSubstring("absent.nii: does not exist"));
    CHECK_THROWS_WITH(read_nifti(dir.path()), ContainsSubstring("is a directory"));
    check_refused(path, "", "truncated");
    check_refused(path, good.substr(0, 100), "truncated");
    check_refused(path, good.substr(0, 348), "truncated");
    check_refused(path, good.substr(0, good.size() - 1), "truncated");
    check_refused(path, std::string(1000, 'x'), "not a NIfTI-1 file");
    check_refused(path, with(344, 'x'), "not a NIfTI-1 file");
    check_refused(path, with(345, 'i'), ".hdr/.img");
    check_refused(path, with(0, std::int32_t{540}), "NIfTI-2");
    check_refused(path, with(40, std::int16_t{0}), "0 axes");
    check_refused(path, with(40, std::int16_t{9}), "9 axes");
    check_refused(path, with(42, std::int16_t{-3}), "size of -3");
    check_refused(path, with(44, std::int16_t{0}), "size of 0");
    check_refused(path, with(70, std::int16_t{32}), "NIfTI type 32");
    check_refused(path, with(72, std::int16_t{8}), "bits");
    check_refused(path, with(108, 0.0F), "offset");
    check_refused(path, with(108, std::nanf("")), "offset");
    check_refused(path, with(108, 1e30F), "offset");
    std::string huge = good;
    for (std::size_t at : {42, 44, 46}) put<std::int16_t>(huge, at, 32767, false);
    check_refused(path, huge, "shape [32767, 32767, 32767]");
    std::string large = good;
    for (std::size_t at : {42, 44}) put<std::int16_t>(large, at, 2000, false);
    check_refused(path, large, "too short");
    std::string volumes = with(40, std::int16_t{4});
    put<std::int16_t>(volumes, 48, 2, false);
    check_refused(path, volumes, "2 volumes");
}

TEST_CASE("A truncated or altered compressed NIfTI image is refused") {
    TemporaryDirectory dir;
    write_nifti(dir / "good.nii.gz", counting({3, 20, 20}));
    const std::string good = read_file(dir / "good.nii.gz");
    for (std::size_t lost : {std::size_t{1}, std::size_t{4}, std::size_t{8}, std::size_t{9}, good.size() / 2, good.size() - 3})
        check_refused(dir / "a.nii.gz", good.substr(0, good.size() - lost), "truncated or damaged");
    std::string altered = good;
    altered[good.size() / 2] ^= 0x20;
    check_refused(dir / "a.nii.gz", altered, "damaged");
    std::string checksum = good;
    checksum[good.size() - 6] ^= 1;
    check_refused(dir / "a.nii.gz", checksum, "damaged");
}

TEST_CASE("A damaged NIfTI image is read or refused, never more") {
    TemporaryDirectory dir;
    for (const char* name : {"good.nii", "good.nii.gz"}) {
        write_nifti(dir / name, counting({3, 7, 8}));
        const auto damage =
            test::survives_damage(dir / name, dir / "victim.nii", 30, 60, [](const fs::path& p) { read_nifti(p); });
        CHECK(damage.refused >= 30);
    }
}

TEST_CASE("NIfTI images that cannot be written leave nothing behind") {
    TemporaryDirectory dir;
    write_bytes(dir / "file", "x");
    CHECK_THROWS_AS(write_nifti(dir / "file/a.nii", counting({2, 2})), DataError);
    CHECK_THROWS_WITH(write_nifti(dir / "a.nii", counting({2})), ContainsSubstring("shape [2]"));
    CHECK_THROWS_WITH(write_nifti(dir / "a.nii", counting({1, 40000})), ContainsSubstring("32767"));
    for (const char* name : {"a.nii", "a.nii.gz"})
        for (rlim_t limit : {0, 100, 4000}) {
            const test::FileSizeLimit full(limit);
            CHECK_THROWS_WITH(write_nifti(dir / name, counting({30, 40, 50})),
                              ContainsSubstring("cannot be written: File too large"));
        }
    CHECK(dir.entries() == 1);
}
