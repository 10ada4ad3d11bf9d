#include "core/files.hpp"
#include "core/json_lines.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

TEST_CASE("A file written atomically is whole or absent") {
    const TemporaryDirectory directory;
    write_file(directory / "a", "one");
    write_file(directory / "a", "two");
    CHECK(read_file(directory / "a") == "two");
    {
        AtomicFile file(directory / "b");
        write_bytes(file.temporary(), "half");
    }
    CHECK(directory.entries() == 1);
    {
        const FileSizeLimit full(10);
        CHECK_THROWS_WITH(write_file(directory / "a", std::string(100, 'x')), ContainsSubstring("cannot be written"));
    }
    CHECK(read_file(directory / "a") == "two");
    CHECK(directory.entries() == 1);
}

TEST_CASE("Places that cannot be written or read are named") {
    const TemporaryDirectory directory;
    write_bytes(directory / "file", "x");
    CHECK_THROWS_WITH(write_file(directory / "file" / "below", ""), ContainsSubstring("below"));
    CHECK_THROWS_WITH(write_file(directory.path(), ""), ContainsSubstring("directory"));
    CHECK_THROWS_WITH(make_directories(directory / "file" / "below"), ContainsSubstring("below"));
    CHECK_THROWS_WITH(read_file(directory / "absent"), ContainsSubstring("absent"));
    CHECK_THROWS_AS(read_file(directory.path()), DataError);
}

TEST_CASE("A file of JSON lines is continued where it was cut, and refuses when it lost bytes") {
    const TemporaryDirectory directory;
    std::uint64_t size = 0;
    {
        JsonLines lines(directory / "m.jsonl", 0);
        lines.write("{\"a\":1}");
        size = lines.sync();
        lines.write("{\"a\":2}");
    }
    {
        JsonLines lines(directory / "m.jsonl", size);
        lines.write("{\"a\":3}");
        CHECK(lines.sync() == 2 * size);
    }
    CHECK(read_file(directory / "m.jsonl") == "{\"a\":1}\n{\"a\":3}\n");
    CHECK_THROWS_WITH(JsonLines(directory / "m.jsonl", 1000), ContainsSubstring("shorter"));
    const FileSizeLimit full(20);
    JsonLines lines(directory / "n.jsonl", 0);
    CHECK_THROWS_WITH(lines.write(std::string(100, 'x')), ContainsSubstring("n.jsonl"));
}
