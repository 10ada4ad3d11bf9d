// From a configuration to the objects it describes: the one place that knows both.
#pragma once

#include <optional>

#include "data/samples.hpp"
#include "greedy/job.hpp"
#include "greedy/schedule.hpp"

namespace gleam::greedy {

NetworkOptions network_options(const JobConfig& job);
// The same for `count` modules of it from number `first` on; 0: for all.
NetworkOptions network_options(const JobConfig& job, int first, int count);
DType precision_of(const JobConfig& job);
Strategy strategy_of(const JobConfig& job);
modules::Loss loss_of(const JobConfig& job);
// An upper estimate of what an unfinished solve costs strategy `invertible`: the error of z = (A^H A x + lambda x - A^H y) /
// lambda relative to the image, from the usual bound on n iterations of conjugate gradients at condition k = (1 + lambda) /
// lambda: k max(tolerance, 2 sqrt(k) ((sqrt(k) - 1) / (sqrt(k) + 1))^n). Training is mostly better, since solves start near their
// end.
double inverse_error_estimate(const DataConsistencyConfig& consistency);
// What training needs beside the weights.
ParameterBuffers training_buffers(const JobConfig& job);
// The update of step `step` (from 1).
UpdateTerms update_terms(const JobConfig& job, std::int64_t step);

// The sampling mask of a job; nothing when the mask is the file's own.
std::optional<data::MaskOptions> mask_options(const MaskConfig& mask, std::uint64_t seed);
// ConfigError unless the data of `file`, named by the key `key`, have the physics and sets of maps of the job.
void require_fitting(const data::DatasetLayout& layout, const std::string& file, const std::string& key, const JobConfig& job);
// One of the job's data sets with its slices and mask.
data::Samples open_samples(const DataSetConfig& set, const std::string& key, const JobConfig& job);

// The network a checkpoint was made for, without its numbers; for inference, or as it was trained.
Network network_of_checkpoint(const fs::path& checkpoint, Device device, bool training = false);

}  // namespace gleam::greedy
