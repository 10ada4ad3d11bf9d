// An unrolled network as a chain of stages, with the arena that holds all their parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "greedy/stage.hpp"

namespace gleam::greedy {

struct NetworkOptions {
    int unrolls = 8;
    int stages = 8;       // must divide unrolls
    int first_stage = 0;  // the stages that are there: from this one on, so many; 0: all
    int stage_count = 0;
    bool share_weights = false;  // one set of weights for all unrolls; needs stages = 1
    modules::UnrollOptions unroll;
    DType dtype = DType::f32;
    bool tf32 = false;  // convolutions may round f32 on a device that is faster then (Operations::tf32)
};

class Network {
public:
    // `buffers`: what there is beside the weights; by default what inference needs. Throws ConfigError when the stages do not
    // divide the unrolls.
    Network(const NetworkOptions& options, Device device, const ParameterBuffers& buffers = {});

    // Bytes of all parameters and their other buffers.
    std::size_t parameter_bytes() const;
    // Allocates them, and gives the parameters their initial values: a function of `seed` alone.
    void materialize(kernels::Operations& ops, std::uint64_t seed);

    std::vector<Stage>& stages() { return stages_; }
    const std::vector<Stage>& stages() const { return stages_; }
    std::int64_t parameter_count() const;
    const NetworkOptions& options() const { return options_; }
    const ParameterBuffers& buffers() const { return buffers_; }
    const Arena& parameter_arena() const { return parameters_; }

private:
    std::size_t shared_bytes() const;

    NetworkOptions options_;
    ParameterBuffers buffers_;
    std::vector<Stage> stages_;
    Arena parameters_{"params"};
};

// While it lives, the network computes with its averaged weights, if it keeps any. Checkpoints must wait until it is gone.
class AveragedWeights {
public:
    explicit AveragedWeights(Network& network) : network_(network) { swap(); }
    ~AveragedWeights() { swap(); }
    AveragedWeights(const AveragedWeights&) = delete;
    AveragedWeights& operator=(const AveragedWeights&) = delete;

private:
    void swap() {
        if (!network_.buffers().average) return;
        for (Stage& stage : network_.stages()) stage.parameters().swap_average();
    }
    Network& network_;
};

}  // namespace gleam::greedy
