#include "greedy/reconstruction.hpp"

#include <fmt/format.h>

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

// A solver of the modules folder.
template <class Options>
using Solver = void(kernels::Operations& ops, const modules::SenseOperator& sense, const Tensor& b, const Options& options,
                    const Tensor& x, Arena& workspace);

template <class Options, Solver<Options>* solve>
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

using CgSense = Iterative<modules::ConjugateGradientOptions, modules::cg_sense>;
using L1Wavelet = Iterative<modules::L1WaveletOptions, modules::l1_wavelet>;

class TrainedNetwork final : public Reconstructor {
public:
    TrainedNetwork(kernels::Operations& ops, const fs::path& checkpoint)
        : Reconstructor(ops),
          checkpoint_(checkpoint),
          network_(network_of_checkpoint(checkpoint, ops.device())),
          memory_(ops, network_.options().tf32) {
        network_.materialize(ops, 0);
        load_checkpoint(checkpoint, network_, ops);
    }

private:
    DType precision() const override { return network_.options().dtype; }
    void plan(const Batch& batch) override {
        const Shape& s = batch.zero_filled.shape;
        const modules::RegularizerOptions& r = network_.options().unroll.regularizer;
        const std::int64_t channels = 2 * (s.rank() == 7 ? s[6] : 1);
        if (!r.depth && s[1] * s[3] > 1)
            throw ConfigError(checkpoint_.string(), "holds a network for slices, the data are volumes or series",
                              "give the checkpoint of a run with model.physics 3d or 2d+t");
        if (r.channels != channels)
            throw ConfigError(checkpoint_.string(),
                              fmt::format("holds a network for {} map sets, the data have {}", r.channels / 2, channels / 2),
                              "give the checkpoint of a run with as many (model.map_sets)");
        greedy::reconstruct(network_, memory_, batch, batch.zero_filled);
        memory_.grant();
    }
    void run(const Batch& batch, const Tensor& out) override { greedy::reconstruct(network_, memory_, batch, out); }

    fs::path checkpoint_;
    Network network_;
    StepMemory memory_;
};

}  // namespace

ComplexArray Reconstructor::reconstruct(const data::Sample& sample) {
    if (!batch_) {
        batch_.emplace(ops_, precision());
        ops_.set_planning(true);
        plan(batch_->plan({sample.maps.shape, sample.zero_filled.shape}));
        ops_.set_planning(false);
        batch_->grant();
    }
    BatchSource source{sample.maps.view(), sample.mask.view(), sample.zero_filled.view(), {}};
    if (!sample.target.empty()) source.target = sample.target.view();
    const Batch batch = batch_->load(source);
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
