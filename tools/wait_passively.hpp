// The first thing main does in every program.
#pragma once

#include <unistd.h>

#include <cstdlib>

namespace gleam::tools {

// Threads that wait by spinning slow one another down wherever cores are shared, several times over; but as parallel regions
// follow one another within microseconds, so short a wait costs less than waking up. OpenMP reads how to wait when it is loaded,
// before main, so the program starts itself again with that said, unless the user has said otherwise.
inline void wait_passively(char** argv) {
    if (std::getenv("OMP_WAIT_POLICY")) return;
    ::setenv("OMP_WAIT_POLICY", "passive", 1);
    ::setenv("GOMP_SPINCOUNT", "500", 0);  // of GCC's OpenMP: some microseconds
    ::execv("/proc/self/exe", argv);  // where that cannot be, everything works as before
}

}  // namespace gleam::tools
