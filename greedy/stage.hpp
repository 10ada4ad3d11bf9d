// A stage: what the paper calls a module, or a piece of one that is computed again. Some consecutive unrolls with their
// parameters, their gradient and their optimiser. Nothing of it is shared with other stages; only an image comes in and goes out.
#pragma once

#include <vector>

#include "modules/unroll.hpp"

namespace gleam::greedy {

// One mini-batch on the device, in normalised units.
struct Batch {
    modules::SenseOperator sense;  // maps [N, T|1, C, Z, Y, X(, E)]
    Tensor mask;                   // the sampling mask, real [N, T|1, 1, Z|1, Y|1, X|1]
    Tensor zero_filled;            // A^H y, complex [N, T, 1, Z, Y, X(, E)]
    Tensor target;                 // fully sampled image, like zero_filled; not read by inference
};

// What is done with the gradients of one step.
struct UpdateTerms {
    kernels::OptimizerTerms optimizer;
    double clip_norm = 0;      // longest gradient of a stage; 0: any
    double average_decay = 0;  // average = decay average + (1 - decay) weights, if an average is kept
};

class Stage {
public:
    // Unrolls first … first + count - 1 of the network, with weights of their own or all with those of the first, and with
    // `buffers` beside their weights.
    Stage(const modules::UnrollOptions& options, int first, int count, bool share_weights, DType dtype, Device device,
          const ParameterBuffers& buffers);

    // Runs the stage's unrolls on image x, or the one of them with number i.
    Var forward(modules::Context& context, Var x, const Batch& batch) const;
    Var forward(modules::Context& context, const Var& x, const Batch& batch, int i) const;

    // One step of this stage's own optimiser. `norm` (f64 [1]): takes the length of the gradient if it is limited.
    void update(kernels::Operations& ops, const UpdateTerms& terms, const Tensor& norm);

    ParameterPack& parameters() { return parameters_; }
    const ParameterPack& parameters() const { return parameters_; }
    int first_unroll() const { return first_; }
    const modules::Unroll& unroll(int i) const { return unrolls_[static_cast<std::size_t>(i)]; }
    int unrolls() const { return static_cast<int>(unrolls_.size()); }

private:
    int first_;
    ParameterPack parameters_;
    std::vector<modules::Unroll> unrolls_;
};

}  // namespace gleam::greedy
