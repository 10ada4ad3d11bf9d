// How benchmarks time: several programs in turn, so that whatever else the machine does hits all of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gleam::bench {

struct Timing {
    std::string name;
    std::vector<double> seconds;  // sorted

    double quantile(double q) const {
        return seconds[static_cast<std::size_t>(q * static_cast<double>(seconds.size() - 1) + 0.5)];
    }
    double median() const { return quantile(0.5); }
};

struct Candidate {
    std::string name;
    std::function<void()> run;
};

// Every candidate once to warm up, then `repeats` rounds of all of them.
inline std::vector<Timing> time_in_turn(const std::vector<Candidate>& candidates, int repeats) {
    std::vector<Timing> timings;
    for (const Candidate& c : candidates) {
        c.run();
        timings.push_back({c.name, {}});
    }
    for (int i = 0; i < repeats; ++i)
        for (std::size_t k = 0; k < candidates.size(); ++k) {
            const auto start = std::chrono::steady_clock::now();
            candidates[k].run();
            timings[k].seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
    for (Timing& t : timings) std::sort(t.seconds.begin(), t.seconds.end());
    return timings;
}

}  // namespace gleam::bench
