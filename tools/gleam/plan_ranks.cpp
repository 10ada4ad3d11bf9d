#include "tools/gleam/plan_ranks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "greedy/job_network.hpp"
#include "greedy/parallel/placement.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"

namespace gleam::tools {
namespace {

constexpr std::size_t slots_per_edge = 2;

// Plans the ranks of one job.
class Planner {
public:
    Planner(const RanksOptions& options, const greedy::JobConfig& job, const greedy::DataLayouts& data,
            const std::optional<kernels::Ceilings>& ceilings, std::string device, int threads, kernels::Operations& ops)
        : options_(options),
          job_(greedy::with_strategy(job, "greedy")),
          data_(data),
          ceilings_(ceilings),
          device_(std::move(device)),
          threads_(threads),
          ops_(ops) {
        result_.modules = static_cast<int>(greedy::module_count(job_));
        result_.validations_every = data.validation ? job_.training.validate_every : 0;
        result_.source = options.measure ? CostSource::measured : ceilings ? CostSource::ceilings : CostSource::operations;
        if (on_cpu()) result_.cores = options.cores ? options.cores : threads;
        result_.bandwidth = 1e9 * options.bandwidth;
        if (result_.bandwidth == 0 && ceilings) result_.bandwidth = 1e9 * ceilings->copy_gbytes_per_s;
        if (result_.source == CostSource::operations) result_.bandwidth = 0;
    }

    RanksResult plan() {
        for (const int workers : options_.workers) result_.plans.push_back(plan_workers(workers));
        return result_;
    }

private:
    bool on_cpu() const { return ops_.device().kind == DeviceKind::cpu; }

    RanksPlan plan_workers(int workers) {
        const int replicas = options_.replicas ? options_.replicas : static_cast<int>(job_.parallel.replicas);
        RanksPlan best;
        if (replicas == 1 && !options_.replicas && workers > result_.modules) {
            for (const int ranks : greedy::possible_ranks(workers, result_.modules)) {
                RanksPlan plan = split(workers, ranks);
                if (!best.parts.empty() && plan.forecast.step >= best.forecast.step) continue;
                best = std::move(plan);
            }
            best.chosen = true;
        } else {
            if (workers % replicas != 0 || workers / replicas > result_.modules)
                throw ConfigError("--ranks",
                                  fmt::format("{} workers cannot be {} replicas of a pipeline of {} modules", workers, replicas,
                                              result_.modules),
                                  fmt::format("give a multiple of {}, at most {}, or leave out --replicas", replicas,
                                              replicas * result_.modules));
            best = split(workers, workers / replicas);
        }
        plan_memory(best);
        return best;
    }

    RanksPlan split(int workers, int ranks) {
        RanksPlan p;
        p.workers = workers, p.ranks = ranks, p.replicas = workers / ranks;
        p.threads = on_cpu() ? std::max(1, threads_ / workers) : threads_;
        const DType real = greedy::precision_of(job_);
        greedy::PipelineCosts& c = p.costs;
        c.modules = seconds(p.threads);
        for (const greedy::JobPlan& module : modules())
            c.gradient_bytes.push_back(static_cast<double>(module.parameters) * static_cast<double>(size_of(real)));
        c.image_bytes = static_cast<double>(job_.training.accumulate) * static_cast<double>(batch_image_bytes());
        c.bandwidth = result_.bandwidth;
        c.replicas = p.replicas;
        c.steps = job_.training.steps, c.between_cuts = result_.validations_every;
        c.cores = result_.cores, c.busy_per_rank = p.threads;
        const std::vector<int> firsts = place(p);
        for (std::size_t r = 0; r < firsts.size(); ++r) {
            const int end = r + 1 < firsts.size() ? firsts[r + 1] : result_.modules;
            p.parts.push_back({firsts[r], end - firsts[r], {}});
        }
        p.forecast = greedy::forecast(c, firsts);
        return p;
    }

    // The first module of each rank, as parallel.placement says; numbers only hold for as many ranks as there are of them.
    std::vector<int> place(RanksPlan& p) const {
        const std::vector<int> given = greedy::given_placement(job_);
        if (static_cast<int>(given.size()) == p.ranks) {
            p.placement = "given";
            std::vector<int> firsts{0};
            for (std::size_t r = 0; r + 1 < given.size(); ++r) firsts.push_back(firsts.back() + given[r]);
            return firsts;
        }
        const bool equal = job_.parallel.placement == "equal";
        p.placement = equal ? "equal" : "by cost";
        return greedy::place_modules(equal ? std::vector<double>(p.costs.modules.size(), 1.0) : p.costs.modules, p.ranks);
    }

    // A dry run of each module alone.
    const std::vector<greedy::JobPlan>& modules() {
        for (int m = static_cast<int>(modules_.size()); m < result_.modules; ++m)
            modules_.push_back(greedy::plan_job(job_, {data_.train, {}}, ops_, m, 1));
        return modules_;
    }

    // Of a step of each module on so many threads; where nothing is known of times, its operations.
    std::vector<double> seconds(int threads) {
        if (options_.measure) return measured(threads);
        std::vector<double> all;
        for (const greedy::JobPlan& module : modules()) {
            if (ceilings_) {
                const double slower = on_cpu() ? std::max(1.0, static_cast<double>(ceilings_->threads) / threads) : 1.0;
                all.push_back(slower * module.work.seconds(*ceilings_));
            } else {
                all.push_back(module.work.flops());
            }
        }
        return all;
    }

    const std::vector<double>& measured(int threads) {
        std::vector<double>& known = measured_[threads];
        if (!known.empty()) return known;
        kernels::set_thread_count(threads);
        known = greedy::measure_modules(job_, *kernels::make_operations(device_));
        kernels::set_thread_count(threads_);
        return known;
    }

    std::size_t batch_image_bytes() const {
        const DType complex = complex_of(greedy::precision_of(job_));
        return static_cast<std::size_t>(greedy::batch_shape(data_.train, job_.training.batch).image.elements()) *
               size_of(complex);
    }

    void plan_memory(RanksPlan& p) {
        std::size_t image = batch_image_bytes();
        if (data_.validation) {
            const auto pixels = static_cast<std::size_t>(greedy::batch_shape(*data_.validation, 1).image.elements());
            image = std::max(image, pixels * size_of(complex_of(greedy::precision_of(job_))));
        }
        // Scratch memory grows with the threads that operations have when they are made.
        kernels::set_thread_count(p.threads);
        const auto ops = kernels::make_planner(device_);
        kernels::set_thread_count(threads_);
        for (RankPlan& rank : p.parts) {
            rank.plan = greedy::plan_job(job_, data_, *ops, rank.first, rank.modules);
            const bool first = rank.first == 0, last = rank.first + rank.modules == result_.modules;
            rank.links = slots_per_edge * aligned(image) * ((first ? 0U : 1U) + (last ? 0U : 1U));
            const auto gradients = p.costs.gradient_bytes.begin() + rank.first;
            if (p.replicas > 1) rank.links += static_cast<std::size_t>(*std::max_element(gradients, gradients + rank.modules));
            rank.process = greedy::program_bytes + rank.plan.process_bytes(ops_.device()) + (on_cpu() ? rank.links : 0);
        }
    }

    const RanksOptions& options_;
    greedy::JobConfig job_;
    const greedy::DataLayouts& data_;
    const std::optional<kernels::Ceilings>& ceilings_;
    std::string device_;
    int threads_;
    kernels::Operations& ops_;
    RanksResult result_;
    std::vector<greedy::JobPlan> modules_;
    std::map<int, std::vector<double>> measured_;  // by threads
};

}  // namespace

std::size_t RanksPlan::all_processes() const {
    std::size_t bytes = 0;
    for (const RankPlan& rank : parts) bytes += rank.process;
    return bytes * static_cast<std::size_t>(replicas);
}

RanksResult plan_ranks(const RanksOptions& options, const greedy::JobConfig& job, const greedy::DataLayouts& data,
                       const std::optional<kernels::Ceilings>& ceilings, const std::string& device, int threads,
                       kernels::Operations& ops) {
    return Planner(options, job, data, ceilings, device, threads, ops).plan();
}

}  // namespace gleam::tools
