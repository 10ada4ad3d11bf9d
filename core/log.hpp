// One line to standard error for people; results go to standard output and files.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace gleam {

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "{}\n", fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "warning: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gleam
