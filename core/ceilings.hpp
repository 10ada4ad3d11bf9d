// What this machine can do at most, as gleam-bench-ceilings measured it: what estimates and benchmarks are held against.
#pragma once

#include <optional>

#include "core/files.hpp"

namespace gleam {

struct Ceilings {
    double fma_gflops = 0;         // 10^9 floating-point operations per second, in f32 fused multiply-adds on all threads
    double copy_gbytes_per_s = 0;  // 10^9 bytes read and written per second, copying arrays larger than the caches
    int threads = 0;               // that were used
    bool operator==(const Ceilings&) const = default;
};

// gleam/ceilings.json in $XDG_CACHE_HOME or ~/.cache; empty where neither is set.
fs::path ceilings_file();

// What was stored; nothing where there is no file. Throws DataError when the file is damaged.
std::optional<Ceilings> read_ceilings(const fs::path& file = ceilings_file());

// Throws DataError when the file cannot be written.
void write_ceilings(const Ceilings& ceilings, const fs::path& file = ceilings_file());

}  // namespace gleam
