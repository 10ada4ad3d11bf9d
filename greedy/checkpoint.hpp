// Checkpoints: everything a run needs to go on exactly where it was. One HDF5 file, written whole or not at all, with checksums.
//
//   /weights/unroll{i}/...          values, named as in Network (float32, shapes as in ParameterPack)
//   /first_moments/..., /second_moments/...   Adam's state, likewise
//   /config                         the complete configuration (YAML)
//   attributes: format, version, step, epoch, seed, best_step, best_psnr, metrics_bytes
// The random numbers are counter-based, so `seed` and `step` are their position.
#pragma once

#include <cstdint>
#include <string>

#include "core/files.hpp"
#include "greedy/network.hpp"

namespace gleam::greedy {

struct TrainingState {
    std::int64_t step = 0;   // optimiser steps done
    std::int64_t epoch = 0;  // epoch of the last batch
    std::uint64_t seed = 0;
    std::int64_t best_step = -1;      // of the best validation so far; -1: none yet
    double best_psnr = 0;             // dB
    std::uint64_t metrics_bytes = 0;  // size of metrics.jsonl at this step
};

// Throws DataError when the file cannot be written; the previous file then stays as it was.
void save_checkpoint(const fs::path& path, const Network& network, const TrainingState& state, const std::string& config,
                     kernels::Operations& ops);

struct CheckpointHeader {
    TrainingState state;
    std::string config, version;
};

// Reads what is not numbers. DataError: missing, damaged, not a checkpoint, of a newer format.
CheckpointHeader read_checkpoint_header(const fs::path& path);

// Fills the parameters of a materialized network, and with `training` the optimiser's state too. DataError when a tensor is
// missing, damaged, of another shape, or not finite.
void load_checkpoint(const fs::path& path, Network& network, bool training, kernels::Operations& ops);

}  // namespace gleam::greedy
