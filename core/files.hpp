// Files that are either whole or absent: write to a temporary name beside the target, fsync, rename, fsync the directory.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace gleam {

namespace fs = std::filesystem;

// A temporary name beside `target`; commit() makes it the target, the destructor removes what was not committed.
class AtomicFile {
public:
    // Throws DataError when the directory does not exist or cannot be written.
    explicit AtomicFile(fs::path target);
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile();

    const fs::path& temporary() const { return temporary_; }
    const fs::path& target() const { return target_; }

    // Flushes the temporary file to disk and renames it. Throws DataError (disk full, no permission).
    void commit();

private:
    fs::path target_, temporary_;
    bool committed_ = false;
};

// Writes a whole file atomically. Throws DataError.
void write_file(const fs::path& path, std::string_view content);

// Reads a whole file. Throws DataError when it cannot.
std::string read_file(const fs::path& path);

// gleam/NAME in $XDG_CACHE_HOME or ~/.cache; empty where neither is set.
fs::path cache_file(const char* name);

// Creates a directory and its parents. Throws DataError.
void make_directories(const fs::path& path);

}  // namespace gleam
