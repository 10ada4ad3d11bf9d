// Small data sets on disk for tests of training and of the program.
#pragma once

#include <functional>

#include "data/simulate.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::test {

// `change` may spoil a slice before it is written.
inline void write_dataset(const fs::path& path, std::int64_t slices = 4, std::int64_t size = 20, std::int64_t coils = 2,
                          const std::function<void(std::int64_t, data::SliceData&)>& change = {}, bool target = true) {
    const auto ops = kernels::make_cpu_operations();
    data::SimulateOptions options;
    options.slices = slices, options.height = size, options.width = size, options.coils = coils;
    data::DatasetWriter writer(
        path, {.slices = slices, .coils = coils, .height = size, .width = size, .target = target, .truth = true});
    for (std::int64_t s = 0; s < slices; ++s) {
        data::SliceData slice = data::simulate_slice(options, static_cast<std::uint32_t>(s), *ops);
        if (change) change(s, slice);
        writer.write_slice(s, slice);
    }
    writer.commit();
}

// A data set of any physics as `gleam simulate` writes it.
inline void write_simulated(const fs::path& path, const data::SimulateOptions& options) {
    const auto ops = kernels::make_cpu_operations();
    data::DatasetWriter writer(path, data::layout_of(options));
    for (std::int64_t s = 0; s < options.slices; ++s)
        writer.write_slice(s, data::simulate_slice(options, static_cast<std::uint32_t>(s), *ops));
    writer.commit();
}

// A small sample of each physics, with one set of maps or two; odd sizes, no two alike.
inline data::SimulateOptions tiny_simulation(data::Physics physics, std::int64_t sets = 1, double noise = 0) {
    data::SimulateOptions options;
    options.physics = physics, options.sets = sets, options.noise = noise, options.seed = 5;
    options.slices = 3, options.coils = 3, options.height = 9, options.width = 11;
    if (physics == data::Physics::volume) options.depth = 7;
    if (physics == data::Physics::dynamic) options.frames = 4;
    return options;
}

// A configuration that trains a tiny network on `train` in well under a second.
inline std::string tiny_job(const fs::path& train, const fs::path& validation, int steps,
                            const std::string& strategy = "greedy") {
    return "model: {unrolls: 2, regularizer: {features: 3, blocks: 1}}\n"
           "training: {strategy: " +
           strategy + ", batch: 2, steps: " + std::to_string(steps) +
           ", log_every: 1, validate_every: 4, checkpoint_every: 3, optimizer: {learning_rate: 1.0e-2}}\n"
           "data: {train: {file: " +
           train.string() + "}, validation: {file: " + validation.string() +
           "}, mask: {type: random_1d, acceleration: 2, calibration: 4}}\n";
}

}  // namespace gleam::test
