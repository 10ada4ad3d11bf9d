// What one training run is told to do: the keys of a GLEAM configuration file, which these structs mirror.
//
// docs/config.md is the reference; its tables are made from the descriptions in job.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "greedy/slices.hpp"

namespace gleam::greedy {

struct DataConsistencyConfig {
    std::string type = "gradient";
    double step = 2.0;
    double lambda = 0.05;
    bool learned = false;
    std::int64_t iterations = 10;
    double tolerance = 0;
    std::string inner_products = "per_sample";
    std::string solver_gradient = "implicit";
    bool operator==(const DataConsistencyConfig&) const = default;
};

struct RegularizerConfig {
    std::string type = "resnet";
    std::int64_t features = 32;
    std::int64_t blocks = 2;
    std::int64_t layers = 5;
    std::int64_t kernel = 3;
    std::string order = "auto";
    std::string activation = "relu";
    std::string normalization = "none";
    std::string border = "auto";
    std::string time_border = "same";
    std::string initial = "identity";
    bool operator==(const RegularizerConfig&) const = default;
};

struct ModelConfig {
    std::string physics = "2d";
    std::int64_t map_sets = 1;
    std::int64_t unrolls = 8;
    bool share_weights = false;
    DataConsistencyConfig data_consistency;
    RegularizerConfig regularizer;
    bool operator==(const ModelConfig&) const = default;
};

struct OptimizerConfig {
    std::string type = "adam";
    double learning_rate = 1e-4;
    std::string schedule = "constant";
    std::int64_t step_every = 1000;
    double step_factor = 0.1;
    std::int64_t warmup = 0;
    double momentum = 0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 1e-4;
    bool operator==(const OptimizerConfig&) const = default;
};

// Weights of the losses whose sum is minimised.
struct LossConfig {
    double l1 = 1;
    double l2 = 0;
    double magnitude_l1 = 0;
    double ssim = 0;
    double perpendicular = 0;
    bool operator==(const LossConfig&) const = default;
};

struct InvertibleConfig {
    std::string stored;
    std::int64_t iterations = 5;
    double warn_above = 0.01;
    bool operator==(const InvertibleConfig&) const = default;
};

struct TrainingConfig {
    std::string strategy = "greedy";
    std::int64_t modules = 0;
    std::int64_t recompute_unrolls = 0;
    InvertibleConfig invertible;
    std::int64_t batch = 1;
    std::int64_t accumulate = 1;
    bool cuda_graphs = false;
    std::int64_t steps = 1000;
    LossConfig loss;
    OptimizerConfig optimizer;
    double clip_norm = 0;
    double ema = 0;
    std::int64_t log_every = 10;
    std::int64_t validate_every = 200;
    std::int64_t checkpoint_every = 200;
    bool operator==(const TrainingConfig&) const = default;
};

struct ParallelConfig {
    std::int64_t ranks = 1;
    std::int64_t replicas = 1;
    std::string placement = "measured";
    std::string transport = "auto";
    double deadline = 30;
    bool operator==(const ParallelConfig&) const = default;
};

struct DataSetConfig {
    std::string file;
    std::string slices;
    bool operator==(const DataSetConfig&) const = default;
};

struct MaskConfig {
    std::string type = "poisson";
    double acceleration = 6;
    std::int64_t calibration = 20;
    double tolerance = 0.1;
    std::int64_t offset = -1;
    bool operator==(const MaskConfig&) const = default;
};

struct DataConfig {
    DataSetConfig train;
    DataSetConfig validation;
    MaskConfig mask;
    bool operator==(const DataConfig&) const = default;
};

struct JobConfig {
    std::uint64_t seed = 1;
    std::string device = "auto";
    std::string precision = "fp32";
    std::int64_t threads = 0;
    ModelConfig model;
    TrainingConfig training;
    ParallelConfig parallel;
    DataConfig data;
    std::string output;
    bool operator==(const JobConfig&) const = default;
};

// The configuration in `file`, changed by `overrides` ("training.steps=5", as after --set), later ones winning. Keys nobody sets
// keep the defaults above. Throws ConfigError with file, line and column for anything it cannot obey.
JobConfig read_job(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

// The same from a text; `name` stands for it in messages.
JobConfig parse_job(const std::string& yaml_text, const std::string& name, const std::vector<std::string>& overrides = {});

// Every key with its value, as YAML that parse_job() reads back to an equal JobConfig.
std::string dump_job(const JobConfig& job);

// Throws ConfigError when a value is out of range or values contradict one another. `places` says where keys were set, if known.
void validate(const JobConfig& job, const ConfigPlaces& places = {});

// The choices of training.strategy.
const std::vector<std::string>& strategy_names();

// How many modules are trained: training.modules, or what 0 stands for. `job` must be valid.
std::int64_t module_count(const JobConfig& job);

// The numbers of `parallel.placement`, if it has any.
std::vector<int> given_placement(const JobConfig& job);

// By `training.invertible.stored`: is the input of unroll i recovered? That of unroll 0 never is. Empty for other strategies.
std::vector<bool> recovered_inputs(const JobConfig& job);

// The tables between the markers of docs/config.md.
std::string config_reference_markdown();

}  // namespace gleam::greedy
