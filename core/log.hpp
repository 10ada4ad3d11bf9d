// One line to standard error for people; results go to standard output and files.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace gleam {

// Begins every line of this thread: "[rank 2] ".
inline std::string& log_prefix() {
    thread_local std::string prefix;
    return prefix;
}

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "{}{}\n", log_prefix(), fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "{}warning: {}\n", log_prefix(), fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gleam
