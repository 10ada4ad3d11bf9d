// The input of `gleam trace`: data, configuration and initial weights in one HDF5 file (docs/data-formats.md), which other
// frameworks can read and write too.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/hdf5.hpp"
#include "greedy/job_network.hpp"

namespace gleam::greedy {

// The attributes of /config and /train, as the file names them.
struct TraceConfig {
    // /config
    std::string arch = "pgd";  // pgd, modl
    std::int64_t ndim = 2, num_unrolls = 8, features = 100, kernel_size = 3, num_resblocks = 2, num_layers = 5;
    double step_size = 2;
    bool learn_step = false;
    double lamda = 4;
    bool learn_lambda = false;
    std::int64_t cg_iters = 10;
    bool cg_per_sample = false;
    std::string fft_axes = "all";  // all, hw
    bool fft_centered = true;
    // /train
    std::string mode = "e2e";
    std::int64_t steps = 1, batch_size = 1, num_modules = 0;
    double lr = 1e-4, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-4;
    std::int64_t mel_checkpoints = 0, mel_reverse_iters = 5;
    bool mel_bugcompat = false;
    std::int64_t seed = 0;
};

class TraceCase {
public:
    // `overrides`: "lr=1e-3", as after --set. DataError or ConfigError when something is missing, of another shape, or not known.
    TraceCase(const fs::path& file, const std::vector<std::string>& overrides);

    const TraceConfig& config() const { return config_; }
    NetworkOptions network_options(DType precision) const;
    Strategy strategy() const;
    // Does the trace have the images that were computed with once more?
    bool writes_inputs() const { return config_.mode == "gradcp" || config_.mode == "mel"; }
    kernels::OptimizerTerms optimizer(std::int64_t step) const;  // `step` from 1

    // The samples of every step.
    const std::vector<std::vector<std::int64_t>>& batches() const { return batches_; }

    // Those samples in canonical axes: k-space [N, T, C, Z, Y, X], maps [N, T|1, C, Z, Y, X], mask [N, T|1, 1, Z|1, Y, X], target
    // [N, T, 1, Z, Y, X].
    struct Inputs {
        Array<std::complex<double>> kspace, maps, target;
        Array<double> mask;
    };
    Inputs inputs(const std::vector<std::int64_t>& samples) const;

    // The tensor of that name under /weights, or nothing when the file leaves the initial weights to the program.
    bool has_weights() const { return file_.exists("weights"); }
    Array<double> weight(const std::string& name, const Shape& shape) const;

    // An array as such a file stores it: [N, T, C, Z, Y, X] -> [N, C, *S] or, without `coils`, [N, T, 1, Z, Y, X] -> [N, *S].
    Array<std::complex<double>> stored(Array<std::complex<double>> canonical, bool coils) const;

    // Writes /config and /train as they were used.
    void echo(data::Hdf5Writer& out) const;

private:
    void read_attributes(const std::vector<std::string>& overrides);
    void check() const;
    void read_batches();
    bool frames() const { return config_.ndim == 3 && config_.fft_axes == "hw"; }

    data::Hdf5File file_;
    TraceConfig config_;
    std::vector<std::vector<std::int64_t>> batches_;
};

}  // namespace gleam::greedy
