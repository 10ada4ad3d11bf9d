#include "greedy/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace gleam::greedy {

Progress::Progress(std::int64_t first_step, std::int64_t last_step)
    : first_(first_step), last_(last_step), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::int64_t step, const std::string& detail) {
    const auto now = Clock::now();
    const std::chrono::duration<double> pause(terminal_ ? 0.2 : 10.0), since = now - shown_;
    if (step < last_ && since < pause) return;
    shown_ = now;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double per_step = elapsed / static_cast<double>(std::max<std::int64_t>(step - first_, 1));
    const std::string line = fmt::format("step {}/{}  {:.3f} s/step  {} left  {}", step, last_, per_step,
                                         format_duration(per_step * static_cast<double>(last_ - step)), detail);
    if (terminal_)
        fmt::print(stderr, "\r\033[K{}", line);
    else
        fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
    open_line_ = terminal_;
}

void Progress::pause() {
    if (open_line_) fmt::print(stderr, "\n");
    open_line_ = false;
}

std::string format_duration(double seconds) {
    const auto s = static_cast<std::int64_t>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
    if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
    return fmt::format("{} s", s);
}

}  // namespace gleam::greedy
