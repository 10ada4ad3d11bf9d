#include "core/process.hpp"

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <fstream>
#include <sstream>
#include <string>

namespace gleam {

ProcessMemory process_memory() {
    ProcessMemory memory;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        std::istringstream fields(line);
        std::string key;
        std::size_t kib = 0;
        fields >> key >> kib;
        if (key == "VmRSS:") memory.resident = kib * 1024;
        if (key == "VmHWM:") memory.peak = kib * 1024;
    }
    return memory;
}

void return_freed_memory() {
#ifdef M_MMAP_THRESHOLD
    ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

}  // namespace gleam
