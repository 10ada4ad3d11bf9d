// The largest unrolls, features, batch and depth of a job that fit a number of bytes, each with the others as they are.
#pragma once

#include <functional>

#include "greedy/plan.hpp"

namespace gleam::greedy {

// The largest n in [least, most] with bytes(n) <= budget, which must not fall with n; 0 when not even `least` fits. Few calls:
// where the budget lies between two known sizes is guessed from a line through both.
std::int64_t largest_that_fits(std::int64_t least, std::int64_t most, double budget,
                               const std::function<double(std::int64_t)>& bytes);

struct Limit {
    std::string key;  // "model.unrolls", …; "depth" belongs to the data
    std::int64_t configured;
    std::int64_t largest;   // 0: not even the smallest fits
    bool at_least = false;  // more may fit; nothing larger was tried
};

// What counts as the job's memory: process_bytes() and the program itself on the CPU, the arenas alone on another device.
std::size_t bytes_for_budget(const JobPlan& plan, const Device& device);

// For unrolls (in multiples of training.modules), features, batch and, for volumes, the depth of the training data. Validation
// data keep their sizes.
std::vector<Limit> find_limits(const JobConfig& job, const DataLayouts& data, std::size_t budget, kernels::Operations& ops);

}  // namespace gleam::greedy
