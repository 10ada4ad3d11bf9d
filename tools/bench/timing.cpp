#include "tools/bench/timing.hpp"

#include <algorithm>
#include <chrono>

namespace gleam::bench {

std::vector<Timing> time_in_turn(const std::vector<Candidate>& candidates, int repeats) {
    std::vector<Timing> timings;
    for (const Candidate& c : candidates) {
        c.run();
        timings.push_back({c.name, {}, c.work});
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
