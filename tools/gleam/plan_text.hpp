// What `gleam plan` found, and how it is shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "greedy/plan_limits.hpp"
#include "tools/gleam/plan_ranks.hpp"

namespace gleam::tools {

struct StrategyPlan {
    std::string name;
    std::string reason;  // why it does not apply; then nothing else counts
    greedy::JobPlan plan;
    std::size_t needed = 0;  // what a budget is compared with
    std::vector<greedy::Limit> limits;
};

struct PlanResult {
    std::string config, data;  // where sizes come from: a file, or the options
    greedy::JobConfig job;
    greedy::DataLayouts layouts;
    int threads = 0;
    Device device;
    std::string device_name;    // as it was asked for: "h200"
    std::size_t available = 0;  // bytes the machine has left, or the device has
    std::optional<std::size_t> budget;
    std::optional<kernels::Ceilings> ceilings;
    std::string ceilings_file;
    std::vector<StrategyPlan> strategies;
    std::optional<RanksResult> ranks;
};

// Tables for people, and JSON for programs.
std::string plan_text(const PlanResult& result);
std::string plan_json(const PlanResult& result);

}  // namespace gleam::tools
