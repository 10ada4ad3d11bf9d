// Progress for people: one line that rewrites itself on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gleam::greedy {

class Progress {
public:
    Progress(std::int64_t first_step, std::int64_t last_step);

    // After step `step`; `detail` is appended ("loss 0.081 … 0.043").
    void show(std::int64_t step, const std::string& detail);
    // Ends the rewriting line, so that something else can be printed.
    void pause();

private:
    using Clock = std::chrono::steady_clock;
    std::int64_t first_, last_;
    bool terminal_;
    bool open_line_ = false;
    Clock::time_point start_ = Clock::now(), shown_{};
};

// "1 h 02 min", "3 min 05 s", "12 s"
std::string format_duration(double seconds);

}  // namespace gleam::greedy
