// How benchmarks time: several programs in turn, so that whatever else the machine does hits all of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gleam::bench {

// What a program has to do at least: floating-point operations, and bytes that must come from and go to memory once.
struct Work {
    double flop = 0, bytes = 0;
};

struct Candidate {
    std::string name;
    std::function<void()> run;
    Work work;
};

// Where the machine has other work as well, time on the clock has that in it; processor time does not, but it does not show
// threads that wait for one another either.
struct Timing {
    std::string name;
    std::vector<double> seconds;            // sorted
    std::vector<double> processor_seconds;  // of all threads together, divided by their number; sorted
    Work work;

    double quantile(double q) const { return quantile_of(seconds, q); }
    double median() const { return quantile(0.5); }
    double processor_median() const { return quantile_of(processor_seconds, 0.5); }
    // 10^9 per second, by the median.
    double gflops() const { return 1e-9 * work.flop / median(); }
    double gbytes_per_s() const { return 1e-9 * work.bytes / median(); }

private:
    static double quantile_of(const std::vector<double>& sorted, double q) {
        return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5)];
    }
};

// Every candidate once to warm up, then `repeats` rounds of all of them. Brief ones run for 5 ms before they are timed: in
// training, too, what an operation reads has just been written.
std::vector<Timing> time_in_turn(const std::vector<Candidate>& candidates, int repeats);

}  // namespace gleam::bench
