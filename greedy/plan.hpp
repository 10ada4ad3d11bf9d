// What a training run will need, found by a dry run on shapes alone: bytes of every arena, memory of the whole process, and work
// per step. Training books its memory by the same dry run, so its arenas are as large as planned, to the byte.
#pragma once

#include <optional>

#include "greedy/device_batch.hpp"
#include "greedy/job.hpp"
#include "greedy/plan_host.hpp"
#include "greedy/schedule.hpp"

namespace gleam::greedy {

// Books the memory of training steps on the layouts' samples, and of validation if there is a layout for it. `log`, if given,
// takes the work of one step: of its accumulated batches and its update. Nothing may be granted yet.
void dry_run(const JobConfig& job, Network& network, StepMemory& memory, DeviceBatch& batch, Schedule& schedule,
             const DataLayouts& data, kernels::WorkLog* log = nullptr);

// Planned and measured bytes of all arenas: params, activations, workspace, handoff, batch.
std::vector<ArenaUse> arena_use(const Network& network, const StepMemory& memory, const DeviceBatch& batch);

// What a training process grows by beyond what it has when it opens its data. On the CPU the arenas are part of it, on another
// device not. An upper bound when the loader is slower than the steps, so that no batches wait.
std::size_t process_growth(const std::vector<ArenaUse>& arenas, const HostMemory& host, const Device& device);

struct JobPlan {
    std::int64_t unrolls = 0, modules = 0, parameters = 0;
    std::vector<ArenaUse> arenas;
    HostMemory host;
    kernels::WorkLog work;  // of one step

    std::size_t arena(const std::string& name) const;
    std::size_t arena_bytes() const;
    std::size_t process_bytes(const Device& device) const { return process_growth(arenas, host, device); }
};

// Plans a valid job without allocating anything. With `modules`, only so many modules from `first_module` on: those of one rank.
JobPlan plan_job(const JobConfig& job, const DataLayouts& data, kernels::Operations& ops, int first_module = 0, int modules = 0);

// `job` trained by another strategy; if that does not go with what the job says of its own one (modules, recompute_unrolls,
// invertible), with the defaults of these. ConfigError when the strategy does not apply to the job at all.
JobConfig with_strategy(JobConfig job, const std::string& strategy);

// The largest number of unrolls, one module each, for which `job` needs no more than `bytes` of activations, and of images stored
// in their place, when it is trained by its strategy on batches of this shape; at least 1, at most 256.
std::int64_t fit_unrolls(JobConfig job, const data::DatasetLayout& layout, std::size_t bytes, kernels::Operations& ops);

}  // namespace gleam::greedy
