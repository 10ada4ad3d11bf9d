// gleam-bench-ceilings: what this machine can do at most, measured and stored for the other benchmarks and for estimates.
// Neighbours shall not count: the rate of multiply-adds is that per processor time, that of copying the best of all rounds.
#include "core/ceilings.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/ceiling_loops.hpp"
#include "tools/bench/report.hpp"

namespace gleam::bench {
namespace {

struct Options {
    CommonOptions common;
    std::size_t megabytes = 256;
    std::int64_t rounds = 1'000'000;
    bool keep = true;
};

int run(const Options& o) {
    kernels::set_thread_count(o.common.threads);
    FmaLoop fma(o.rounds);
    CopyLoop copy(o.megabytes << 20);
    const std::vector<Timing> timings = time_in_turn(
        {{"multiply-adds", [&] { fma.run(); }, fma.work()}, {"copy", [&] { copy.run(); }, copy.work()}}, o.common.repeats);
    require_close("gleam-bench-ceilings", "the multiply-add loop", fma.error(), 1e-5);
    require_close("gleam-bench-ceilings", "the number of copied elements", static_cast<double>(copy.wrong()), 1);

    const Ceilings ceilings{1e-9 * timings[0].work.flop / timings[0].processor_median(),
                            1e-9 * timings[1].work.bytes / timings[1].quantile(0), kernels::thread_count()};
    if (o.keep) write_ceilings(ceilings);
    nlohmann::ordered_json json{{"fma_gflops", ceilings.fma_gflops},
                                {"copy_gbytes_per_s", ceilings.copy_gbytes_per_s},
                                {"threads", ceilings.threads},
                                {"lanes", FmaLoop::lanes()},
                                {"copied_bytes", o.megabytes << 20},
                                {"repeats", o.common.repeats},
                                {"results", nlohmann::ordered_json::array()}};
    for (const Timing& t : timings)
        json["results"].push_back({{"name", t.name}, {"median", t.median()}, {"p10", t.quantile(0.1)}, {"p90", t.quantile(0.9)}});
    if (o.common.json) {
        fmt::print("{}\n", json.dump(1));
        return 0;
    }
    const auto spread = [](const Timing& t, double amount) {
        return fmt::format("median {:.1f}, p10 {:.1f}, p90 {:.1f}", 1e-9 * amount / t.median(), 1e-9 * amount / t.quantile(0.9),
                           1e-9 * amount / t.quantile(0.1));
    };
    fmt::print("{:<48} {:8.1f} GFLOP/s ({})\n",
               fmt::format("fp32 multiply-adds, {} threads, {} lanes", ceilings.threads, FmaLoop::lanes()), ceilings.fma_gflops,
               spread(timings[0], timings[0].work.flop));
    fmt::print("{:<48} {:8.1f} GB/s    ({})\n", fmt::format("copy of {} MiB, read + written", o.megabytes),
               ceilings.copy_gbytes_per_s, spread(timings[1], timings[1].work.bytes));
    if (o.keep) fmt::print("stored in {}\n", ceilings_file().string());
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    o.common.repeats = 50;
    CLI::App program("Measures the peak rate of multiply-adds and of copying memory, and stores both for other programs.",
                     "gleam-bench-ceilings");
    program.add_option("--size", o.megabytes, "MiB of the array that is copied")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    program.add_option("--rounds", o.rounds, "steps of the multiply-add loop")
        ->check(CLI::Range(std::int64_t{1000}, std::int64_t{1'000'000'000}))
        ->capture_default_str();
    program.add_flag("!--no-store", o.keep, "only print");
    gleam::bench::add_common_options(program, o.common);
    return gleam::bench::run_benchmark(program, argc, argv, [&] { return gleam::bench::run(o); });
}
