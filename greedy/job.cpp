#include "greedy/job.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <numeric>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

// auto, cpu, cuda or cuda:N; and emu, which tests use and nobody else needs to know of
bool is_device(const std::string& text) {
    if (text == "auto" || text == "cpu" || text == "cuda" || text == "emu") return true;
    const std::string prefix = "cuda:";
    return text.rfind(prefix, 0) == 0 && text.size() > prefix.size() && text.size() <= prefix.size() + 3 &&
           text.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

// The shell expands "~", a YAML file does not; a directory of that name is never meant.
bool is_path(const std::string& text) { return text.empty() || text[0] != '~'; }
std::vector<int> numbers_of(const std::string& text) {  // "3,2,3"; empty if it is anything else
    std::vector<int> numbers;
    for (const char* at = text.c_str();; ++at) {
        int n = 0, length = 0;
        if (std::sscanf(at, "%5d%n", &n, &length) != 1 || n < 1) return {};
        numbers.push_back(n);
        at += length;
        if (!*at) return numbers;
        if (*at != ',') return {};
    }
}

bool is_placement(const std::string& text) { return text == "measured" || text == "equal" || !numbers_of(text).empty(); }

constexpr TextForm path_form = {"a path without '~', or empty", is_path};

constexpr std::int64_t most_unrolls = 10'000;
constexpr double least_invertible_lambda = 1e-3;
constexpr SliceNames unroll_names = {"unroll", "unrolls", "model"};

}  // namespace

const std::vector<std::string>& strategy_names() {
    static const std::vector<std::string> names{"greedy", "end_to_end", "checkpoint", "invertible"};
    return names;
}

// The description of every key. Not in the unnamed namespace, where ConfigVisitor::section() would not find them.

static void visit(ConfigVisitor& v, DataConsistencyConfig& c) {
    v.choice({"type",
              "how an image is drawn towards the measured data: `gradient`, one gradient step on the data term before the "
              "regularizer (PGD); `conjugate_gradient`, a least-squares solve after it (MoDL)"},
             c.type, {"gradient", "conjugate_gradient"});
    v.number({"step", "`gradient`: length of the step"}, c.step, {.least = 0, .least_open = true});
    v.number({"lambda", "`conjugate_gradient`: weight of the regularizer's image, relative to the data"}, c.lambda,
             {.least = 0, .least_open = true});
    v.flag({"learned", "learn `step` or `lambda`, one per unroll, from the value given on"}, c.learned);
    v.whole({"iterations", "`conjugate_gradient`: iterations of every solve"}, c.iterations, {.least = 1, .most = 10'000});
    v.number({"tolerance",
              "`conjugate_gradient`: samples whose residual fell below this fraction of the right-hand side are done; "
              "0 = all iterations"},
             c.tolerance, {.least = 0, .most = 1, .most_open = true});
    v.choice({"inner_products", "`conjugate_gradient`: every sample for itself, or the whole batch as one vector (as published)"},
             c.inner_products, {"per_sample", "batch"});
    v.choice({"solver_gradient",
              "`conjugate_gradient`: `implicit`, one more solve, whose memory does not depend on the iterations; "
              "`unrolled`, through every iteration (as published)"},
             c.solver_gradient, {"implicit", "unrolled"});
}

static void visit(ConfigVisitor& v, RegularizerConfig& c) {
    v.choice({"type", "network architecture: `resnet` (PGD), residual blocks; `revnet` (MoDL), a plain chain of convolutions"},
             c.type, {"resnet", "revnet"});
    v.whole({"features", "width of the hidden layers", "channels"}, c.features, {.least = 1, .most = 4096});
    v.whole({"blocks", "`resnet`: residual blocks, of two convolutions each"}, c.blocks, {.least = 1, .most = 1000});
    v.whole({"layers", "`revnet`: convolutions"}, c.layers, {.least = 1, .most = 1000});
    v.whole({"kernel", "side of the convolution kernels", "pixels"}, c.kernel, {.least = 1, .most = 31, .odd = true});
    v.choice({"order", "`resnet`: activations before or after the convolutions; `auto` = before in 2d, after else"}, c.order,
             {"auto", "before", "after"});
    v.choice({"activation", "non-linearity; the leaky one has slope 0.01 for negative numbers"}, c.activation,
             {"relu", "leaky_relu"});
    v.choice({"normalization", "before every activation: none, or by mean and deviation of each sample and channel"},
             c.normalization, {"none", "instance"});
    v.choice({"border",
              "how images are continued beyond their border: mirrored, by their edge, or by zeros; `auto` = reflect in 2d, "
              "replicate else"},
             c.border, {"auto", "reflect", "replicate", "zero"});
    v.choice({"time_border", "the same in time: as `border`, or around from the last frame to the first (2d+t only)"},
             c.time_border, {"same", "circular"});
    v.choice({"initial", "the untrained network: the identity (its last layer starts at 0), or random in every layer"}, c.initial,
             {"identity", "random"});
}

static void visit(ConfigVisitor& v, ModelConfig& c) {
    v.choice({"physics",
              "what is reconstructed from Cartesian multi-coil k-space: `2d`, slices; `3d`, volumes; `2d+t`, slices over "
              "time. Networks see two or three dimensions accordingly"},
             c.physics, {"2d", "3d", "2d+t"});
    v.whole({"map_sets", "sets of coil maps (soft SENSE), as the data set has"}, c.map_sets, {.least = 1, .most = 16});
    v.whole({"unrolls", "unrolled iterations"}, c.unrolls, {.least = 1, .most = most_unrolls});
    v.flag({"share_weights", "all unrolls have the same weights (end-to-end training only)"}, c.share_weights);
    v.section({"data_consistency", "the part of every unrolled iteration that knows the measured data"}, c.data_consistency);
    v.section({"regularizer", "the part of every unrolled iteration that is learned"}, c.regularizer);
}

static void visit(ConfigVisitor& v, LossConfig& c) {
    v.number({"l1", "mean absolute difference of the complex images"}, c.l1, {.least = 0});
    v.number({"l2", "mean squared difference of the complex images"}, c.l2, {.least = 0});
    v.number({"magnitude_l1", "mean absolute difference of the magnitudes"}, c.magnitude_l1, {.least = 0});
    v.number({"ssim", "1 - structural similarity of the magnitudes, as validation scores it"}, c.ssim, {.least = 0});
    v.number({"perpendicular", "difference of the phases, weighted by magnitude, and of the magnitudes (Terpstra et al. 2022)"},
             c.perpendicular, {.least = 0});
}

static void visit(ConfigVisitor& v, OptimizerConfig& c) {
    v.choice({"type", "update rule, as in torch.optim"}, c.type, {"adam", "adamw", "sgd"});
    v.number({"learning_rate", "step size at the start of the run, after the warm-up"}, c.learning_rate,
             {.least = 0, .least_open = true});
    v.choice(
        {"schedule", "`constant`; `cosine`: falls to 0 at the last step along half a cosine; `step`: falls by a factor at times"},
        c.schedule, {"constant", "cosine", "step"});
    v.whole({"step_every", "distance between the falls of schedule `step`", "steps"}, c.step_every, {.least = 1});
    v.number({"step_factor", "factor of each fall of schedule `step`"}, c.step_factor,
             {.least = 0, .most = 1, .least_open = true});
    v.whole({"warmup", "how long the step size rises linearly from 0 before the schedule starts", "steps"}, c.warmup,
            {.least = 0});
    v.number({"momentum", "part of the last update that `sgd` goes on with"}, c.momentum,
             {.least = 0, .most = 1, .most_open = true});
    v.number({"beta1", "decay of the running mean of gradients; unused by `sgd`"}, c.beta1,
             {.least = 0, .most = 1, .most_open = true});
    v.number({"beta2", "decay of the running mean of squared gradients; unused by `sgd`"}, c.beta2,
             {.least = 0, .most = 1, .most_open = true});
    v.number({"epsilon", "added to the denominator of the update; unused by `sgd`"}, c.epsilon, {.least = 0, .least_open = true});
    v.number({"weight_decay",
              "weight of the L2 penalty on all weights and biases: added to the gradient, but by `adamw` applied apart "
              "from it"},
             c.weight_decay, {.least = 0});
}

static void visit(ConfigVisitor& v, InvertibleConfig& c) {
    v.text({"stored",
            "unrolls whose input is stored rather than recovered, counted from 0: `0:2`, or `0,3,6`; that of unroll 0 always is, "
            "at no "
            "cost"},
           c.stored, {.expected = "text such as 0:2, or empty"});
    v.whole({"iterations", "fixed-point iterations that recover the input of a revnet"}, c.iterations,
            {.least = 1, .most = 1000});
    v.number({"warn_above",
              "warn when an unroll does not give its output again from the recovered input within this fraction; 0 = always"},
             c.warn_above, {.least = 0});
}

static void visit(ConfigVisitor& v, TrainingConfig& c) {
    v.choice(
        {"strategy",
         "`greedy`: every module by its own loss; `end_to_end`: all unrolls by one loss at the end; `checkpoint`, `invertible`: "
         "the same gradient in less memory, by computing unrolls again from images that were stored or, for MoDL, recovered "
         "from the output"},
        c.strategy, strategy_names());
    v.whole({"modules", "greedy modules, which must divide `model.unrolls`; 0 = one per unroll; 0 or 1 with other strategies"},
            c.modules, {.least = 0, .most = 10'000});
    v.whole(
        {"recompute_unrolls",
         "`checkpoint`, and `greedy` within its modules: unrolls that are computed again at a time; 0 = one with `checkpoint`, "
         "none with `greedy`",
         "unrolls"},
        c.recompute_unrolls, {.least = 0, .most = 10'000});
    v.section({"invertible", "strategy `invertible`, which needs conjugate_gradient with revnet; unused by the others"},
              c.invertible);
    v.whole({"batch", "slices computed together"}, c.batch, {.least = 1, .most = 1'000'000});
    v.whole({"accumulate",
             "batches per step, whose gradients are averaged: as one batch of that many times the slices, in the memory "
             "of one",
             "batches"},
            c.accumulate, {.least = 1, .most = 1'000'000});
    v.flag({"cuda_graphs", "on a GPU, record the work of every module once and launch it as one CUDA graph from then on"},
           c.cuda_graphs);
    v.whole({"steps", "updates of the weights in the whole run"}, c.steps, {.least = 1});
    v.section({"loss", "what is minimised: a sum of losses between image and target, each with its weight; 0 leaves it out"},
              c.loss);
    v.section({"optimizer", "how weights are updated"}, c.optimizer);
    v.number({"clip_norm", "longest gradient of a module, in l2 norm; longer ones are shortened; 0 = any length"}, c.clip_norm,
             {.least = 0});
    v.number({"ema",
              "decay of a running average of the weights, such as 0.999, which validation and reconstruction then use; 0 = none"},
             c.ema, {.least = 0, .most = 1, .most_open = true});
    v.whole({"log_every", "distance between lines of metrics", "steps"}, c.log_every, {.least = 1});
    v.whole({"validate_every", "distance between validations, if there is validation data; 0 = never", "steps"}, c.validate_every,
            {.least = 0});
    v.whole({"checkpoint_every", "distance between checkpoints; 0 = only one at the end", "steps"}, c.checkpoint_every,
            {.least = 0});
}

static void visit(ConfigVisitor& v, ParallelConfig& c) {
    v.whole(
        {"ranks",
         "workers that the modules of greedy training are spread over, each with consecutive ones: a pipeline over mini-batches, "
         "whose results do not depend on it, to the bit"},
        c.ranks, {.least = 1, .most = 4096});
    v.whole({"replicas",
             "pipelines that train the same weights, each on batches of its own: the gradients of all are averaged, so a step "
             "sees so many times `training.batch` samples"},
            c.replicas, {.least = 1, .most = 4096});
    v.text({"placement",
            "which modules a rank takes: `measured` = by what a step of each costs here, `equal` = equal numbers, or how many on "
            "each rank, such as 3,2,3"},
           c.placement, {"measured, equal or numbers such as 3,2,3", is_placement});
    v.choice(
        {"transport",
         "how images go from process to process: `nccl` = from GPU to GPU, `host` = through the memory of the hosts, `auto` = "
         "the former where it can be had"},
        c.transport, {"auto", "host", "nccl"});
    v.number({"deadline", "longest that a process may give no sign of life before the run ends", "seconds"}, c.deadline,
             {.least = 0, .most = 1e6, .least_open = true});
}

static void visit(ConfigVisitor& v, DataSetConfig& c) {
    v.text({"file", "GLEAM data set (HDF5)"}, c.file, path_form);
    v.text({"slices", "slices to use, counted from 0: empty = all, `0:80` = 0 to 79, `0:80:2` = every second, `3,5,9` = these"},
           c.slices, {.expected = "text such as 0:80, or empty"});
}

static void visit(ConfigVisitor& v, MaskConfig& c) {
    v.choice({"type", "how samples are chosen; `file` uses the mask stored in the data set"}, c.type,
             {"poisson", "random_1d", "equispaced_1d", "file"});
    v.number({"acceleration", "all samples divided by kept samples; a whole number for `equispaced_1d`; unused by `file`"},
             c.acceleration, {.least = 1, .most = 1000});
    v.whole({"calibration", "side of the fully sampled centre; unused by `file`", "samples"}, c.calibration,
            {.least = 0, .most = 1'000'000});
    v.number({"tolerance", "how far the acceleration of a `poisson` mask may be off"}, c.tolerance,
             {.least = 0, .least_open = true});
    v.whole({"offset", "first sampled line of `equispaced_1d`, below the acceleration; -1 = random for every sample", "lines"},
            c.offset, {.least = -1, .most = 1000});
}

static void visit(ConfigVisitor& v, DataConfig& c) {
    v.section({"train", "what is learned from"}, c.train);
    v.section({"validation", "what progress is measured on"}, c.validation);
    v.section({"mask", "which k-space samples the network gets to see"}, c.mask);
}

static void visit(ConfigVisitor& v, JobConfig& c) {
    v.whole({"seed", "root of all random numbers: same seed, same results"}, c.seed);
    v.text({"device", "where to compute; `auto` takes the fastest device there is"}, c.device,
           {"auto, cpu, cuda or cuda:N", is_device});
    v.choice(
        {"precision",
         "number format; fp32 is strict. `tf32` lets convolutions on a GPU round fp32 to 10 bits after the point before they "
         "multiply (on the CPU it is fp32); `bf16` is fp32 for weights and images, and bf16 for the features between the layers "
         "of the regularizer, which are most of the memory"},
        c.precision, {"fp32", "tf32", "bf16", "fp64"});
    v.whole({"threads", "CPU threads; 0 = all cores this process may use"}, c.threads, {.least = 0, .most = 4096});
    v.section({"model", "the unrolled network"}, c.model);
    v.section({"training", "how its weights are found"}, c.training);
    v.section({"parallel", "training in parallel"}, c.parallel);
    v.section({"data", "what is learned from and measured on, and how it is undersampled"}, c.data);
    v.text({"output", "directory for everything the run writes"}, c.output, path_form);
}

namespace {

ConfigSchema schema_of(JobConfig& job) {
    return [&job](ConfigVisitor& v) { visit(v, job); };
}

void check_model(const JobConfig& job, const ConfigPlaces& places) {
    if (job.model.share_weights && job.training.strategy == "greedy")
        throw ConfigError(
            place_of(places, "model.share_weights"),
            "'model.share_weights' is set, but greedy training updates every module by its own loss, so that modules with common "
            "weights would undo each other's steps",
            "remove it, or set 'training.strategy' to end_to_end");
    if (job.model.regularizer.time_border != "same" && job.model.physics != "2d+t")
        throw ConfigError(place_of(places, "model.regularizer.time_border"),
                          fmt::format("'model.regularizer.time_border' is {}, but {} has no time",
                                      job.model.regularizer.time_border, job.model.physics),
                          "remove it, or set 'model.physics' to 2d+t");
}

void check_training(const JobConfig& job, const ConfigPlaces& places) {
    const std::int64_t modules = job.training.modules, unrolls = job.model.unrolls;
    const std::string place = place_of(places, places.count("training.modules") ? "training.modules" : "model.unrolls");
    if (job.training.strategy != "greedy" && modules > 1)
        throw ConfigError(
            place_of(places, "training.modules"),
            fmt::format("'training.modules' is {}, but {} training knows a single module", modules, job.training.strategy),
            "set it to 0, or 'training.strategy' to greedy");
    if (modules == 0 || unrolls % modules == 0) return;
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= unrolls; ++d)
        if (unrolls % d == 0) divisors.push_back(d);
    throw ConfigError(
        place, fmt::format("'training.modules' is {}, which does not divide the {} unrolls of the model", modules, unrolls),
        fmt::format("choose one of {}, or 0 for one module per unroll", fmt::join(divisors, ", ")));
}

void check_invertible(const JobConfig& job, const ConfigPlaces& places) {
    const TrainingConfig& t = job.training;
    const auto refuse = [&](const std::string& key, const std::string& what, const std::string& remedy) {
        throw ConfigError(place_of(places, key), what, remedy);
    };
    if (t.strategy != "checkpoint" && t.strategy != "greedy" && t.recompute_unrolls != 0)
        refuse("training.recompute_unrolls",
               fmt::format("'training.recompute_unrolls' is {}, which {} training does not use", t.recompute_unrolls, t.strategy),
               "remove it, or set 'training.strategy' to checkpoint or greedy");
    if (t.strategy != "invertible") return;
    const DataConsistencyConfig& d = job.model.data_consistency;
    if (d.type != "conjugate_gradient" || job.model.regularizer.type != "revnet")
        refuse("training.strategy",
               fmt::format("'training.strategy' is invertible, but unrolls of {} with {} cannot be run backwards", d.type,
                           job.model.regularizer.type),
               "set 'model.data_consistency.type' to conjugate_gradient and 'model.regularizer.type' to revnet, or take "
               "strategy checkpoint");
    if (d.lambda < least_invertible_lambda)
        refuse("model.data_consistency.lambda",
               fmt::format(
                   "'model.data_consistency.lambda' is {}, by which the inverse divides: errors would grow up to {:.0f}-fold "
                   "in every unroll",
                   d.lambda, 1 + 1 / d.lambda),
               fmt::format("choose at least {}, or take strategy checkpoint", least_invertible_lambda));
    if (!t.invertible.stored.empty())
        parse_slices(t.invertible.stored, job.model.unrolls, place_of(places, "training.invertible.stored"), unroll_names);
}

void check_parallel(const JobConfig& job, const ConfigPlaces& places) {
    const std::int64_t ranks = job.parallel.ranks;
    const std::string place = place_of(places, "parallel.ranks");
    if (ranks > 1 && job.training.strategy != "greedy")
        throw ConfigError(place,
                          fmt::format("'parallel.ranks' is {}, but {} training has a gradient through the whole network", ranks,
                                      job.training.strategy),
                          "remove it, or set 'training.strategy' to greedy");
    if (ranks > module_count(job))
        throw ConfigError(place, fmt::format("'parallel.ranks' is {}, but there are {} modules", ranks, module_count(job)),
                          fmt::format("choose at most {}, or more modules (training.modules)", module_count(job)));
}

void check_placement(const JobConfig& job, const ConfigPlaces& places) {
    const std::vector<int> given = given_placement(job);
    const std::int64_t all = std::accumulate(given.begin(), given.end(), std::int64_t{0}), modules = module_count(job);
    if (!given.empty() && all != modules)
        throw ConfigError(
            place_of(places, "parallel.placement"),
            fmt::format("'parallel.placement' is {}: {} modules, but there are {}", job.parallel.placement, all, modules),
            "give each rank a number of modules, as many together as there are");
}

void check_loss(const LossConfig& loss, const ConfigPlaces& places) {
    if (loss.l1 + loss.l2 + loss.magnitude_l1 + loss.ssim + loss.perpendicular > 0) return;
    std::string where = "training.loss";
    for (const char* name : {"perpendicular", "ssim", "magnitude_l1", "l2", "l1"})
        if (const std::string key = std::string("training.loss.") + name; places.count(key)) where = place_of(places, key);
    throw ConfigError(where, "all weights in 'training.loss' are 0: there is nothing to minimise",
                      "give one of them, such as l1: 1");
}

void check_optimizer(const TrainingConfig& training, const ConfigPlaces& places) {
    const OptimizerConfig& o = training.optimizer;
    if (o.warmup >= training.steps)
        throw ConfigError(
            place_of(places, places.count("training.optimizer.warmup") ? "training.optimizer.warmup" : "training.steps"),
            fmt::format("'training.optimizer.warmup' is {}, but the run has only {} steps", o.warmup, training.steps),
            "choose a shorter warm-up");
    if (o.momentum != 0 && o.type != "sgd")
        throw ConfigError(place_of(places, "training.optimizer.momentum"),
                          fmt::format("'training.optimizer.momentum' is {}, but {} has none", o.momentum, o.type),
                          "remove it (beta1 is its counterpart), or set 'training.optimizer.type' to sgd");
}

void check_data_set(const DataSetConfig& set, const std::string& name, const ConfigPlaces& places) {
    const std::string where = place_of(places, name + ".slices");
    check_slices(set.slices, where);
    if (set.file.empty() && !set.slices.empty())
        throw ConfigError(where, fmt::format("'{}.slices' is set, but '{}.file' is empty", name, name), "name the file");
}

void check_mask(const MaskConfig& mask, const ConfigPlaces& places) {
    const std::string offset = place_of(places, "data.mask.offset");
    if (mask.type != "equispaced_1d") {
        if (mask.offset != -1)
            throw ConfigError(offset,
                              fmt::format("'data.mask.offset' is {}, but only equispaced_1d masks have an offset", mask.offset),
                              "remove it, or set 'data.mask.type' to equispaced_1d");
        return;
    }
    if (mask.acceleration != std::floor(mask.acceleration))
        throw ConfigError(
            place_of(places, "data.mask.acceleration"),
            fmt::format("'data.mask.acceleration' is {}, but equispaced_1d takes every n-th line", mask.acceleration),
            "choose a whole number");
    if (static_cast<double>(mask.offset) >= mask.acceleration)
        throw ConfigError(
            offset, fmt::format("'data.mask.offset' is {}, not below the acceleration of {}", mask.offset, mask.acceleration),
            fmt::format("choose 0 to {}, or -1 for a random offset", mask.acceleration - 1));
}

void check_combinations(const JobConfig& job, const ConfigPlaces& places) {
    check_model(job, places);
    check_training(job, places);
    check_invertible(job, places);
    check_parallel(job, places);
    check_placement(job, places);
    check_loss(job.training.loss, places);
    check_optimizer(job.training, places);
    check_data_set(job.data.train, "data.train", places);
    check_data_set(job.data.validation, "data.validation", places);
    check_mask(job.data.mask, places);
}

}  // namespace

JobConfig read_job(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
    return parse_job(read_config_file(file), file.string(), overrides);
}

JobConfig parse_job(const std::string& yaml_text, const std::string& name, const std::vector<std::string>& overrides) {
    JobConfig job;
    check_combinations(job, read_config(schema_of(job), yaml_text, name, overrides));
    return job;
}

std::string dump_job(const JobConfig& job) {
    JobConfig copy = job;
    return dump_config(schema_of(copy));
}

void validate(const JobConfig& job, const ConfigPlaces& places) {
    JobConfig copy = job;
    check_config(schema_of(copy));
    check_combinations(job, places);
}

std::int64_t module_count(const JobConfig& job) {
    if (job.training.strategy != "greedy") return 1;
    return job.training.modules ? job.training.modules : job.model.unrolls;
}

std::vector<int> given_placement(const JobConfig& job) { return numbers_of(job.parallel.placement); }

std::vector<bool> recovered_inputs(const JobConfig& job) {
    if (job.training.strategy != "invertible") return {};
    std::vector<bool> recovered(static_cast<std::size_t>(job.model.unrolls), true);
    recovered[0] = false;
    const std::string& stored = job.training.invertible.stored;
    if (!stored.empty())
        for (const std::int64_t i : parse_slices(stored, most_unrolls, "training.invertible.stored", unroll_names))
            if (i < job.model.unrolls) recovered[static_cast<std::size_t>(i)] = false;
    return recovered;
}

std::string config_reference_markdown() {
    JobConfig defaults;
    return describe_config(schema_of(defaults));
}

}  // namespace gleam::greedy
