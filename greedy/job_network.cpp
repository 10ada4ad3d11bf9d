#include "greedy/job_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "greedy/checkpoint.hpp"
#include "greedy/learning_rate.hpp"

namespace gleam::greedy {

namespace {

// "auto" stands for what was published: pre-activation and mirrored borders in 2D, post-activation and repeated edges else.
modules::RegularizerOptions regularizer_options(const ModelConfig& model) {
    using kernels::BorderMode;
    const RegularizerConfig& r = model.regularizer;
    const bool planar = model.physics == "2d";
    modules::RegularizerOptions o;
    o.architecture = r.type == "resnet" ? modules::Architecture::resnet : modules::Architecture::revnet;
    o.channels = 2 * static_cast<int>(model.map_sets);
    o.depth = !planar;
    o.features = static_cast<int>(r.features);
    o.kernel = static_cast<int>(r.kernel);
    o.blocks = static_cast<int>(r.blocks);
    o.layers = static_cast<int>(r.layers);
    o.activation =
        r.order == "before" || (r.order == "auto" && planar) ? modules::Activation::before : modules::Activation::after;
    o.slope = r.activation == "leaky_relu" ? 0.01 : 0;
    o.normalize = r.normalization == "instance";
    const BorderMode mode = r.border == "zero"                                        ? BorderMode::zero
                            : r.border == "reflect" || (r.border == "auto" && planar) ? BorderMode::reflect
                                                                                      : BorderMode::replicate;
    o.border = kernels::on_every_axis(mode);
    if (r.time_border == "circular") o.border[0] = BorderMode::circular;
    o.identity_start = r.initial == "identity";
    return o;
}

// Whether a module can be cut into the pieces that are computed again, each updated before the gradient of the one in front of it
// begins. Not where the length of all their gradients together counts.
bool updated_in_pieces(const JobConfig& job) {
    const int piece = strategy_of(job).recomputation.unrolls;
    return job.training.strategy != "greedy" && piece > 0 && job.model.unrolls % piece == 0 && !job.model.share_weights &&
           job.training.accumulate == 1 && job.training.clip_norm == 0;
}

}  // namespace

NetworkOptions network_options(const JobConfig& job) {
    NetworkOptions options;
    options.unrolls = static_cast<int>(job.model.unrolls);
    options.stages = static_cast<int>(module_count(job));
    if (updated_in_pieces(job)) options.stages = options.unrolls / strategy_of(job).recomputation.unrolls;
    options.share_weights = job.model.share_weights;
    options.dtype = precision_of(job);
    options.tf32 = job.precision == "tf32";
    const DataConsistencyConfig& d = job.model.data_consistency;
    modules::UnrollOptions& unroll = options.unroll;
    unroll.consistency = d.type == "gradient" ? modules::DataConsistency::gradient : modules::DataConsistency::conjugate_gradient;
    unroll.step = d.step;
    unroll.learned = d.learned;
    unroll.solver = {static_cast<int>(d.iterations), d.lambda, d.tolerance,
                     d.inner_products == "batch" ? modules::InnerProducts::batch : modules::InnerProducts::per_sample,
                     d.solver_gradient == "unrolled" ? modules::SolverGradient::unrolled : modules::SolverGradient::implicit};
    unroll.regularizer = regularizer_options(job.model);
    unroll.regularizer.bf16 = job.precision == "bf16";
    return options;
}

NetworkOptions network_options(const JobConfig& job, int first, int count) {
    NetworkOptions options = network_options(job);
    if (job.training.strategy == "greedy") options.first_stage = first, options.stage_count = count;
    return options;
}

DType precision_of(const JobConfig& job) { return job.precision == "fp64" ? DType::f64 : DType::f32; }

Strategy strategy_of(const JobConfig& job) {
    const TrainingConfig& t = job.training;
    Strategy strategy{t.strategy == "greedy", {}};
    strategy.recomputation.unrolls = static_cast<int>(t.recompute_unrolls);
    if (t.strategy == "checkpoint" && t.recompute_unrolls == 0) strategy.recomputation.unrolls = 1;
    if (t.strategy == "invertible")
        strategy.recomputation = {1, recovered_inputs(job), static_cast<int>(t.invertible.iterations)};
    return strategy;
}

double inverse_error_estimate(const DataConsistencyConfig& d) {
    const double condition = (1 + d.lambda) / d.lambda, root = std::sqrt(condition);
    const double residual = 2 * root * std::pow((root - 1) / (root + 1), static_cast<double>(d.iterations));
    return condition * std::max(d.tolerance, residual);
}

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
    const bool shared = (job.training.strategy == "greedy" && job.training.accumulate == 1) || updated_in_pieces(job);
    return {.gradients = true,
            .shared_gradients = shared,
            .moments = update_terms(job, 1).optimizer.moments(),
            .average = job.training.ema > 0};
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

void require_fitting(const data::DatasetLayout& layout, const std::string& file, const std::string& key, const JobConfig& job) {
    const auto remedy = [&](const auto& value) { return fmt::format("set it to {}, or name another file in {}", value, key); };
    const std::string physics = data::name_of(layout.physics);
    if (physics != job.model.physics)
        throw ConfigError("model.physics", fmt::format("is {}, but {} holds {} data", job.model.physics, file, physics),
                          remedy(physics));
    if (layout.sets != job.model.map_sets)
        throw ConfigError("model.map_sets", fmt::format("is {}, but {} has {}", job.model.map_sets, file, layout.sets),
                          remedy(layout.sets));
}

data::Samples open_samples(const DataSetConfig& set, const std::string& key, const JobConfig& job) {
    const data::DatasetFile file(set.file);
    require_fitting(file.layout(), set.file, key, job);
    const std::int64_t available = file.slices();
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

}  // namespace gleam::greedy
