// Checkpoints: everything a run needs to go on exactly where it was. One HDF5 file, written whole or not at all, with checksums.
//
//   /weights/unroll{i}/...          values, named as in Network (float32, shapes as in ParameterPack)
//   /first_moments/..., /second_moments/...   the optimiser's state, likewise, as far as it has one
//   /averaged_weights/...           running average of the weights, likewise, if one is kept
//   /config                         the complete configuration (YAML)
//   attributes: format, version, step, epoch, seed, best_step, best_psnr, metrics_bytes
// The random numbers are counter-based, so `seed` and `step` are their position.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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

// The parts of a checkpoint that other ranks hold, one tensor after another.
struct CheckpointTensor {
    std::string name;  // in the file
    Shape shape;
    DType dtype = DType::f32;
    std::vector<std::byte> bytes;
};
// Hands the next tensor out; false: there are no more.
using CheckpointParts = std::function<bool(CheckpointTensor&)>;

// Every tensor of a network that a checkpoint holds, as host numbers. NumericError as save_checkpoint().
void for_each_saved(const Network& network, kernels::Operations& ops, const std::string& where,
                    const std::function<void(const CheckpointTensor&)>& use);

// Throws DataError when the file cannot be written, and NumericError when a weight is NaN or infinite; the previous file then
// stays as it was.
void save_checkpoint(const fs::path& path, const Network& network, const TrainingState& state, const std::string& config,
                     kernels::Operations& ops, const CheckpointParts& others = {});

struct CheckpointHeader {
    TrainingState state;
    std::string config, version;
};

// Reads what is not numbers. DataError: missing, damaged, not a checkpoint, of a newer format.
CheckpointHeader read_checkpoint_header(const fs::path& path);

// Fills all buffers of a materialized network but its gradients. A network for inference takes the averaged weights where there
// are any. DataError when a tensor is missing, damaged, of another shape, or not finite.
void load_checkpoint(const fs::path& path, Network& network, kernels::Operations& ops);

}  // namespace gleam::greedy
