// Which rank of a pipeline takes which modules, and what a module costs.
#pragma once

#include <vector>

#include "greedy/job.hpp"
#include "kernels/operations.hpp"

namespace gleam::greedy {

// The first module of every rank: consecutive modules, so that the largest sum of costs on one rank is as small as it can be.
std::vector<int> place_modules(const std::vector<double>& costs, int ranks);

// place_modules(), where that lets the busiest rank do at least a tenth less than with `firsts`; else these. Measured costs vary.
std::vector<int> place_clearly_better(const std::vector<double>& costs, const std::vector<int>& firsts);

// Seconds of one training step of modules first, first + stride, ...; the others are 0, so that ranks can share the measuring and
// add up what they have. Every module is measured alone, in memory of its own that is freed afterwards, on the first batch of the
// training data, which is its input too: a warm-up, and the median of three steps. What a rank does once, whatever its modules,
// is not in it: reading a batch and bringing it to the device. `ops` is left as it was found, but does not repeat recordings.
// Costs are for placing only: no result of training depends on them.
std::vector<double> measure_modules(const JobConfig& job, kernels::Operations& ops, int first = 0, int stride = 1);

}  // namespace gleam::greedy
