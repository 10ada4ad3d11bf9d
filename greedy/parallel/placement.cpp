#include "greedy/parallel/placement.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <numeric>

#include "greedy/job_network.hpp"
#include "greedy/plan.hpp"

namespace gleam::greedy {
namespace {

constexpr int timed_steps = 3;

// Puts back what a training sets for its operations.
class Settings {
public:
    Settings(kernels::Operations& ops, bool repeating) : ops_(ops), tf32_(ops.tf32()) { ops_.set_repeating(repeating); }
    ~Settings() {
        ops_.set_tf32(tf32_);
        ops_.set_repeating(false);
    }
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

private:
    kernels::Operations& ops_;
    bool tf32_;
};

double seconds_of_step(kernels::Operations& ops, const std::function<void()>& step) {
    ops.synchronize();
    const auto start = std::chrono::steady_clock::now();
    step();
    ops.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double measure_module(const JobConfig& job, const DataLayouts& data, const data::HostBatch& host, kernels::Operations& ops,
                      int module) {
    const NetworkOptions options = network_options(job, module, 1);
    Network network(options, ops.device(), training_buffers(job));
    StepMemory memory(ops, options.tf32);
    DeviceBatch device_batch(ops, precision_of(job));
    const auto schedule = make_schedule(strategy_of(job), network, memory, loss_of(job));
    dry_run(job, network, memory, device_batch, *schedule, data);
    network.materialize(ops, job.seed);
    memory.grant();
    device_batch.grant();
    const Batch batch = device_batch.load(host);
    const auto step = [&] {
        schedule->step(
            static_cast<int>(job.training.accumulate), [&] { return batch; }, update_terms(job, 1));
    };
    step();
    std::array<double, timed_steps> seconds{};
    for (double& s : seconds) s = seconds_of_step(ops, step);
    std::sort(seconds.begin(), seconds.end());
    return seconds[timed_steps / 2];
}

}  // namespace

std::vector<int> place_modules(const std::vector<double>& costs, int ranks) {
    const int n = static_cast<int>(costs.size());
    // least[r][i]: the smallest possible largest sum of modules 0 ... i - 1 on r + 1 ranks; from[r][i]: where the last one
    // begins.
    std::vector<std::vector<double>> least(static_cast<std::size_t>(ranks), std::vector<double>(costs.size() + 1));
    std::vector<std::vector<int>> from(static_cast<std::size_t>(ranks), std::vector<int>(costs.size() + 1));
    for (int r = 0; r < ranks; ++r)
        for (int i = r + 1; i <= n; ++i) {
            double& best = least[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)];
            best = std::numeric_limits<double>::infinity();
            double sum = 0;
            for (int first = i - 1; first >= r; --first) {
                sum += costs[static_cast<std::size_t>(first)];
                if (r == 0 && first > 0) continue;
                const double before = r == 0 ? 0 : least[static_cast<std::size_t>(r - 1)][static_cast<std::size_t>(first)];
                if (std::max(sum, before) >= best) continue;
                best = std::max(sum, before);
                from[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] = first;
            }
        }
    std::vector<int> firsts(static_cast<std::size_t>(ranks));
    for (int r = ranks - 1, end = n; r >= 0; --r) {
        end = from[static_cast<std::size_t>(r)][static_cast<std::size_t>(end)];
        firsts[static_cast<std::size_t>(r)] = end;
    }
    return firsts;
}

namespace {

double largest_sum(const std::vector<double>& costs, const std::vector<int>& firsts) {
    double largest = 0;
    for (std::size_t r = 0; r < firsts.size(); ++r) {
        const auto end = r + 1 < firsts.size() ? costs.begin() + firsts[r + 1] : costs.end();
        largest = std::max(largest, std::accumulate(costs.begin() + firsts[r], end, 0.0));
    }
    return largest;
}

}  // namespace

std::vector<int> place_clearly_better(const std::vector<double>& costs, const std::vector<int>& firsts) {
    const std::vector<int> best = place_modules(costs, static_cast<int>(firsts.size()));
    return largest_sum(costs, best) < 0.9 * largest_sum(costs, firsts) ? best : firsts;
}

std::vector<double> measure_modules(const JobConfig& job, kernels::Operations& ops, int first, int stride) {
    const data::Samples samples = open_samples(job.data.train, "data.train", job);
    const DataLayouts data{samples.file().layout(), {}};
    const data::HostBatch batch = data::Loader(samples, job.training.batch, job.seed, 0).next();
    const Settings settings(ops, job.training.cuda_graphs);
    std::vector<double> costs(static_cast<std::size_t>(module_count(job)));
    for (std::size_t m = static_cast<std::size_t>(first); m < costs.size(); m += static_cast<std::size_t>(stride))
        costs[m] = measure_module(job, data, batch, ops, static_cast<int>(m));
    return costs;
}

}  // namespace gleam::greedy
