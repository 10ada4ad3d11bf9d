#include "core/ceilings.hpp"
#include "core/error.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

TEST_CASE("Ceilings are read as they were written") {
    TemporaryDirectory directory;
    const fs::path file = directory / "a/b/ceilings.json";
    CHECK_FALSE(read_ceilings(file));
    const Ceilings written{230.125, 21.5, 2};
    write_ceilings(written, file);
    REQUIRE(read_ceilings(file));
    CHECK(*read_ceilings(file) == written);
}

TEST_CASE("A damaged file of ceilings is refused with its name") {
    TemporaryDirectory directory;
    const fs::path file = directory / "ceilings.json";
    for (const char* text :
         {"", "{", "[1, 2]", R"({"fma_gflops": 1, "threads": 2})", R"({"fma_gflops": -1, "copy_gbytes_per_s": 2, "threads": 2})",
          R"({"fma_gflops": "1", "copy_gbytes_per_s": 2, "threads": 2})",
          R"({"fma_gflops": 1, "copy_gbytes_per_s": 2, "threads": 1.5})"}) {
        write_file(file, text);
        INFO(text);
        CHECK_THROWS_WITH(read_ceilings(file), ContainsSubstring("ceilings.json"));
        CHECK_THROWS_AS(read_ceilings(file), DataError);
    }
}
