// How benchmarks report: a table for people or JSON for programs, with every time beside what the machine can do at most.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench/timing.hpp"

namespace CLI {
class App;
}

namespace gleam::bench {

// Options all benchmarks have.
struct CommonOptions {
    int repeats = 20, threads = 0;
    bool json = false;
};
void add_common_options(CLI::App& program, CommonOptions& options);

// What a candidate can take at least: as long as `part`, another candidate, and its bytes at the rate of the copy.
struct Bound {
    std::string name, part;
};

// One benchmark's result: the case in words and numbers, the largest error found against the reference, and the times.
struct Report {
    std::string title;                                  // "8 coils, 256 x 256"
    std::vector<std::pair<std::string, double>> facts;  // for JSON: coils, height, …
    double error = 0;
    std::vector<Timing> timings;
    std::vector<Bound> bounds = {};  // printed with the ratio of the time to it
};

// Times the candidates with the loops of ceiling_loops.hpp among them, so that what else the machine does hits both.
std::vector<Timing> time_with_ceilings(std::vector<Candidate> candidates, int repeats);

// How near a candidate of time_with_ceilings() comes to the ceilings, by the clock and per processor time.
struct Fraction {
    double clock = 0, processor = 0;
};
Fraction of_ceiling(const Timing& candidate, const std::vector<Timing>& all);

// Prints the report of time_with_ceilings(). A row's fraction of the ceiling is the larger one of its GFLOP/s over those of the
// multiply-add loop and its GB/s over those of the copy, in this run; once by the clock, once per processor time. `of_stored` in
// JSON has the same over the stored ceilings.
void print(const Report& report, const CommonOptions& options);

// Throws NumericError naming the benchmark when `error` is not below `limit`.
void require_close(const std::string& benchmark, const std::string& what, double error, double limit);

// Parses the command line and runs `body`; errors become messages and exit codes as those of `gleam`.
int run_benchmark(CLI::App& program, int argc, char** argv, const std::function<int()>& body);

}  // namespace gleam::bench
