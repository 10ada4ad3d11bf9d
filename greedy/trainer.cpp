#include "greedy/trainer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/interrupt.hpp"
#include "core/json_lines.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/version.hpp"
#include "greedy/parallel/letters.hpp"
#include "kernels/cpu/cpu.hpp"
#include "modules/metrics.hpp"

namespace gleam::greedy {
namespace {

using Json = nlohmann::ordered_json;

double quantile(std::vector<double> v, double q) {
    if (v.empty()) return 0;
    std::sort(v.begin(), v.end());
    return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1) + 0.5)];
}

void require_targets(const data::Samples& samples) {
    if (!samples.file().layout().target)
        throw DataError(samples.file().path().string(), "has no 'target' to learn from",
                        "training needs fully sampled data: prepare it without a mask");
}

template <class F>
double seconds_of(F&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

Trainer::Trainer(const JobConfig& job, bool resume, kernels::Operations& ops, Rank rank)
    : job_(job),
      rank_(std::move(rank)),
      directory_(job.output),
      ops_(ops),
      train_(open_samples(job.data.train, "data.train", job)),
      network_(network_options(job, rank_.first_module, rank_.modules), ops.device(), training_buffers(job)),
      memory_(ops, network_.options().tf32),
      batch_(ops, precision_of(job)),
      schedule_(make_schedule(strategy_of(job), network_, memory_, loss_of(job))),
      process_start_(process_memory().resident) {
    ops_.set_repeating(job.training.cuda_graphs);
    require_targets(train_);
    if (!job.data.validation.file.empty()) {
        validation_.emplace(open_samples(job.data.validation, "data.validation", job));
        require_targets(*validation_);
    }
    plan_memory();
    resume_or_start(resume);
}

Trainer::~Trainer() = default;

DataLayouts Trainer::layouts() const {
    DataLayouts data{train_.file().layout(), {}};
    if (validation_) data.validation = validation_->file().layout();
    return data;
}

void Trainer::plan_memory() {
    dry_run(job_, network_, memory_, batch_, *schedule_, layouts());
    for (const ArenaUse& use : memory_use()) log_info("memory  {:<12} {:>12}", use.name, format_bytes(use.planned));
    network_.materialize(ops_, job_.seed);
    memory_.grant();
    batch_.grant();
    if (rank_.connect) connect();
}

void Trainer::connect() {
    std::int64_t pixels = batch_shape(train_.file().layout(), job_.training.batch).image.elements();
    if (validation_) pixels = std::max(pixels, batch_shape(validation_->file().layout(), 1).image.elements());
    ConnectionSizes sizes{static_cast<std::size_t>(pixels) * size_of(complex_of(precision_of(job_))), 0};
    for (const Stage& stage : network_.stages())
        sizes.gradient = std::max(sizes.gradient, stage.parameters().gradients().bytes());
    ports_ = rank_.connect(sizes);
    links_ = {ports_.in, ports_.out, ports_.peers, 0, &timeline_};
    schedule_->connect(links_);
}

void Trainer::resume_or_start(bool resume) {
    make_directories(directory_);
    const fs::path last = directory_ / "last.h5";
    if (fs::exists(last) && !resume)
        throw DataError(directory_.string(), "already holds a run", "continue it with --resume, or choose another --out");
    state_.seed = job_.seed;
    if (fs::exists(last)) {
        const CheckpointHeader header = read_checkpoint_header(last);
        JobConfig saved = parse_job(header.config, last.string());
        if (job_.training.optimizer.schedule != "cosine") saved.training.steps = job_.training.steps;  // longer is the same run
        const std::int64_t replicas = saved.parallel.replicas;
        saved.output = job_.output, saved.parallel = job_.parallel;
        saved.parallel.replicas = replicas;  // how many samples a step sees
        if (!(saved == job_))
            throw ConfigError(
                last.string(), "was made with another configuration than the one given",
                "resume with the configuration in config.yaml beside it (training.steps may change unless the learning "
                "rate follows a cosine)");
        load_checkpoint(last, network_, ops_);
        state_ = header.state;
        log_info("resuming at step {}", state_.step);
    } else if (resume) {
        log_info("{} holds no checkpoint yet: starting at step 0", directory_.string());
    }
    if (!leads()) return;
    metrics_ = std::make_unique<JsonLines>(directory_ / "metrics.jsonl", state_.metrics_bytes);
    write_file(directory_ / "config.yaml", dump_job(job_));
}

Outcome Trainer::run() {
    const TrainingConfig& t = job_.training;
    log_info("training {} unrolls in {} modules ({}), {} parameters, effective batch {}, {} samples", job_.model.unrolls,
             schedule_->loss_count(), t.strategy, network_.parameter_count(), t.batch * t.accumulate * rank_.position.replicas,
             train_.count());
    if (const double expected = inverse_error_estimate(job_.model.data_consistency);
        t.strategy == "invertible" && expected > t.invertible.warn_above)
        log_warning(
            "after {} iterations at lambda {:g} solves may be so inexact that recovered inputs are off by up to {:.2g}; raise "
            "model.data_consistency.iterations or lambda, or take strategy checkpoint",
            job_.model.data_consistency.iterations, job_.model.data_consistency.lambda, expected);
    train();  // its batches are gone before the last checkpoint is written
    save("last.h5");
    if (!validation_) save("best.h5");
    write_timelines();
    if (leads()) write_summary(process_start_);
    return state_.step < t.steps ? Outcome::interrupted : Outcome::finished;
}

void Trainer::train() {
    const TrainingConfig& t = job_.training;
    const int replicas = rank_.position.replicas;
    data::Loader loader(train_, t.batch, job_.seed, batches_done() * replicas + rank_.position.replica(), replicas);
    Progress progress(state_.step, t.steps);
    while (state_.step < t.steps && goes_on()) {
        train_step(loader);
        if (due(state_.step, t.log_every) || state_.step == t.steps) log_step();
        if (leads()) progress.show(state_.step, fmt::format("loss {:.4f}", fmt::join(losses_, " ")));
        if (validation_ && (due(state_.step, t.validate_every) || state_.step == t.steps)) {
            progress.pause();
            validate();
        }
        if (due(state_.step, t.checkpoint_every)) save("last.h5");
    }
    progress.pause();
}

// Of this rank's loader, one after the other.
std::int64_t Trainer::batches_done() const { return state_.step * job_.training.accumulate; }

// The first rank decides for all that begin a pipeline, and the end goes through each behind the last batch.
bool Trainer::first_goes_on() {
    const Position& p = rank_.position;
    if (p.number > 0) return receive_numbers(*ports_.mail, 0).at(0) != 0;
    const bool on = !interrupt_signal();
    for (int r = p.ranks; r < p.count(); r += p.ranks) send_numbers(*ports_.mail, r, {on ? 1.0 : 0.0});
    return on;
}

bool Trainer::goes_on() {
    timeline_.begin_step(state_.step + 1);
    if (timeline_.time(SpanKind::wait, [&] { return ports_.in ? ports_.in->more() : first_goes_on(); })) return true;
    if (ports_.out) ports_.out->end();
    return false;
}

// On the leading rank: the numbers of all modules, in order, averaged over the replicas.
std::vector<double> Trainer::of_all_ranks(std::vector<double> numbers) {
    const Position& p = rank_.position;
    if (!p.leads()) {
        send_numbers(*ports_.mail, p.lead(), numbers);
        return numbers;
    }
    std::vector<double> mean;
    for (int replica = 0; replica < p.replicas; ++replica) {
        std::vector<double> all;
        for (int r = replica * p.ranks; r < (replica + 1) * p.ranks; ++r) {
            const std::vector<double> one = r == p.number ? numbers : receive_numbers(*ports_.mail, r);
            all.insert(all.end(), one.begin(), one.end());
        }
        mean.resize(all.size(), 0);
        for (std::size_t i = 0; i < all.size(); ++i) mean[i] += all[i] / p.replicas;
    }
    return mean;
}

// What the leading rank says to those of its pipeline.
bool Trainer::agree(bool lead_says) {
    const Position& p = rank_.position;
    if (!p.leads()) return receive_numbers(*ports_.mail, p.lead()).at(0) != 0;
    for (int r = 0; r < p.lead(); ++r) send_numbers(*ports_.mail, r, {lead_says ? 1.0 : 0.0});
    return lead_says;
}

void Trainer::log_mask(const data::HostBatch& batch) const {
    double sampled = 0;
    for (float m : batch.mask.values) sampled += static_cast<double>(m);
    const double actual = static_cast<double>(batch.mask.elements()) / std::max(sampled, 1.0);
    const auto& mask = train_.mask_options();
    if (mask)
        log_info("mask {}: acceleration {:g} asked for, {:.2f} in the first batch", data::name_of(mask->kind), mask->acceleration,
                 actual);
    else
        log_info("mask of the data set: acceleration {:.2f} in the first batch", actual);
}

void Trainer::train_step(data::Loader& loader) {
    const std::int64_t batches = job_.training.accumulate;
    std::vector<std::int64_t> slices;
    double waiting = 0;  // for data
    const auto load = [&] {
        data::HostBatch batch;
        waiting += seconds_of([&] { timeline_.time(SpanKind::data, [&] { batch = loader.next(); }); });
        if (step_seconds_.empty() && slices.empty()) log_mask(batch);
        slices.insert(slices.end(), batch.slices.begin(), batch.slices.end());
        state_.epoch = batch.epoch;
        return batch_.load(batch);
    };
    const auto next = [&] {
        const Batch batch = load();
        loader.let_go();
        return batch;
    };
    links_.label = batches_done();
    const double all = seconds_of([&] {
        const Timeline::Span computing(&timeline_, SpanKind::compute);
        schedule_->step(static_cast<int>(batches), next, update_terms(job_, ++state_.step));
        losses_ = schedule_->losses();
    });
    const double seconds = all - waiting;
    step_seconds_.push_back(seconds);
    training_seconds_ += seconds;
    waiting_seconds_ += waiting;
    for (std::size_t s = 0; s < losses_.size(); ++s)
        if (!std::isfinite(losses_[s]))
            throw NumericError(
                fmt::format("step {}, module {}", state_.step, rank_.first_module + static_cast<int>(s) + 1),
                fmt::format("the loss is {} (slices {})", losses_[s], fmt::join(slices, ", ")),
                "lower training.optimizer.learning_rate, set training.clip_norm, or look at these slices; the last "
                "checkpoint is intact");
}

void Trainer::log_step() {
    const std::vector<double> losses = of_all_ranks(losses_);
    const std::vector<double> norms =
        job_.training.clip_norm > 0 ? of_all_ranks(schedule_->gradient_norms()) : std::vector<double>();
    if (!leads()) return;
    Json line{{"kind", "train"}, {"step", state_.step}, {"epoch", state_.epoch}, {"loss", losses}};
    if (!norms.empty()) line["gradient_norm"] = norms;
    const std::map<int, double> errors = schedule_->recovery_errors();
    if (!errors.empty()) {
        std::vector<double> all(static_cast<std::size_t>(job_.model.unrolls), 0.0);
        for (const auto& [unroll, error] : errors) all[static_cast<std::size_t>(unroll)] = error;
        line["recovery_error"] = all;
        warn_of_recovery(errors);
    }
    metrics_->write(line.dump());
}

void Trainer::warn_of_recovery(const std::map<int, double>& errors) {
    for (const auto& [unroll, error] : errors) {
        if (recovery_warned_ || error <= job_.training.invertible.warn_above) continue;
        recovery_warned_ = true;
        log_warning(
            "step {}: from its recovered input unroll {} gives its output with a relative error of {:.2g}; gradients are as "
            "inexact; store more inputs (training.invertible.stored), raise training.invertible.iterations, or take strategy "
            "checkpoint. Further warnings are left out, metrics.jsonl has recovery_error",
            state_.step, unroll, error);
    }
}

void Trainer::validate() {
    if (rank_.position.replica() > 0) return;  // the same weights
    const Timeline::Span validating(&timeline_, SpanKind::validate);
    std::vector<double> psnr, ssim, nrmse;
    const auto host = kernels::make_cpu_operations();
    Arena workspace("validation");
    workspace.serve_on_demand(host->allocator());
    for (std::int64_t i = 0; i < validation_->count(); ++i) {
        const AveragedWeights averaged(network_);
        const data::HostBatch sample = data::batch_of(validation_->read(i, 0, *host, workspace));
        const Batch batch = batch_.load(sample);
        ComplexArray image(sample.target.shape);
        links_.label = validation_label(i);
        reconstruct(network_, memory_, batch, image.view(), rank_.connect ? &links_ : nullptr);
        if (!leads()) continue;
        const modules::Scores s = modules::score(image, sample.target);
        psnr.push_back(s.psnr), ssim.push_back(s.ssim), nrmse.push_back(s.nrmse);
    }
    const double mean = leads() ? modules::spread(psnr).mean : 0;
    if (leads()) {
        metrics_->write(Json{{"kind", "validation"},
                             {"step", state_.step},
                             {"slices", validation_->count()},
                             {"psnr", mean},
                             {"ssim", modules::spread(ssim).mean},
                             {"nrmse", modules::spread(nrmse).mean}}
                            .dump());
        log_info("step {}  validation PSNR {} dB  SSIM {}", state_.step, modules::spread(psnr).str(2),
                 modules::spread(ssim).str(4));
    }
    if (!agree(state_.best_step < 0 || mean > state_.best_psnr)) return;
    state_.best_step = state_.step, state_.best_psnr = mean;
    save("best.h5");
}

void Trainer::save(const char* file) {
    const int lead = rank_.position.lead();
    if (rank_.position.replica() > 0) return;
    const Timeline::Span saving(&timeline_, SpanKind::save);
    if (!leads()) {
        for_each_saved(network_, ops_, (directory_ / file).string(),
                       [&](const CheckpointTensor& t) { send_tensor(*ports_.mail, lead, t); });
        return send_no_more(*ports_.mail, lead);
    }
    state_.metrics_bytes = metrics_->sync();
    int from = 0;
    save_checkpoint(directory_ / file, network_, state_, dump_job(job_), ops_, [&](CheckpointTensor& t) {
        while (from < lead && !receive_tensor(*ports_.mail, from, t)) ++from;
        return from < lead;
    });
}

std::vector<ArenaUse> Trainer::memory_use() const { return arena_use(network_, memory_, batch_); }

// Each rank's modules, then its timeline.
void Trainer::write_timelines() {
    const Position& p = rank_.position;
    std::vector<double> mine{static_cast<double>(rank_.first_module + 1),
                             static_cast<double>(rank_.first_module + schedule_->loss_count())};
    const std::vector<double> times = timeline_.numbers();
    mine.insert(mine.end(), times.begin(), times.end());
    if (!leads()) return send_numbers(*ports_.mail, p.lead(), mine);
    std::vector<RankTimeline> all;
    for (Position of = p; of.number = static_cast<int>(all.size()), of.number < p.count();) {
        const std::vector<double> n = of.leads() ? mine : receive_numbers(*ports_.mail, of.number);
        all.push_back({of.number, of.replica(), static_cast<int>(n.at(0)), static_cast<int>(n.at(1)),
                       Timeline::from_numbers({n.begin() + 2, n.end()})});
    }
    write_timeline(directory_ / "timeline.json", all);
}

void Trainer::write_summary(std::size_t process_start) const {
    Json libraries, memory;
    for (const auto& [name, number] : kernels::cpu_libraries()) libraries[name] = number;
    for (const ArenaUse& use : memory_use()) memory[use.name] = {{"planned", use.planned}, {"measured", use.measured}};
    const std::size_t planned =
        process_growth(memory_use(), host_memory(network_, layouts(), job_.training.batch), ops_.device());
    memory["process"] = {{"start", process_start}, {"planned", process_start + planned}, {"peak", process_memory().peak}};
    const Json summary{{"version", version},
                       {"strategy", job_.training.strategy},
                       {"unrolls", job_.model.unrolls},
                       {"modules", schedule_->loss_count()},
                       {"parameters", network_.parameter_count()},
                       {"steps", state_.step},
                       {"device", name_of(ops_.device())},
                       {"precision", job_.precision},
                       {"threads", kernels::thread_count()},
                       {"compiler", compiler},
                       {"libraries", libraries},
                       {"seconds",
                        {{"training", training_seconds_},
                         {"waiting_for_data", waiting_seconds_},
                         {"step_median", quantile(step_seconds_, 0.5)},
                         {"step_p10", quantile(step_seconds_, 0.1)},
                         {"step_p90", quantile(step_seconds_, 0.9)}}},
                       {"best", {{"step", state_.best_step}, {"psnr", state_.best_psnr}}},
                       {"memory", memory}};
    write_file(directory_ / "summary.json", summary.dump(1) + "\n");
}

}  // namespace gleam::greedy
