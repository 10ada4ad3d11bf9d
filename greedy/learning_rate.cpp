#include "greedy/learning_rate.hpp"

#include <cmath>
#include <numbers>

namespace gleam::greedy {

double learning_rate(const OptimizerConfig& o, std::int64_t step, std::int64_t steps) {
    if (step <= o.warmup) return o.learning_rate * static_cast<double>(step) / static_cast<double>(o.warmup + 1);
    const std::int64_t since = step - 1 - o.warmup;
    if (o.schedule == "cosine") {
        const double done = static_cast<double>(since) / static_cast<double>(steps - o.warmup);
        return 0.5 * o.learning_rate * (1 + std::cos(std::numbers::pi * done));
    }
    if (o.schedule == "step") return o.learning_rate * std::pow(o.step_factor, static_cast<double>(since / o.step_every));
    return o.learning_rate;
}

}  // namespace gleam::greedy
