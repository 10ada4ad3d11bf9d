#include "greedy/plan_limits.hpp"

#include <algorithm>
#include <cmath>

namespace gleam::greedy {
namespace {

constexpr std::int64_t most_unrolls = 512, most_features = 4096, most_batch = 4096, most_depth = 4096;

// The fewest unrolls, in multiples of `modules`, that the rest of the job allows.
std::int64_t least_unrolls(JobConfig job, std::int64_t modules) {
    const std::int64_t configured = job.model.unrolls / modules;
    for (std::int64_t n = 1; n < configured; ++n) {
        job.model.unrolls = n * modules;
        try {
            validate(job);
            return n;
        } catch (const ConfigError&) {
        }
    }
    return configured;
}

}  // namespace

std::int64_t largest_that_fits(std::int64_t least, std::int64_t most, double budget,
                               const std::function<double(std::int64_t)>& bytes) {
    double below = bytes(least);
    if (below > budget) return 0;
    std::int64_t fits = least, above = most + 1;  // `above` does not fit, or is too large to be asked for
    double over = 0;                              // its bytes, once known
    double slope = 0;
    for (bool halve = false; above - fits > 1; halve = !halve) {
        std::int64_t next = fits + 1;
        if (over == 0) {  // along the last line, at least twice as far as before, but not far beyond what is known
            const double guess = slope > 0 ? (budget - below) / slope : 0;
            next = fits + std::max(fits - least + 1, static_cast<std::int64_t>(std::min(guess, 4.0 * static_cast<double>(fits))));
        } else if (halve) {
            next = fits + (above - fits) / 2;
        } else {
            next = fits + static_cast<std::int64_t>((budget - below) / (over - below) * static_cast<double>(above - fits));
        }
        next = std::clamp(next, fits + 1, above - 1);
        const double needed = bytes(next);
        if (needed <= budget) {
            slope = (needed - below) / static_cast<double>(next - fits);
            fits = next, below = needed;
        } else {
            above = next, over = needed;
        }
    }
    return fits;
}

std::size_t bytes_for_budget(const JobPlan& plan, const Device& device) {
    return device.kind == DeviceKind::cpu ? program_bytes + plan.process_bytes(device) : plan.arena_bytes();
}

std::vector<Limit> find_limits(const JobConfig& job, const DataLayouts& data, std::size_t budget, kernels::Operations& ops) {
    std::vector<Limit> limits;
    // set(job, data, n) changes one size; in units of `unit`.
    const auto add = [&](const char* key, std::int64_t configured, std::int64_t unit, std::int64_t least, std::int64_t most,
                         auto&& set) {
        const std::int64_t largest =
            unit * largest_that_fits(least, most / unit, static_cast<double>(budget), [&](std::int64_t n) {
                JobConfig changed = job;
                DataLayouts changed_data = data;
                set(changed, changed_data, n * unit);
                return static_cast<double>(bytes_for_budget(plan_job(changed, changed_data, ops), ops.device()));
            });
        limits.push_back({key, configured, largest, largest == most / unit * unit});
    };
    const ModelConfig& model = job.model;
    const std::int64_t modules = std::max<std::int64_t>(job.training.modules, 1);
    add("model.unrolls", model.unrolls, modules, least_unrolls(job, modules), std::max(most_unrolls, modules),
        [](JobConfig& j, DataLayouts&, std::int64_t n) { j.model.unrolls = n; });
    add("model.regularizer.features", model.regularizer.features, 1, 1, most_features,
        [](JobConfig& j, DataLayouts&, std::int64_t n) { j.model.regularizer.features = n; });
    add("training.batch", job.training.batch, 1, 1, most_batch,
        [](JobConfig& j, DataLayouts&, std::int64_t n) { j.training.batch = n; });
    if (data.train.physics == data::Physics::volume)  // a mirrored border needs more planes than it is wide
        add("depth", data.train.depth, 1, model.regularizer.kernel / 2 + 1, most_depth,
            [](JobConfig&, DataLayouts& d, std::int64_t n) { d.train.depth = n; });
    return limits;
}

}  // namespace gleam::greedy
