#include "data/checks.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>

namespace gleam::data {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// The number in a one-number file; `unlimited` when there is none ("max" or no such file).
std::size_t number_in(const char* path) {
    std::ifstream in(path);
    std::size_t value = unlimited;
    return in >> value ? value : unlimited;
}

std::size_t system_memory() {
    std::ifstream in("/proc/meminfo");
    std::string key, unit;
    std::size_t kibibytes = 0;
    while (in >> key >> kibibytes) {
        if (key == "MemAvailable:") return kibibytes * 1024;
        std::getline(in, unit);
    }
    return unlimited;
}

}  // namespace

std::size_t available_memory() {
    const std::size_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
    const std::size_t group = limit == unlimited || used == unlimited ? unlimited : limit - std::min(used, limit);
    return std::min(system_memory(), group);
}

std::size_t checked_bytes(const std::string& where, const Shape& shape, std::size_t bytes_per_element) {
    constexpr std::size_t largest = std::numeric_limits<std::int64_t>::max();
    std::size_t bytes = bytes_per_element;
    bool empty = false;
    for (std::int64_t n : shape) {
        if (n < 0) throw DataError(where, "has a negative size, shape " + shape.str(), "the file is damaged");
        if (n == 0) {
            empty = true;
        } else if (bytes > largest / static_cast<std::size_t>(n)) {
            throw DataError(where, "claims an impossible size, shape " + shape.str(), "the file is damaged");
        } else {
            bytes *= static_cast<std::size_t>(n);
        }
    }
    if (empty) return 0;
    // Small requests are not worth asking the system about.
    if (bytes > (std::size_t{16} << 20) && bytes > available_memory())
        throw DataError(
            where,
            fmt::format("needs {:.1f} GiB for shape {}, only {:.1f} GiB of memory are available",
                        static_cast<double>(bytes) / (1 << 30), shape.str(), static_cast<double>(available_memory()) / (1 << 30)),
            "the file is damaged or too large for this machine");
    return bytes;
}

}  // namespace gleam::data
