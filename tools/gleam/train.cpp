// gleam train: a training job from a YAML configuration.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "core/interrupt.hpp"
#include "core/log.hpp"
#include "greedy/parallel/pipeline.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

struct TrainOptions {
    std::string config, out, same_memory_as;
    std::vector<std::string> overrides;
    bool resume = false, dump = false;
};

// Planned bytes of activations of a finished run.
std::size_t planned_activations(const fs::path& run) {
    const fs::path file = run / "summary.json";
    try {
        return nlohmann::json::parse(read_file(file)).at("memory").at("activations").at("planned").get<std::size_t>();
    } catch (const nlohmann::json::exception& e) {
        throw DataError(file.string(), std::string("cannot be understood: ") + e.what(), "give the folder of a finished run");
    }
}

// As many unrolls as fit the activation memory of another run.
void match_memory(greedy::JobConfig& job, const fs::path& run, kernels::Operations& ops) {
    const std::size_t bytes = planned_activations(run);
    job.model.unrolls = greedy::fit_unrolls(job, data::DatasetFile(job.data.train.file).layout(), bytes, ops);
    job.training.modules = job.training.strategy == "greedy" ? job.model.unrolls : 0;
    log_info("{} unrolls fit the activation memory of {} ({})", job.model.unrolls, run.string(), format_bytes(bytes));
}

greedy::Training train_job(const greedy::JobConfig& job, bool resume) {
    if (const auto processes = greedy::start_processes(greedy::deadline_of(job)))
        return greedy::train_as_process(job, resume, *processes);
    if (job.parallel.ranks * job.parallel.replicas > 1) return greedy::train_in_ranks(job, resume);
    const auto ops = kernels::make_operations(job.device);
    greedy::Trainer trainer(job, resume, *ops);
    const greedy::Outcome outcome = trainer.run();
    return {outcome, trainer.state().step};
}

int train(const TrainOptions& options) {
    greedy::JobConfig job = greedy::read_job(options.config, options.overrides);
    if (!options.out.empty()) job.output = options.out;
    if (options.dump) {
        fmt::print("{}", greedy::dump_job(job));
        return 0;
    }
    if (job.output.empty()) throw ConfigError(options.config, "names no output directory", "set 'output' or give --out DIR");
    if (job.data.train.file.empty()) throw ConfigError(options.config, "names no training data", "set data.train.file");
    kernels::set_thread_count(static_cast<int>(job.threads));
    if (!options.same_memory_as.empty()) match_memory(job, options.same_memory_as, *kernels::make_operations(job.device));

    catch_interrupts();
    const greedy::Training done = train_job(job, options.resume);
    if (!done.leads) return 0;  // mpirun ends the others as soon as one exits otherwise; the leading one has more to say
    if (done.outcome == greedy::Outcome::finished) {
        log_info("done: {} steps, results in {}", done.steps, job.output);
        return 0;
    }
    std::string again = fmt::format("gleam train {} --out {} --resume", options.config, job.output);
    for (const std::string& o : options.overrides) again += " --set " + o;
    if (!options.same_memory_as.empty()) again += " --same-memory-as " + options.same_memory_as;
    log_info("stopped at step {} of {}; the checkpoint is written. Continue with:\n  {}", done.steps, job.training.steps, again);
    return 128 + (interrupt_signal() ? interrupt_signal() : SIGTERM);  // of several processes, only the first may have got one
}

}  // namespace

void add_train(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("train", "Train a network as a YAML configuration says (docs/config.md)");
    auto o = std::make_shared<TrainOptions>();
    command->add_option("config", o->config, "configuration file")->required();
    command->add_option("--set", o->overrides, "change a key: --set training.steps=100 (repeatable; wins over the file)")
        ->allow_extra_args(false);
    command->add_option("--out", o->out, "directory of the run; wins over 'output'");
    command->add_flag("--resume", o->resume, "continue the run in that directory, bit for bit");
    command->add_flag("--dump-config", o->dump, "print the complete configuration and stop");
    command->add_option("--same-memory-as", o->same_memory_as,
                        "choose model.unrolls: as many as fit the activation memory of the finished run in this directory");
    command->callback([o, &run] { run = [o] { return train(*o); }; });
}

}  // namespace gleam::tools
