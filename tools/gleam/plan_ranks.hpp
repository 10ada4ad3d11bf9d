// The part of `gleam plan` about several ranks: what each would hold, and how long steps would take.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "greedy/parallel/forecast.hpp"
#include "greedy/plan.hpp"

namespace gleam::tools {

struct RanksOptions {
    std::vector<int> workers;  // ranks times replicas, of each plan
    int replicas = 0;          // 0: those of the job, or more where there are more workers than modules
    int cores = 0;             // that all workers share; 0: the job's threads
    double bandwidth = 0;      // GB/s between ranks; 0: that of copying memory here, if it is known
    bool measure = false;      // modules, on the data and the device of the job
};

// Where the seconds of modules come from. Operations alone only tell how they compare.
enum class CostSource : std::uint8_t { measured, ceilings, operations };

struct RankPlan {
    int first = 0, modules = 0;
    greedy::JobPlan plan;
    std::size_t links = 0;    // bytes of slots towards neighbours and, with replicas, of a gradient on its way
    std::size_t process = 0;  // bytes of a process that is this rank
};

// A number of workers, split.
struct RanksPlan {
    int workers = 1, ranks = 1, replicas = 1, threads = 1;  // threads: of each
    std::string placement;
    std::vector<RankPlan> parts;
    greedy::PipelineCosts costs;
    greedy::Forecast forecast;

    bool chosen = false;                // the split: there were more workers than modules
    std::size_t all_processes() const;  // bytes
};

struct RanksResult {
    CostSource source = CostSource::operations;
    int modules = 0, cores = 0;  // cores: 0 on a device other than the CPU
    double bandwidth = 0;        // bytes per second; 0: transport is not counted
    std::int64_t validations_every = 0;
    std::vector<RanksPlan> plans;
};

// The job, trained greedily. `ops` plan; `threads`: the job's.
RanksResult plan_ranks(const RanksOptions& options, const greedy::JobConfig& job, const greedy::DataLayouts& data,
                       const std::optional<kernels::Ceilings>& ceilings, const std::string& device, int threads,
                       kernels::Operations& ops);

std::string ranks_text(const RanksResult& result);
nlohmann::ordered_json ranks_json(const RanksResult& result);

}  // namespace gleam::tools
