#include "core/json_lines.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"

namespace gleam {
namespace {

[[noreturn]] void failed(const fs::path& path) {
    throw DataError(path.string(), std::string("cannot be written: ") + std::strerror(errno),
                    "free some space, check the permissions or choose another place");
}

}  // namespace

JsonLines::JsonLines(const fs::path& path, std::uint64_t keep) : path_(path), size_(keep) {
    file_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (file_ < 0) failed(path);
    const off_t size = ::lseek(file_, 0, SEEK_END);
    const bool too_short = size < 0 || static_cast<std::uint64_t>(size) < keep;
    if (too_short || ::ftruncate(file_, static_cast<off_t>(keep)) != 0 || ::lseek(file_, 0, SEEK_END) < 0) {
        ::close(file_);
        if (!too_short) failed(path);
        throw DataError(path.string(), "is shorter than the checkpoint remembers",
                        "it was changed since; start anew in another folder");
    }
}

JsonLines::~JsonLines() { ::close(file_); }

void JsonLines::write(const std::string& json) {
    const std::string line = json + "\n";
    std::size_t done = 0;
    while (done < line.size()) {
        const ssize_t n = ::write(file_, line.data() + done, line.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) failed(path_);
        done += static_cast<std::size_t>(n);
    }
    size_ += line.size();
}

std::uint64_t JsonLines::sync() {
    if (::fsync(file_) != 0 && errno != EINVAL && errno != EROFS) failed(path_);
    return size_;
}

}  // namespace gleam
