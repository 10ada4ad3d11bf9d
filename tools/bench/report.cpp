#include "tools/bench/report.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/ceilings.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/ceiling_loops.hpp"
#include "tools/wait_passively.hpp"

namespace gleam::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* fma_name = "multiply-adds in registers";
constexpr const char* copy_name = "copy of memory";

// The larger one of both rates over its ceiling; amounts of work per second.
double fraction(const Work& work, double seconds, const Ceilings& ceilings) {
    return 1e-9 / seconds * std::max(work.flop / ceilings.fma_gflops, work.bytes / ceilings.copy_gbytes_per_s);
}

// The ceilings of this run, on the clock and per processor time.
struct Now {
    Ceilings clock, processor;
};

Now ceilings_of(const std::vector<Timing>& timings) {
    Now now;
    now.clock.threads = now.processor.threads = kernels::thread_count();
    for (const Timing& t : timings) {
        if (t.name == fma_name)
            now.clock.fma_gflops = t.gflops(), now.processor.fma_gflops = 1e-9 * t.work.flop / t.processor_median();
        if (t.name == copy_name)
            now.clock.copy_gbytes_per_s = t.gbytes_per_s(),
            now.processor.copy_gbytes_per_s = 1e-9 * t.work.bytes / t.processor_median();
    }
    if (!(now.clock.fma_gflops > 0 && now.clock.copy_gbytes_per_s > 0))
        throw InternalError("benchmark", "was timed without its ceilings");
    return now;
}

Json row(const Timing& t, const Now& now, const std::optional<Ceilings>& stored) {
    Json json{{"name", t.name},
              {"median", t.median()},
              {"p10", t.quantile(0.1)},
              {"p90", t.quantile(0.9)},
              {"processor_median", t.processor_median()}};
    if (t.work.flop > 0) json["gflops"] = t.gflops();
    if (t.work.bytes > 0) json["gbytes_per_s"] = t.gbytes_per_s();
    json["of_ceiling"] = fraction(t.work, t.median(), now.clock);
    json["of_ceiling_processor"] = fraction(t.work, t.processor_median(), now.processor);
    if (stored) json["of_stored"] = fraction(t.work, t.median(), *stored);
    return json;
}

void print_table(const std::vector<Timing>& timings, const Now& now) {
    fmt::print("{:<40} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}\n", "", "median ms", "p10", "p90", "processor", "GFLOP/s",
               "GB/s", "ceiling", "(proc.)");
    for (const Timing& t : timings)
        fmt::print("{:<40} {:9.3f} {:9.3f} {:9.3f} {:9.3f} {:>9} {:>8} {:7.1f}% {:7.1f}%\n", t.name, 1e3 * t.median(),
                   1e3 * t.quantile(0.1), 1e3 * t.quantile(0.9), 1e3 * t.processor_median(),
                   t.work.flop > 0 ? fmt::format("{:.1f}", t.gflops()) : "",
                   t.work.bytes > 0 ? fmt::format("{:.2f}", t.gbytes_per_s()) : "", 100 * fraction(t.work, t.median(), now.clock),
                   100 * fraction(t.work, t.processor_median(), now.processor));
}

const Timing& timing_of(const std::string& name, const std::vector<Timing>& timings) {
    for (const Timing& t : timings)
        if (t.name == name) return t;
    throw InternalError("benchmark", "has no " + name);
}

// Seconds of a bound and the time's ratio to it; by the clock, and per processor time.
struct Bounded {
    Fraction bound, ratio;
};

Bounded against(const Bound& bound, const std::vector<Timing>& timings, const Now& now) {
    const Timing &t = timing_of(bound.name, timings), &part = timing_of(bound.part, timings);
    const double clock = part.median() + 1e-9 * t.work.bytes / now.clock.copy_gbytes_per_s;
    const double processor = part.processor_median() + 1e-9 * t.work.bytes / now.processor.copy_gbytes_per_s;
    return {{clock, processor}, {t.median() / clock, t.processor_median() / processor}};
}

void print_bounds(const Report& report, const Now& now) {
    for (const Bound& b : report.bounds) {
        const Bounded found = against(b, report.timings, now);
        fmt::print(
            "{}: bound {:.3f} ms ({}, and its bytes at the rate of the copy), time / bound {:.2f}; processor {:.3f} ms, {:.2f}\n",
            b.name, 1e3 * found.bound.clock, b.part, found.ratio.clock, 1e3 * found.bound.processor, found.ratio.processor);
    }
}

}  // namespace

void add_common_options(CLI::App& program, CommonOptions& options) {
    program.add_option("--repeats", options.repeats, "timed rounds, after one to warm up")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    program.add_option("--threads", options.threads, "0 = all cores this process may use")->check(CLI::Range(0, 4096));
    program.add_flag("--json", options.json, "figures as JSON");
}

std::vector<Timing> time_with_ceilings(std::vector<Candidate> candidates, int repeats) {
    FmaLoop fma(500'000);
    CopyLoop copy(64 << 20);
    candidates.push_back({fma_name, [&] { fma.run(); }, fma.work()});
    candidates.push_back({copy_name, [&] { copy.run(); }, copy.work()});
    return time_in_turn(candidates, repeats);
}

Fraction of_ceiling(const Timing& t, const std::vector<Timing>& all) {
    const Now now = ceilings_of(all);
    return {fraction(t.work, t.median(), now.clock), fraction(t.work, t.processor_median(), now.processor)};
}

void print(const Report& report, const CommonOptions& options) {
    const Now now = ceilings_of(report.timings);
    std::optional<Ceilings> stored = read_ceilings();
    if (stored && stored->threads != now.clock.threads) stored.reset();
    if (!options.json) {
        fmt::print("{}, {} threads, {} repeats, error {:.1e}\n", report.title, now.clock.threads, options.repeats, report.error);
        print_table(report.timings, now);
        print_bounds(report, now);
        return;
    }
    Json json;
    for (const auto& [name, value] : report.facts) json[name] = value;
    json["threads"] = now.clock.threads, json["repeats"] = options.repeats, json["error"] = report.error;
    json["results"] = Json::array();
    for (const Timing& t : report.timings) json["results"].push_back(row(t, now, stored));
    for (const Bound& b : report.bounds) {
        const Bounded found = against(b, report.timings, now);
        json["bounds"].push_back({{"name", b.name},
                                  {"part", b.part},
                                  {"bound", found.bound.clock},
                                  {"ratio", found.ratio.clock},
                                  {"bound_processor", found.bound.processor},
                                  {"ratio_processor", found.ratio.processor}});
    }
    fmt::print("{}\n", json.dump(1));
}

void require_close(const std::string& benchmark, const std::string& what, double error, double limit) {
    if (!(error < limit))
        throw NumericError(benchmark, fmt::format("{} is wrong by {:g}, more than {:g}", what, error, limit),
                           "run the tests of this build");
}

int run_benchmark(CLI::App& program, int argc, char** argv, const std::function<int()>& body) {
    tools::wait_passively(argv);
    return_freed_memory();
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return program.exit(e) == 0 ? 0 : static_cast<int>(ExitCode::config);
    }
    try {
        return body();
    } catch (const Error& e) {
        log_info("error: {}", e.what());
        return static_cast<int>(e.code());
    }
}

}  // namespace gleam::bench
