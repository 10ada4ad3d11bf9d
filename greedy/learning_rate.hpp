// The learning rate as a function of the step.
#pragma once

#include "greedy/job.hpp"

namespace gleam::greedy {

// That of step `step` (from 1) of a run of `steps`. With r the rate, w the length of the warm-up and s = step - 1 - w:
//   step <= w    r step / (w + 1), whatever the schedule
//   constant     r
//   cosine       r (1 + cos(pi s / (steps - w))) / 2
//   step         r step_factor^floor(s / step_every)
double learning_rate(const OptimizerConfig& optimizer, std::int64_t step, std::int64_t steps);

}  // namespace gleam::greedy
