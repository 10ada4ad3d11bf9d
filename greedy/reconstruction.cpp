#include "greedy/reconstruction.hpp"

#include <cmath>

#include "greedy/job_network.hpp"
#include "greedy/schedule.hpp"

namespace gleam::greedy {
namespace {

class ZeroFilled final : public Reconstructor {
public:
    using Reconstructor::Reconstructor;
    explicit ZeroFilled(kernels::Operations& ops) : Reconstructor(ops) {}

private:
    void plan(const Batch&) override {}
    void run(const Batch& batch, const Tensor& out) override { ops_.copy(batch.zero_filled, out); }
};

// A solver of the modules folder: solve(ops, sense, b, options, x, workspace).
template <class Options, auto solve>
class Iterative final : public Reconstructor {
public:
    Iterative(kernels::Operations& ops, const Options& options) : Reconstructor(ops), options_(options) {}

private:
    void plan(const Batch& batch) override {
        workspace_.book(program_);
        solve(ops_, batch.sense, batch.zero_filled, options_, batch.zero_filled, workspace_);
        workspace_.finish_booking();
        workspace_.grant(ops_.allocator(), "reconstruct a smaller matrix");
    }
    void run(const Batch& batch, const Tensor& out) override {
        workspace_.replay(program_);
        solve(ops_, batch.sense, batch.zero_filled, options_, out, workspace_);
    }

    Options options_;
    ArenaProgram program_;
    Arena workspace_{"workspace"};
};

using CgSense = Iterative<modules::ConjugateGradientOptions, modules::conjugate_gradient>;
using L1Wavelet = Iterative<modules::L1WaveletOptions, modules::l1_wavelet>;

class TrainedNetwork final : public Reconstructor {
public:
    TrainedNetwork(kernels::Operations& ops, const fs::path& checkpoint)
        : Reconstructor(ops), network_(network_of_checkpoint(checkpoint, ops.device())), memory_(ops) {
        network_.materialize(ops, 0);
        load_checkpoint(checkpoint, network_, ops);
    }

private:
    void plan(const Batch& batch) override {
        greedy::reconstruct(network_, memory_, batch, batch.zero_filled);
        memory_.grant();
    }
    void run(const Batch& batch, const Tensor& out) override { greedy::reconstruct(network_, memory_, batch, out); }

    Network network_;
    StepMemory memory_;
};

}  // namespace

ComplexArray Reconstructor::reconstruct(const data::Sample& sample) {
    if (!planned_) {
        ops_.set_planning(true);
        plan(batch_.plan({sample.maps.shape, sample.zero_filled.shape}));
        ops_.set_planning(false);
        batch_.grant();
        planned_ = true;
    }
    const Batch batch = batch_.load(data::stack({sample}));
    ComplexArray image(sample.zero_filled.shape);
    run(batch, image.view());
    const auto scale = static_cast<float>(sample.scale);
    for (auto& v : image.values) {
        v *= scale;
        if (!std::isfinite(v.real()) || !std::isfinite(v.imag()))
            throw NumericError("reconstruction", "the image holds NaN or infinity", "check the data and the weights");
    }
    return image;
}

std::unique_ptr<Reconstructor> make_zero_filled(kernels::Operations& ops) { return std::make_unique<ZeroFilled>(ops); }

std::unique_ptr<Reconstructor> make_cg_sense(kernels::Operations& ops, const modules::ConjugateGradientOptions& options) {
    return std::make_unique<CgSense>(ops, options);
}

std::unique_ptr<Reconstructor> make_l1_wavelet(kernels::Operations& ops, const modules::L1WaveletOptions& options) {
    return std::make_unique<L1Wavelet>(ops, options);
}

std::unique_ptr<Reconstructor> make_network_reconstructor(kernels::Operations& ops, const fs::path& checkpoint) {
    return std::make_unique<TrainedNetwork>(ops, checkpoint);
}

}  // namespace gleam::greedy
