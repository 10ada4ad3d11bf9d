#include "tools/bench/timing.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>

#include "kernels/cpu/cpu.hpp"

namespace gleam::bench {
namespace {

double processor_time() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

std::vector<Timing> time_in_turn(const std::vector<Candidate>& candidates, int repeats) {
    std::vector<Timing> timings;
    for (const Candidate& c : candidates) {
        c.run();
        Timing t;
        t.name = c.name, t.work = c.work;
        timings.push_back(std::move(t));
    }
    const double threads = kernels::thread_count();
    for (int i = 0; i < repeats; ++i)
        for (std::size_t k = 0; k < candidates.size(); ++k) {
            const double processor_start = processor_time();
            const auto start = std::chrono::steady_clock::now();
            candidates[k].run();
            timings[k].seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            timings[k].processor_seconds.push_back((processor_time() - processor_start) / threads);
        }
    for (Timing& t : timings) {
        std::sort(t.seconds.begin(), t.seconds.end());
        std::sort(t.processor_seconds.begin(), t.processor_seconds.end());
    }
    return timings;
}

}  // namespace gleam::bench
