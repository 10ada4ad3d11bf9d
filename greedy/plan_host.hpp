// Memory of a training process beside its arenas, from the same sizes: what the loader keeps ready, what reading a sample,
// validating and saving take for a while, and what libraries keep. docs/benchmarks/memory.md compares it with measurements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "data/dataset_layout.hpp"
#include "greedy/network.hpp"

namespace gleam::greedy {

// Layouts of the data a job is trained and, if it is, validated on.
struct DataLayouts {
    data::DatasetLayout train;
    std::optional<data::DatasetLayout> validation;
};

// Bytes; what is needed at the same time adds up.
struct HostMemory {
    std::size_t loader = 0;     // batches ready and being made
    std::size_t step = 0;       // the larger of: one validation, one checkpoint
    std::size_t libraries = 0;  // code and tables of libraries that are loaded or made on first use
    std::size_t starting = 0;   // initial weights on the host, before the first step

    std::size_t running() const { return loader + step + libraries; }
};

// What a program has before it opens its data: code, libraries, configuration. Measured; only budgets for whole programs use it.
inline constexpr std::size_t program_bytes = std::size_t{20} << 20;

HostMemory host_memory(const Network& network, const DataLayouts& data, std::int64_t batch);

}  // namespace gleam::greedy
