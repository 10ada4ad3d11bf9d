// Options that several sub-commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/samples.hpp"
#include "greedy/job.hpp"
#include "greedy/reconstruction.hpp"

namespace gleam::tools {

// --device and --threads.
struct DeviceOptions {
    std::string device = "auto";
    int threads = 0;

    void add(CLI::App& command);
    std::unique_ptr<kernels::Operations> open() const;
};

// --slices and --mask …: which samples of a data set, and how they are undersampled.
struct SampleOptions {
    std::string slices;
    std::string mask;  // empty: see open()
    greedy::MaskConfig terms;
    std::uint64_t seed = 1;

    void add(CLI::App& command);

    // Opens `file`. Without --mask the file's own mask is used; a fully sampled file gets the mask that the first of
    // `checkpoints` was trained with, or stays fully sampled when there is none.
    data::Samples open(const fs::path& file, const std::vector<std::string>& checkpoints) const;
};

// The terms of the methods that are not learned.
struct MethodOptions {
    modules::ConjugateGradientOptions cg;
    modules::L1WaveletOptions wavelet;

    void add(CLI::App& command);
    std::unique_ptr<greedy::Reconstructor> make(const std::string& method, kernels::Operations& ops) const;
};

inline const std::vector<std::string> method_names{"zero_filled", "cg_sense", "l1_wavelet"};

// What a method is called in tables: "CG-SENSE".
std::string label_of(const std::string& method);

}  // namespace gleam::tools
