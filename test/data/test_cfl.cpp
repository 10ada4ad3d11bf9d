#include "data/cfl.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using gleam::test::write_bytes;

namespace {

ComplexArray counting(const Shape& shape) {
    ComplexArray array(shape);
    for (std::int64_t i = 0; i < array.elements(); ++i) array[i] = {static_cast<float>(i), -0.5F * static_cast<float>(i)};
    return array;
}

}  // namespace

TEST_CASE("A CFL pair comes back with its axes slowest first") {
    TemporaryDirectory dir;
    const auto array = counting({3, 1, 4, 5});
    write_cfl(dir / "scan", array);
    CHECK(dir.entries() == 2);
    CHECK(read_file(dir / "scan.hdr") == "# Dimensions\n5 4 1 3 1 1 1 1 1 1 1 1 1 1 1 1 \n");
    CHECK(fs::file_size(dir / "scan.cfl") == 60 * 8);
    for (const char* name : {"scan", "scan.cfl", "scan.hdr"}) {
        const auto back = read_cfl(dir / name);
        CHECK(back.shape == array.shape);
        CHECK(back.values == array.values);
    }
    const CflHeader header = read_cfl_header(dir / "scan.cfl");
    CHECK(header.size(CflAxis::readout) == 5);
    CHECK(header.size(CflAxis::coil) == 3);
    CHECK(header.size(CflAxis::slice) == 1);
    CHECK(read_cfl_elements(header, 40, 2)[1] == array[41]);
    CHECK_THROWS_AS(read_cfl_elements(header, 59, 2), InternalError);
}

TEST_CASE("A name with a dot of its own is not taken for an extension of CFL") {
    TemporaryDirectory dir;
    write_cfl(dir / "scan.v2", counting({2, 2}));
    CHECK(fs::exists(dir / "scan.v2.cfl"));
    CHECK(read_cfl(dir / "scan.v2").shape == Shape{2, 2});
}

TEST_CASE("CFL headers may have comments, few dimensions and further sections") {
    TemporaryDirectory dir;
    write_cfl(dir / "a", counting({2, 3}));
    write_bytes(dir / "a.hdr", "# Command\nphantom a\n# Dimensions\n3 2\n# Creator\nBART\n");
    CHECK(read_cfl(dir / "a").shape == Shape{2, 3});
    write_bytes(dir / "a.hdr", "# Dimensions\r\n3 2 1 1\r\n");
    CHECK(read_cfl(dir / "a").shape == Shape{2, 3});
    write_bytes(dir / "a.hdr", "# Dimensions\n1 1 1 1 1 1 1 1 1 1 1 1 1 6\n");
    CHECK(read_cfl_header(dir / "a").size(CflAxis::slice) == 6);
    CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("a.hdr: has 14 dimensions"));
}

TEST_CASE("A CFL pair that does not fit together is refused") {
    TemporaryDirectory dir;
    CHECK_THROWS_WITH(read_cfl(dir / "absent"), ContainsSubstring("absent.hdr: does not exist"));
    write_cfl(dir / "a", counting({2, 3}));
    const std::string header = read_file(dir / "a.hdr"), values = read_file(dir / "a.cfl");

    for (std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{47}}) {
        write_bytes(dir / "a.cfl", values.substr(0, size));
        CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("a.cfl: has") && ContainsSubstring("truncated"));
    }
    write_bytes(dir / "a.cfl", values + "x");
    CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("do not belong together"));
    fs::remove(dir / "a.cfl");
    CHECK_THROWS_WITH(read_cfl(dir / "a"),
                      ContainsSubstring("a.cfl: does not exist") && ContainsSubstring("a.hdr belong together"));
    fs::create_directory(dir / "a.cfl");
    CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("not a regular file"));
    fs::remove(dir / "a.cfl");
    write_bytes(dir / "a.cfl", values);

    const std::vector<std::string> garbage = {"",
                                              "# Dimensions",
                                              "# Dimensions\n",
                                              "# Dimensions\n\n",
                                              "3 2\n",
                                              "# Dimensions\n3 x\n",
                                              "# Dimensions\n3 2.5\n",
                                              "# Dimensions\n3 0\n",
                                              "# Dimensions\n3 -2\n",
                                              "# Dimensions\n4000000000 4000000000\n",
                                              "# Dimensions\n99999999999999999999\n",
                                              std::string(40, '\0'),
                                              "# Dimensions\n" + std::string(200, '1') + "\n"};
    for (const std::string& text : garbage) {
        CAPTURE(text);
        write_bytes(dir / "a.hdr", text);
        CHECK_THROWS_AS(read_cfl(dir / "a"), DataError);
        CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("a.hdr"));
    }
    std::string many = "# Dimensions\n";
    for (int i = 0; i < 100; ++i) many += "1 ";
    write_bytes(dir / "a.hdr", many + "\n");
    CHECK_THROWS_WITH(read_cfl(dir / "a"), ContainsSubstring("more than 64"));
    fs::remove(dir / "a.hdr");
    CHECK_THROWS_WITH(read_cfl(dir / "a.cfl"), ContainsSubstring("a.hdr: does not exist"));
}

TEST_CASE("A damaged CFL header is read or refused, never more") {
    TemporaryDirectory dir;
    write_cfl(dir / "good", counting({2, 3}));
    write_bytes(dir / "victim.cfl", read_file(dir / "good.cfl"));
    const auto damage =
        test::survives_damage(dir / "good.hdr", dir / "victim.hdr", 30, 60, [](const fs::path& p) { read_cfl(p); });
    CHECK(damage.refused > 20);
}

TEST_CASE("CFL files that cannot be written leave nothing behind") {
    TemporaryDirectory dir;
    write_bytes(dir / "file", "x");
    CHECK_THROWS_AS(write_cfl(dir / "file/a", counting({2})), DataError);
    CHECK_THROWS_AS(write_cfl(dir / "a", ComplexArray(Shape{0})), DataError);
    for (rlim_t limit : {0, 20, 2000}) {
        const test::FileSizeLimit full(limit);
        CHECK_THROWS_WITH(write_cfl(dir / "a", counting({1000})), ContainsSubstring("a.cfl: cannot be written"));
    }
    CHECK(dir.entries() == 1);
}
