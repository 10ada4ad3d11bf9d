// gleam plan: what a training job would need, by every strategy, without running it and, if need be, without its data.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "core/ceilings.hpp"
#include "data/checks.hpp"
#include "data/dataset_file.hpp"
#include "greedy/job_network.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "tools/gleam/commands.hpp"
#include "tools/gleam/plan_text.hpp"

namespace gleam::tools {
namespace {

struct PlanOptions {
    std::string config, strategy = "all", budget, size, device;
    std::vector<std::string> overrides;
    std::int64_t coils = 0, frames = 0;  // 0: as in the data
    bool json = false;
    RanksOptions ranks;
};

// "12GiB", "500MiB" or a plain number of bytes.
std::size_t bytes_of(const std::string& text) {
    double number = 0;
    char unit[4] = "", rest = 0;
    const int fields = std::sscanf(text.c_str(), "%lf %3[A-Za-z]%c", &number, unit, &rest);
    const std::string name = unit;
    int power = -1;
    for (int i = 0; const char* known : {"", "KiB", "MiB", "GiB", "TiB"}) {
        if (name == known) power = i;
        ++i;
    }
    if (fields < 1 || fields > 2 || power < 0 || !(number > 0) || !(number < 1e15))
        throw ConfigError("--budget", "'" + text + "' is no amount of memory",
                          "write a number of bytes, or one with KiB, MiB or GiB");
    for (int i = 0; i < power; ++i) number *= 1024;
    if (!(number < 1e18)) throw ConfigError("--budget", "'" + text + "' is too much", "give less than that");
    return static_cast<std::size_t>(number);
}

// "256x256" or "32x256x256" into the layout.
void set_size(const std::string& text, data::DatasetLayout& layout) {
    long long a = 0, b = 0, c = 0;
    char rest = 0;
    const bool volume = layout.physics == data::Physics::volume;
    const int numbers = volume ? std::sscanf(text.c_str(), "%lldx%lldx%lld%c", &a, &b, &c, &rest)
                               : std::sscanf(text.c_str(), "%lldx%lld%c", &b, &c, &rest);
    constexpr long long most = 1 << 16;
    const bool good =
        numbers == (volume ? 3 : 2) && (!volume || (a > 0 && a <= most)) && b > 0 && c > 0 && b <= most && c <= most;
    if (!good)
        throw ConfigError("--size", fmt::format("'{}' is no size of {} data", text, data::name_of(layout.physics)),
                          volume ? "write depth x height x width, such as 32x256x256" : "write height x width, such as 256x256");
    if (volume) layout.depth = a;
    layout.height = b, layout.width = c;
}

// Sizes of one data set: of its file if it is there, changed by the options, or of the options alone.
data::DatasetLayout layout_of(const greedy::JobConfig& job, const std::string& file, const std::string& key,
                              const PlanOptions& o) {
    data::DatasetLayout layout;
    layout.physics = data::physics_of(job.model.physics);
    layout.sets = job.model.map_sets;
    layout.target = true;
    const bool there = !file.empty() && fs::exists(file);
    if (there) {
        layout = data::DatasetFile(file).layout();
        greedy::require_fitting(layout, file, key, job);
    }
    const bool dynamic = layout.physics == data::Physics::dynamic;
    if (!there && (o.size.empty() || o.coils == 0 || (dynamic && o.frames == 0)))
        throw ConfigError(file.empty() ? key + ".file" : file, file.empty() ? "is not set" : "is not there",
                          dynamic ? "give --size HxW, --coils and --frames" : "give --size and --coils");
    if (o.frames && !dynamic) throw ConfigError("--frames", "belongs to 2d+t data", "remove it, or set model.physics");
    if (!o.size.empty()) set_size(o.size, layout);
    if (o.coils) layout.coils = o.coils;
    if (o.frames) layout.frames = layout.mask_frames = o.frames;
    return layout;
}

greedy::DataLayouts layouts_of(const greedy::JobConfig& job, const PlanOptions& o) {
    greedy::DataLayouts data{layout_of(job, job.data.train.file, "data.train", o), {}};
    const std::string& validation = job.data.validation.file;
    const bool changed = !o.size.empty() || o.coils || o.frames;
    if (!validation.empty())
        data.validation = changed || !fs::exists(validation) ? data.train : layout_of(job, validation, "data.validation", o);
    return data;
}

StrategyPlan plan_strategy(const std::string& name, const PlanResult& r, kernels::Operations& ops) {
    StrategyPlan s;
    s.name = name;
    greedy::JobConfig job;
    try {
        job = greedy::with_strategy(r.job, name);
    } catch (const ConfigError& e) {
        s.reason = e.what();
        return s;
    }
    s.plan = greedy::plan_job(job, r.layouts, ops);
    s.needed = greedy::bytes_for_budget(s.plan, ops.device());
    if (r.budget || s.needed > r.available) s.limits = greedy::find_limits(job, r.layouts, r.budget.value_or(r.available), ops);
    return s;
}

// The workers that the options or the job ask for, if any.
std::optional<RanksResult> plan_parallel(const PlanOptions& o, const PlanResult& r, kernels::Operations& ops) {
    RanksOptions options = o.ranks;
    const greedy::ParallelConfig& p = r.job.parallel;
    if (options.workers.empty() && p.ranks * p.replicas > 1) options.workers = {static_cast<int>(p.ranks * p.replicas)};
    if (options.workers.empty()) {
        if (options.replicas || options.measure || options.cores || options.bandwidth > 0)
            throw ConfigError("--replicas, --measure, --cores, --bandwidth", "are about several ranks",
                              "give --ranks too, or set parallel.ranks");
        return std::nullopt;
    }
    if (options.cores && ops.device().kind != DeviceKind::cpu)
        throw ConfigError("--cores", "belongs to training on the CPU", "remove it, or give --device cpu");
    if (options.measure && r.data != r.job.data.train.file)
        throw ConfigError("--measure", "needs the training data as they are",
                          "set data.train.file, and leave out --size, --coils and --frames");
    return plan_ranks(options, r.job, r.layouts, r.ceilings, r.device_name, r.threads, ops);
}

int plan(const PlanOptions& o) {
    PlanResult r;
    r.config = o.config;
    r.job = greedy::read_job(o.config, o.overrides);
    std::vector<std::string> names = greedy::strategy_names();
    if (o.strategy != "all") {
        if (std::find(names.begin(), names.end(), o.strategy) == names.end())
            throw ConfigError("--strategy", "there is no strategy '" + o.strategy + "'",
                              fmt::format("use all or one of {}", fmt::join(names, ", ")));
        names = {o.strategy};
    }
    if (!o.budget.empty()) r.budget = bytes_of(o.budget);
    const bool there = fs::exists(r.job.data.train.file);
    r.data = !there                                    ? "given"
             : o.size.empty() && !o.coils && !o.frames ? r.job.data.train.file
                                                       : r.job.data.train.file + ", changed";
    r.layouts = layouts_of(r.job, o);
    r.threads = kernels::set_thread_count(static_cast<int>(r.job.threads));
    const std::string device = o.device.empty() ? r.job.device : o.device;
    const auto ops = kernels::make_planner(device);
    r.device = ops->device();
    r.device_name = r.device.kind == DeviceKind::cpu ? "cpu" : device;
    const std::size_t own_memory = ops->total_memory();
    r.available = own_memory ? own_memory : data::available_memory();
    if (r.device.kind == DeviceKind::cpu) {
        r.ceilings_file = ceilings_file().string();
        r.ceilings = read_ceilings(ceilings_file());
    }
    for (const std::string& name : names) r.strategies.push_back(plan_strategy(name, r, *ops));
    r.ranks = plan_parallel(o, r, *ops);
    fmt::print("{}", o.json ? plan_json(r) : plan_text(r));
    return 0;
}

}  // namespace

void add_plan(CLI::App& program, Run& run) {
    auto* command =
        program.add_subcommand("plan", "Memory, work and time of a training job by every strategy, without running it");
    auto o = std::make_shared<PlanOptions>();
    command->add_option("config", o->config, "configuration file")->required();
    command->add_option("--set", o->overrides, "change a key: --set training.batch=4 (repeatable; wins over the file)")
        ->allow_extra_args(false);
    command->add_option("--strategy", o->strategy, "plan this one only (default: all)");
    command->add_option("--budget", o->budget, "find the largest unrolls, features, batch and depth that fit, such as 12GiB");
    command->add_option("--size", o->size, "plan for this matrix instead of that of the data: 256x256; volumes 32x256x256");
    command->add_option("--coils", o->coils, "plan for so many coils")->check(CLI::Range(1, 1024));
    command->add_option("--frames", o->frames, "2d+t: plan for so many frames")->check(CLI::Range(1, 4096));
    command->add_option("--device", o->device,
                        "plan for this device, also one that is not there: h200 (default: that of the job)");
    command
        ->add_option("--ranks", o->ranks.workers,
                     "plan greedy training by so many workers, ranks times replicas: 8, or 1,2,4,8 (repeatable)")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(1, 65536));
    command->add_option("--replicas", o->ranks.replicas, "of these, pipelines of the same modules")->check(CLI::Range(1, 4096));
    command->add_flag("--measure", o->ranks.measure, "measure a step of every module here, on the training data");
    command->add_option("--cores", o->ranks.cores, "CPU: cores that all workers share (default: the job's threads)")
        ->check(CLI::Range(1, 65536));
    command
        ->add_option("--bandwidth", o->ranks.bandwidth,
                     "GB/s between ranks (default: that of copying memory, if gleam-bench-ceilings has measured it)")
        ->check(CLI::Range(1e-6, 1e6));
    command->add_flag("--json", o->json, "print JSON, with every operation");
    command->callback([o, &run] { run = [o] { return plan(*o); }; });
}

}  // namespace gleam::tools
