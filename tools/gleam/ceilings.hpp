// What this machine reaches at best, as gleam-bench-ceilings stored it.
#pragma once

#include <optional>

#include "core/files.hpp"
#include "kernels/work.hpp"

namespace gleam::tools {

// $XDG_CACHE_HOME/gleam/ceilings.json, or ~/.cache/gleam/ceilings.json.
fs::path ceilings_file();

// Nothing when there is no such file; DataError when it cannot be understood.
std::optional<kernels::Ceilings> read_ceilings(const fs::path& file);

}  // namespace gleam::tools
