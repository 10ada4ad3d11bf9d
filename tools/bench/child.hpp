// This program again, as a process of its own: memory that is measured from a clean start.
#pragma once

#include <string>
#include <vector>

namespace gleam::bench {

// Runs /proc/self/exe with these arguments; returns its standard output. Throws InternalError when it cannot be started or fails.
std::string run_self(const std::vector<std::string>& arguments);

}  // namespace gleam::bench
