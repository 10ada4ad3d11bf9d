// gleam-bench-training: time and memory of a training step by each strategy, on random numbers in memory.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/process.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/training_case.hpp"

namespace gleam::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* name = "gleam-bench-training";

struct Options {
    CommonOptions common;
    TrainingCase training;
    std::vector<std::string> strategies{"all"};
    bool profile = false;
};

// Makes the process' peak memory count from now on. Returns whether the system can.
bool reset_peak() {
    std::ofstream file("/proc/self/clear_refs");
    file << "5" << std::flush;
    return file.good();
}

// One strategy's training, after its first step.
struct Contender {
    std::string strategy;
    std::unique_ptr<TrainingSession> session;
    std::vector<double> losses;
    std::vector<float> gradients;
    double resident = 0;  // bytes the process grew by at its peak; NaN where not known
    double error = 0;
    std::vector<std::pair<std::string, double>> profile = {};
};

Contender first_step(const TrainingCase& training, const std::string& strategy, const data::HostBatch& batch,
                     kernels::Operations& ops) {
    Contender c;
    c.strategy = strategy;
    const double expected = untrained_loss(training, strategy, batch, ops);
    ::malloc_trim(0);  // what was freed is not there to be used again unseen
    const bool known = reset_peak();
    const std::size_t before = process_memory().resident;
    c.session = std::make_unique<TrainingSession>(training, strategy, ops);
    c.session->start(batch);
    c.session->step();
    c.resident = known ? static_cast<double>(process_memory().peak) - static_cast<double>(before) : std::nan("");
    c.losses = c.session->losses();
    c.gradients = c.session->first_moments();
    c.error = std::abs(c.losses.back() - expected) / expected;
    require_close(name, "the loss of " + strategy, c.error, 1e-4);
    return c;
}

// Strategies with one loss at the end must agree in their gradients.
void check_gradients(std::vector<Contender>& contenders) {
    const Contender* reference = nullptr;
    for (Contender& c : contenders) {
        if (c.losses.size() == 1 && reference) {
            const double error = difference(c.gradients, reference->gradients);
            require_close(name, fmt::format("the gradient of {}, against {},", c.strategy, reference->strategy), error, 1e-2);
            c.error = std::max(c.error, error);
        } else if (c.losses.size() == 1) {
            reference = &c;
        }
    }
}

Json memory_of(const Contender& c) {
    Json memory;
    for (const greedy::ArenaUse& use : c.session->memory()) memory[use.name] = use.planned;
    memory["planned"] = c.session->planned_bytes();
    memory["resident"] = std::isnan(c.resident) ? Json() : Json(c.resident);
    return memory;
}

void print_table(const Options& o, const std::vector<Contender>& contenders, const std::vector<Timing>& timings) {
    fmt::print("{}, {} threads, {} repeats\n", o.training.description(), kernels::thread_count(), o.common.repeats);
    fmt::print("{:<12} {:>10} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9} {:>13} {:>13} {:>13}\n", "", "median ms", "p10", "p90",
               "processor", "samples/s", "GFLOP/s", "ceiling", "activations", "all arenas", "resident");
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        const Contender& c = contenders[i];
        const Timing& t = timings[i];
        std::size_t activations = 0;
        for (const greedy::ArenaUse& use : c.session->memory())
            if (use.name == "activations") activations = use.planned;
        fmt::print("{:<12} {:10.1f} {:9.1f} {:9.1f} {:10.1f} {:10.2f} {:9.1f} {:8.1f}% {:>13} {:>13} {:>13}\n", c.strategy,
                   1e3 * t.median(), 1e3 * t.quantile(0.1), 1e3 * t.quantile(0.9), 1e3 * t.processor_median(),
                   static_cast<double>(o.training.batch) / t.median(), t.gflops(), 100 * of_ceiling(t, timings).processor,
                   format_bytes(activations), format_bytes(c.session->planned_bytes()),
                   std::isnan(c.resident) ? "unknown" : format_bytes(static_cast<std::size_t>(std::max(c.resident, 0.0))));
    }
}

double total(const Contender& c) {
    double sum = 0;
    for (const auto& [operation, seconds] : c.profile) sum += seconds;
    return sum;
}

Json shares(const Contender& c) {
    Json json = Json::object();
    for (const auto& [operation, seconds] : c.profile) json[operation] = seconds / total(c);
    return json;
}

void print_profile(const Contender& c) {
    fmt::print("\n{}: share of the time\n", c.strategy);
    for (const auto& [operation, seconds] : c.profile) fmt::print("  {:<28} {:5.1f}%\n", operation, 100 * seconds / total(c));
}

Json to_json(const Options& o, const std::vector<Contender>& contenders, const std::vector<Timing>& timings) {
    const TrainingCase& t = o.training;
    Json json{{"arch", t.architecture},
              {"unrolls", t.unrolls},
              {"features", t.features},
              {"batch", t.batch},
              {"frames", t.frames},
              {"depth", t.depth},
              {"height", t.height},
              {"width", t.width},
              {"coils", t.coils},
              {"threads", kernels::thread_count()},
              {"repeats", o.common.repeats},
              {"results", Json::array()}};
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        const Timing& time = timings[i];
        json["results"].push_back({{"strategy", contenders[i].strategy},
                                   {"median", time.median()},
                                   {"p10", time.quantile(0.1)},
                                   {"p90", time.quantile(0.9)},
                                   {"processor_median", time.processor_median()},
                                   {"samples_per_s", static_cast<double>(t.batch) / time.median()},
                                   {"gflop", 1e-9 * time.work.flop},
                                   {"gflops", time.gflops()},
                                   {"of_ceiling", of_ceiling(time, timings).clock},
                                   {"of_ceiling_processor", of_ceiling(time, timings).processor},
                                   {"losses", contenders[i].losses},
                                   {"error", contenders[i].error},
                                   {"memory", memory_of(contenders[i])}});
        if (o.profile) json["results"].back()["profile"] = shares(contenders[i]);
    }
    return json;
}

int run(Options o) {
    kernels::set_thread_count(o.common.threads);
    const auto ops = kernels::make_cpu_operations();
    if (o.strategies == std::vector<std::string>{"all"}) o.strategies = strategies_of(o.training);
    const data::HostBatch batch = random_batch(o.training);
    std::vector<Contender> contenders;
    std::vector<Candidate> candidates;
    for (const std::string& strategy : o.strategies) {
        contenders.push_back(first_step(o.training, strategy, batch, *ops));
        candidates.push_back({strategy,
                              [session = contenders.back().session.get()] { session->step(); },
                              {contenders.back().session->work().flops(), 0}});
    }
    check_gradients(contenders);
    const std::vector<Timing> timings = time_with_ceilings(candidates, o.common.repeats);
    if (o.profile)
        for (Contender& c : contenders) c.profile = c.session->profile(o.common.repeats);
    if (o.common.json)
        fmt::print("{}\n", to_json(o, contenders, timings).dump(1));
    else
        print_table(o, contenders, timings);
    if (o.profile && !o.common.json)
        for (const Contender& c : contenders) print_profile(c);
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    CLI::App program("Times training steps on random data, and measures their memory.", gleam::bench::name);
    gleam::bench::add_case_options(program, o.training);
    program.add_option("--unrolls", o.training.unrolls)->check(CLI::Range(1, 1000))->capture_default_str();
    program.add_option("--strategy", o.strategies, "several, or all")->delimiter(',')->capture_default_str();
    program.add_flag("--profile", o.profile, "share of the time per operation");
    gleam::bench::add_common_options(program, o.common);
    return gleam::bench::run_benchmark(program, argc, argv, [&] { return gleam::bench::run(o); });
}
