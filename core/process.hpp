// What the operating system says of this process.
#pragma once

#include <cstddef>

namespace gleam {

// Resident memory now and at its highest, in bytes; 0 where /proc is not to be had.
struct ProcessMemory {
    std::size_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

}  // namespace gleam
