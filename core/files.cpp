#include "core/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/error.hpp"

namespace gleam {
namespace {

std::string reason() { return std::strerror(errno); }

[[noreturn]] void cannot_write(const fs::path& path, const std::string& why) {
    throw DataError(path.string(), "cannot be written: " + why, "free some space, check the permissions or choose another place");
}

// Flushes a file or directory to the disk.
bool sync_path(const fs::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags);
    if (fd < 0) return false;
    const bool good = ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    return good;
}

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
    temporary_ = target_;
    temporary_ += ".tmp-" + std::to_string(::getpid());
    if (fs::is_directory(target_)) cannot_write(target_, "it is a directory");
    const int fd = ::open(temporary_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) cannot_write(target_, reason());
    ::close(fd);
}

AtomicFile::~AtomicFile() {
    if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::commit() {
    if (!sync_path(temporary_, O_RDONLY)) cannot_write(target_, reason());
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) cannot_write(target_, reason());
    committed_ = true;
    sync_path(directory_of(target_), O_RDONLY | O_DIRECTORY);  // best effort: not every file system can
}

void write_file(const fs::path& path, std::string_view content) {
    AtomicFile file(path);
    {
        std::ofstream out(file.temporary(), std::ios::binary);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
        out.flush();
        if (!out) cannot_write(path, reason());
    }
    file.commit();
}

std::string read_file(const fs::path& path) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    if (!in || fs::is_directory(path)) throw DataError(path.string(), "cannot be read: " + reason(), "check the path");
    content << in.rdbuf();
    if (in.bad()) throw DataError(path.string(), "cannot be read: " + reason(), "check the disk");
    return std::move(content).str();
}

void make_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) cannot_write(path, error.message());
}

fs::path cache_file(const char* name) {
    // The specification of XDG_CACHE_HOME has relative paths ignored.
    if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && cache[0] == '/') return fs::path(cache) / "gleam" / name;
    if (const char* home = std::getenv("HOME"); home && home[0] != '\0') return fs::path(home) / ".cache/gleam" / name;
    return {};
}

}  // namespace gleam
