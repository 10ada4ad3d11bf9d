#include "greedy/parallel/forecast.hpp"

#include <algorithm>
#include <numeric>

namespace gleam::greedy {
namespace {

double sum_of(const std::vector<double>& values, std::size_t first, std::size_t end) {
    const auto at = [&](std::size_t i) { return values.begin() + static_cast<std::ptrdiff_t>(std::min(i, values.size())); };
    return std::accumulate(at(first), at(end), 0.0);
}

double seconds_of_bytes(double bytes, double bandwidth) { return bandwidth > 0 ? bytes / bandwidth : 0; }

}  // namespace

Forecast forecast(const PipelineCosts& costs, const std::vector<int>& firsts) {
    Forecast f;
    const double replicas = costs.replicas, count = static_cast<double>(firsts.size());
    for (std::size_t r = 0; r < firsts.size(); ++r) {
        const auto first = static_cast<std::size_t>(firsts[r]);
        const std::size_t end = r + 1 < firsts.size() ? static_cast<std::size_t>(firsts[r + 1]) : costs.modules.size();
        const double modules = sum_of(costs.modules, first, end);
        // In a ring every replica sends, and receives, its gradients 2 (R - 1) / R times.
        const double traffic = 2 * (replicas - 1) / replicas * sum_of(costs.gradient_bytes, first, end);
        f.ranks.push_back(modules + seconds_of_bytes(traffic, costs.bandwidth));
        f.one_rank += modules;
        f.slowest = std::max(f.slowest, modules);
    }
    const double edge = firsts.size() > 1 ? seconds_of_bytes(costs.image_bytes, costs.bandwidth) : 0;
    const double slowest = std::max(*std::max_element(f.ranks.begin(), f.ranks.end()), edge);
    const double way = sum_of(f.ranks, 0, f.ranks.size()) + (count - 1) * edge;  // of one batch through all ranks
    const double shared = costs.cores > 0 ? f.one_rank * replicas * costs.busy_per_rank / costs.cores : 0;
    const std::int64_t between = costs.between_cuts > 0 ? std::min(costs.between_cuts, costs.steps) : costs.steps;
    const double steps = static_cast<double>(costs.steps);
    f.cuts = (costs.steps + between - 1) / between;
    f.step = std::max(slowest, shared);
    f.fill = way - slowest;
    // Ranks that share processors use those of the ones that wait: a bubble costs what the rest of the work does not fill.
    f.drains = std::max(0.0, static_cast<double>(f.cuts) * f.fill - steps * (f.step - slowest));
    f.run = steps * f.step + f.drains;
    f.speedup = f.run > 0 ? f.one_rank * replicas * steps / f.run : 0;
    return f;
}

std::vector<int> possible_ranks(int workers, int modules) {
    std::vector<int> ranks;
    for (int n = std::min(workers, modules); n >= 1; --n)
        if (workers % n == 0) ranks.push_back(n);
    return ranks;
}

}  // namespace gleam::greedy
