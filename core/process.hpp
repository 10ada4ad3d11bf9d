// What the operating system says of this process.
#pragma once

#include <cstddef>

namespace gleam {

// Resident memory now and at its highest, in bytes; 0 where /proc is not to be had.
struct ProcessMemory {
    std::size_t resident = 0, peak = 0;
};
ProcessMemory process_memory();

// From now on, memory blocks of a megabyte or more go back to the system as soon as they are freed. Else the C library learns to
// keep them for later, up to 64 MiB and more for each thread, which no plan can know.
void return_freed_memory();

}  // namespace gleam
