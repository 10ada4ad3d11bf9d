#include "greedy/plan.hpp"

#include <algorithm>

#include "greedy/job_network.hpp"

namespace gleam::greedy {
namespace {

// While this lives, operations plan; also when an error ends the dry run.
class Planning {
public:
    explicit Planning(kernels::Operations& ops) : ops_(ops) { ops.set_planning(true); }
    ~Planning() {
        ops_.set_work_log(nullptr);
        ops_.set_planning(false);
    }
    Planning(const Planning&) = delete;
    Planning& operator=(const Planning&) = delete;

private:
    kernels::Operations& ops_;
};

// Masks of lines are constant along the lines, and all masks of a volume along its readout: no transforms along these axes.
void drop_constant_axes(const std::string& mask_type, Batch& batch) {
    if (mask_type == "file") return;
    Shape& mask = batch.sense.normal_mask.shape;
    const bool volume = batch.sense.rank == 3, lines = mask_type != "poisson";
    if (volume) mask[5] = 1;
    if (lines) mask[volume ? 3 : 4] = 1;
}

// Of all arenas, or of the one of this name.
std::size_t bytes_of(const std::vector<ArenaUse>& arenas, const std::string& name = "") {
    std::size_t bytes = 0;
    for (const ArenaUse& use : arenas)
        if (name.empty() || use.name == name) bytes += use.planned;
    return bytes;
}

}  // namespace

void dry_run(const JobConfig& job, Network& network, StepMemory& memory, DeviceBatch& batch, Schedule& schedule,
             const DataLayouts& data, kernels::WorkLog* log) {
    kernels::Operations& ops = memory.ops();
    const Planning planning(ops);
    Batch training = batch.plan(batch_shape(data.train, job.training.batch));
    drop_constant_axes(job.data.mask.type, training);
    ops.set_work_log(log);
    schedule.begin();
    if (log) log->set_repeats(static_cast<double>(job.training.accumulate));
    schedule.accumulate(training, 1);
    if (log) log->set_repeats(1);
    schedule.update(update_terms(job, 1));
    ops.set_work_log(nullptr);
    if (!data.validation) return;
    const Batch validation = batch.plan(batch_shape(*data.validation, 1));
    reconstruct(network, memory, validation, validation.zero_filled);
}

std::vector<ArenaUse> arena_use(const Network& network, const StepMemory& memory, const DeviceBatch& batch) {
    std::vector<ArenaUse> all{{"params", network.parameter_bytes(), network.parameter_arena().bytes()}};
    for (const ArenaUse& use : memory.use()) all.push_back(use);
    all.push_back(batch.use());
    return all;
}

std::size_t JobPlan::arena(const std::string& name) const { return bytes_of(arenas, name); }

std::size_t JobPlan::arena_bytes() const { return bytes_of(arenas); }

std::size_t process_growth(const std::vector<ArenaUse>& arenas, const HostMemory& host, const Device& device) {
    if (device.kind != DeviceKind::cpu) return std::max(host.running(), host.starting);
    return std::max(bytes_of(arenas) + host.running(), bytes_of(arenas, "params") + host.starting);
}

JobPlan plan_job(const JobConfig& job, const DataLayouts& data, kernels::Operations& ops, int first_module, int modules) {
    Network network(network_options(job, first_module, modules), ops.device(), training_buffers(job));
    StepMemory memory(ops, network.options().tf32);
    DeviceBatch batch(ops, precision_of(job));
    const auto schedule = make_schedule(strategy_of(job), network, memory, loss_of(job));
    JobPlan plan;
    dry_run(job, network, memory, batch, *schedule, data, &plan.work);
    for (const Stage& stage : network.stages()) plan.unrolls += stage.unrolls();
    plan.modules = schedule->loss_count();
    plan.parameters = network.parameter_count();
    plan.arenas = arena_use(network, memory, batch);
    plan.host = host_memory(network, data, job.training.batch);
    return plan;
}

JobConfig with_strategy(JobConfig job, const std::string& strategy) {
    job.training.strategy = strategy;
    try {
        validate(job);
    } catch (const ConfigError&) {
        job.training.modules = 0, job.training.recompute_unrolls = 0;
        job.training.invertible = {};
        validate(job);
    }
    return job;
}

std::int64_t fit_unrolls(JobConfig job, const data::DatasetLayout& layout, std::size_t bytes, kernels::Operations& ops) {
    constexpr std::int64_t most = 256;
    job.training.modules = 0;
    const bool images = strategy_of(job).recomputation.unrolls > 0;  // stand in for activations
    for (std::int64_t unrolls = 1; unrolls < most; ++unrolls) {
        job.model.unrolls = unrolls + 1;
        const JobPlan plan = plan_job(job, {layout, {}}, ops);
        if (plan.arena("activations") + (images ? plan.arena("handoff") : 0) > bytes) return unrolls;
    }
    return most;
}

}  // namespace gleam::greedy
