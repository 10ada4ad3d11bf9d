// A file of JSON lines that can be continued where a checkpoint says it was.
#pragma once

#include <cstdint>
#include <string>

#include "core/files.hpp"

namespace gleam {

class JsonLines {
public:
    // Opens `path` and cuts it to its first `keep` bytes (0: starts anew). DataError when it cannot be written, or is shorter.
    JsonLines(const fs::path& path, std::uint64_t keep);
    JsonLines(const JsonLines&) = delete;
    JsonLines& operator=(const JsonLines&) = delete;
    ~JsonLines();

    // Appends one line. DataError (disk full).
    void write(const std::string& json);

    // Brings everything to the disk; returns the file's size.
    std::uint64_t sync();

private:
    fs::path path_;
    int file_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace gleam
