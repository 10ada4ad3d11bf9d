// `gleam trace`: some training steps on a given case, with every intermediate result written down, so that GLEAM can be compared
// number by number with any other program that does the same (docs/data-formats.md has the layout).
#pragma once

#include "greedy/trace_case.hpp"

namespace gleam::greedy {

struct TraceOptions {
    DType precision = DType::f64;  // f32 or f64
    bool tf32 = false;             // as `precision: tf32` of a job
    bool last_only = false;        // outputs, gradients and weights of the last step only
};

// Runs `input` and writes `output`, all numbers as float64.
void trace(const TraceCase& input, const fs::path& output, const TraceOptions& options, kernels::Operations& ops);

}  // namespace gleam::greedy
