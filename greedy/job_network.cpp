#include "greedy/job_network.hpp"

#include <algorithm>

#include "greedy/checkpoint.hpp"
#include "greedy/device_batch.hpp"
#include "greedy/learning_rate.hpp"

namespace gleam::greedy {

NetworkOptions network_options(const JobConfig& job) {
    const RegularizerConfig& r = job.model.regularizer;
    NetworkOptions options;
    options.unrolls = static_cast<int>(job.model.unrolls);
    options.stages = static_cast<int>(module_count(job));
    options.unroll.step = job.model.data_consistency.step;
    options.unroll.regularizer = {static_cast<int>(r.features), static_cast<int>(r.blocks), static_cast<int>(r.kernel),
                                  r.border == "zero" ? kernels::BorderMode::zero : kernels::BorderMode::reflect,
                                  r.initial == "identity"};
    return options;
}

Strategy strategy_of(const JobConfig& job) { return job.training.strategy == "greedy" ? Strategy::greedy : Strategy::end_to_end; }

modules::Loss loss_of(const JobConfig& job) {
    using kernels::LossKind;
    const LossConfig& c = job.training.loss;
    modules::Loss loss;
    for (const kernels::LossTerm& term : {kernels::LossTerm{LossKind::l1, c.l1},
                                          {LossKind::l2, c.l2},
                                          {LossKind::magnitude_l1, c.magnitude_l1},
                                          {LossKind::ssim, c.ssim},
                                          {LossKind::perpendicular, c.perpendicular}})
        if (term.weight > 0) loss.push_back(term);
    return loss;
}

UpdateTerms update_terms(const JobConfig& job, std::int64_t step) {
    using kernels::OptimizerKind;
    const OptimizerConfig& o = job.training.optimizer;
    UpdateTerms update;
    update.clip_norm = job.training.clip_norm;
    // A young average is short, so that it soon forgets the untrained weights.
    const double age = static_cast<double>(step);
    update.average_decay = std::min(job.training.ema, (1 + age) / (10 + age));
    kernels::OptimizerTerms& terms = update.optimizer;
    terms.kind = o.type == "sgd" ? OptimizerKind::sgd : o.type == "adamw" ? OptimizerKind::adamw : OptimizerKind::adam;
    terms.learning_rate = learning_rate(o, step, job.training.steps);
    terms.weight_decay = o.weight_decay;
    terms.momentum = o.momentum;
    terms.beta1 = o.beta1, terms.beta2 = o.beta2, terms.epsilon = o.epsilon;
    terms.step = step;
    return update;
}

ParameterBuffers training_buffers(const JobConfig& job) {
    return {.gradients = true, .moments = update_terms(job, 1).optimizer.moments(), .average = job.training.ema > 0};
}

std::optional<data::MaskOptions> mask_options(const MaskConfig& mask, std::uint64_t seed) {
    if (mask.type == "file") return std::nullopt;
    data::MaskOptions options;
    options.kind = data::mask_kind(mask.type);
    options.acceleration = mask.acceleration;
    options.calibration = static_cast<int>(mask.calibration);
    options.tolerance = mask.tolerance;
    options.seed = seed;
    if (mask.offset >= 0) options.offset = mask.offset;
    return options;
}

data::Samples open_samples(const DataSetConfig& set, const std::string& key, const JobConfig& job) {
    const std::int64_t available = data::DatasetFile(set.file).slices();
    return data::Samples(set.file, parse_slices(set.slices, available, key + ".slices"), mask_options(job.data.mask, job.seed));
}

Network network_of_checkpoint(const fs::path& checkpoint, Device device, bool training) {
    const CheckpointHeader header = read_checkpoint_header(checkpoint);
    try {
        const JobConfig job = parse_job(header.config, checkpoint.string());
        return Network(network_options(job), device, training ? training_buffers(job) : ParameterBuffers{});
    } catch (const ConfigError& e) {
        throw DataError(checkpoint.string(), std::string("its configuration cannot be read: ") + e.what(),
                        "the checkpoint is damaged or of another version");
    }
}

std::int64_t fit_unrolls(JobConfig job, const data::DatasetLayout& layout, std::size_t bytes, kernels::Operations& ops) {
    const auto activations = [&](std::int64_t unrolls) {
        job.model.unrolls = unrolls;
        job.training.modules = 0;
        Network network(network_options(job), ops.device(), training_buffers(job));
        StepMemory memory(ops);
        DeviceBatch batch(ops);
        ops.set_planning(true);
        make_schedule(strategy_of(job), network, memory, loss_of(job))
            ->step(batch.plan({job.training.batch, layout.coils, layout.height, layout.width}), update_terms(job, 1));
        ops.set_planning(false);
        return memory.use().front().planned;
    };
    constexpr std::int64_t most = 256;
    std::int64_t unrolls = 1;
    while (unrolls < most && activations(unrolls + 1) <= bytes) ++unrolls;
    return unrolls;
}

}  // namespace gleam::greedy
