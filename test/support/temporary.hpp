// A directory that lives as long as a test, and ways to damage files in it.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "core/error.hpp"
#include "core/files.hpp"
#include "test/support/catch.hpp"

namespace gleam::test {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "gleam-test-XXXXXX").string();
        if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }
    // Number of entries: a failed write must leave none.
    std::ptrdiff_t entries() const { return std::distance(std::filesystem::directory_iterator(path_), {}); }

private:
    std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// While this lives, no file of the process can grow beyond `bytes`: what a full disk looks like, without filling one.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    void (*handler_)(int);
    rlimit before_{};
};

// How the attempts of `survives_damage` ended.
struct Damage {
    int read = 0, refused = 0;
};

// Cuts the file at `cuts` places and flips a byte at `flips` places; `read` may succeed or throw gleam::Error, nothing else.
inline Damage survives_damage(const std::filesystem::path& good, const std::filesystem::path& victim, int cuts, int flips,
                              const std::function<void(const std::filesystem::path&)>& read) {
    const std::string bytes = read_file(good);
    Damage damage;
    auto attempt = [&](const std::string& content) {
        write_bytes(victim, content);
        try {
            read(victim);
            ++damage.read;
        } catch (const Error&) {
            ++damage.refused;
        }
    };
    for (int i = 0; i < cuts; ++i)
        attempt(bytes.substr(0, bytes.size() * static_cast<std::size_t>(i) / static_cast<std::size_t>(cuts)));
    for (int i = 0; i < flips; ++i) {
        // Half of them at the start, where headers are.
        const std::size_t range = i % 2 ? bytes.size() : std::min<std::size_t>(bytes.size(), 512);
        std::string content = bytes;
        content[static_cast<std::size_t>(i) * 7919 % range] ^= static_cast<char>(i % 3 ? 0xFF : 1 << (i % 8));
        attempt(content);
    }
    return damage;
}

}  // namespace gleam::test
