#include "tools/bench/timing.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>

#include "kernels/cpu/cpu.hpp"

namespace gleam::bench {
namespace {

// Of all threads together. Each reads its own clock: that of the process leaves out what the others did since the system last
// looked at them, which can be milliseconds ago.
double processor_time() {
    double seconds = 0;
#pragma omp parallel reduction(+ : seconds)
    {
        timespec t{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        seconds = static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
    }
    return seconds;
}

// So long a candidate runs before it is timed: its memory is in the caches then, and the processor has its full rate again, which
// after copying memory takes milliseconds. What takes much longer gets there by itself.
constexpr double warming_seconds = 0.005;

double seconds_of(const Candidate& candidate) {
    const auto start = std::chrono::steady_clock::now();
    candidate.run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void warm(const Candidate& candidate) {
    for (double seconds = 0; seconds < warming_seconds;) seconds += seconds_of(candidate);
}

}  // namespace

std::vector<Timing> time_in_turn(const std::vector<Candidate>& candidates, int repeats) {
    std::vector<Timing> timings;
    std::vector<bool> brief;
    for (const Candidate& c : candidates) {
        brief.push_back(seconds_of(c) < 4 * warming_seconds);
        Timing t;
        t.name = c.name, t.work = c.work;
        timings.push_back(std::move(t));
    }
    const double threads = kernels::thread_count();
    for (int i = 0; i < repeats; ++i)
        for (std::size_t k = 0; k < candidates.size(); ++k) {
            if (brief[k]) warm(candidates[k]);
            const double processor_start = processor_time();
            timings[k].seconds.push_back(seconds_of(candidates[k]));
            timings[k].processor_seconds.push_back((processor_time() - processor_start) / threads);
        }
    for (Timing& t : timings) {
        std::sort(t.seconds.begin(), t.seconds.end());
        std::sort(t.processor_seconds.begin(), t.processor_seconds.end());
    }
    return timings;
}

}  // namespace gleam::bench
