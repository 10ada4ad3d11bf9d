#include "tools/bench/training_case.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "core/error.hpp"
#include "core/philox.hpp"
#include "greedy/plan.hpp"

namespace gleam::bench {
namespace {

// So small that the random numbers of a benchmark stay what they are over any number of steps.
constexpr double learning_rate = 1e-7;

}  // namespace

greedy::BatchShape TrainingCase::shape() const {
    return {Shape{batch, 1, coils, depth, height, width}, Shape{batch, frames, 1, depth, height, width}};
}

greedy::JobConfig TrainingCase::job(const std::string& strategy) const {
    if (depth > 1 && frames > 1)
        throw ConfigError("--frames", "series of volumes are not known", "leave out --depth or --frames");
    greedy::JobConfig job;
    job.precision = precision;
    job.model.physics = depth > 1 ? "3d" : frames > 1 ? "2d+t" : "2d";
    job.model.unrolls = unrolls;
    job.model.regularizer.features = features;
    if (architecture == "modl") {
        job.model.data_consistency.type = "conjugate_gradient";
        job.model.regularizer.type = "revnet";
    }
    job.training.strategy = strategy;
    job.training.batch = batch;
    job.training.optimizer.learning_rate = learning_rate;
    greedy::validate(job);
    return job;
}

std::string TrainingCase::description() const {
    return fmt::format("{}, {}, {} unrolls of {} features, batch {}, {} x {} x {} x {}, {} coils", architecture, precision,
                       unrolls, features, batch, frames, depth, height, width, coils);
}

void add_case_options(CLI::App& program, TrainingCase& t) {
    program.add_option("--arch", t.architecture)->check(CLI::IsMember({"pgd", "modl"}))->capture_default_str();
    program.add_option("--precision", t.precision)->check(CLI::IsMember({"fp32", "bf16"}))->capture_default_str();
    program.add_option("--frames", t.frames, "of a cine series")->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--depth", t.depth, "partitions of a volume")->check(CLI::Range(1, 4096))->capture_default_str();
    program.add_option("--height", t.height)->check(CLI::Range(8, 8192))->capture_default_str();
    program.add_option("--width", t.width)->check(CLI::Range(8, 8192))->capture_default_str();
    program.add_option("--coils", t.coils)->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--features", t.features)->check(CLI::Range(1, 4096))->capture_default_str();
    program.add_option("--batch", t.batch)->check(CLI::Range(1, 1024))->capture_default_str();
}

std::vector<std::string> strategies_of(const TrainingCase& training) {
    std::vector<std::string> names = greedy::strategy_names(), possible;
    std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name != "greedy"; });
    for (const std::string& strategy : names) try {
            training.job(strategy);
            possible.push_back(strategy);
        } catch (const ConfigError&) {
        }
    if (possible.empty()) training.job("greedy");  // says what is wrong with the case
    return possible;
}

data::HostBatch random_batch(const TrainingCase& t) {
    const auto [maps, image] = t.shape();
    data::HostBatch b;
    b.maps = ComplexArray(maps), b.zero_filled = ComplexArray(image), b.target = ComplexArray(image);
    b.mask = RealArray(image);
    Philox random(1, Purpose::test);
    for (ComplexArray* a : {&b.maps, &b.zero_filled, &b.target})
        for (auto& v : a->values) v = {static_cast<float>(random.normal()), static_cast<float>(random.normal())};
    for (float& m : b.mask.values) m = random.uniform() < 0.25 ? 1.0F : 0.0F;
    const std::int64_t pixels = t.depth * t.height * t.width;
    for (std::int64_t n = 0; n < t.batch; ++n)
        for (std::int64_t i = 0; i < pixels; ++i) {
            auto* map = b.maps.slice(n) + i;
            float sum = 0;
            for (std::int64_t c = 0; c < t.coils; ++c) sum += std::norm(map[c * pixels]);
            for (std::int64_t c = 0; c < t.coils; ++c) map[c * pixels] /= std::sqrt(sum);
        }
    return b;
}

TrainingSession::TrainingSession(const TrainingCase& training, const std::string& strategy, kernels::Operations& ops)
    : job_(training.job(strategy)),
      shape_(training.shape()),
      ops_(ops),
      network_(network_options(job_), ops.device(), training_buffers(job_)),
      memory_(ops, network_.options().tf32),
      device_batch_(ops, precision_of(job_)),
      schedule_(make_schedule(strategy_of(job_), network_, memory_, loss_of(job_))) {
    ops_.set_planning(true);
    ops_.set_work_log(&work_);
    schedule_->step(device_batch_.plan(shape_), update_terms(job_, 1));
    ops_.set_work_log(nullptr);
    ops_.set_planning(false);
}

std::vector<greedy::ArenaUse> TrainingSession::memory() const { return greedy::arena_use(network_, memory_, device_batch_); }

std::size_t TrainingSession::planned_bytes() const {
    std::size_t sum = 0;
    for (const greedy::ArenaUse& use : memory()) sum += use.planned;
    return sum;
}

void TrainingSession::start(const data::HostBatch& batch) {
    network_.materialize(ops_, job_.seed);
    memory_.grant();
    device_batch_.grant();
    batch_ = device_batch_.load(batch);
}

void TrainingSession::step() { schedule_->step(batch_, update_terms(job_, ++steps_)); }

std::vector<std::pair<std::string, double>> TrainingSession::profile(int steps) {
    using Clock = std::chrono::steady_clock;
    std::map<std::string, double> seconds;
    std::string running = "between";
    Clock::time_point start = Clock::now();
    const auto next = [&](const char* operation) {
        const Clock::time_point now = Clock::now();
        seconds[running] += std::chrono::duration<double>(now - start).count();
        running = operation, start = now;
    };
    ops_.set_observer(next);
    for (int i = 0; i < steps; ++i) step();
    ops_.set_observer({});
    next("");
    std::vector<std::pair<std::string, double>> sorted(seconds.begin(), seconds.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    return sorted;
}

std::vector<float> TrainingSession::first_moments() {
    std::vector<float> all;
    for (const greedy::Stage& stage : network_.stages()) {
        const Tensor& moments = stage.parameters().moments()[0];
        std::vector<float> values(static_cast<std::size_t>(moments.elements()));
        ops_.copy(moments, view_of(values.data(), moments.shape));
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}

double untrained_loss(const TrainingCase& training, const std::string& strategy, const data::HostBatch& host,
                      kernels::Operations& ops) {
    const greedy::JobConfig job = training.job(strategy);
    greedy::Network network(network_options(job), ops.device());
    greedy::StepMemory memory(ops, network.options().tf32);
    greedy::DeviceBatch device_batch(ops, precision_of(job));
    ops.set_planning(true);
    const greedy::Batch planned = device_batch.plan(training.shape());
    reconstruct(network, memory, planned, planned.zero_filled);
    ops.set_planning(false);
    network.materialize(ops, job.seed);
    memory.grant();
    device_batch.grant();
    ComplexArray image(host.target.shape);
    reconstruct(network, memory, device_batch.load(host), image.view());
    double sum = 0;
    for (std::int64_t i = 0; i < image.elements(); ++i)
        sum += std::abs(std::complex<double>(image[i]) - std::complex<double>(host.target[i]));
    return sum / static_cast<double>(image.elements());
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
    if (a.size() != b.size()) throw InternalError("gradients", "differ in number");
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double x = a[i], y = b[i];
        difference += (x - y) * (x - y), size += y * y;
    }
    return std::sqrt(difference / size);
}

}  // namespace gleam::bench
