// The sub-commands of `gleam`. Each adds its options to the program and, when it is chosen, sets `run` to what is to be done.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace gleam::tools {

// Returns the exit code of the program.
using Run = std::function<int()>;

void add_info(CLI::App& program, Run& run);
void add_simulate(CLI::App& program, Run& run);
void add_prepare(CLI::App& program, Run& run);
void add_plan(CLI::App& program, Run& run);
void add_train(CLI::App& program, Run& run);
void add_reconstruct(CLI::App& program, Run& run);
void add_evaluate(CLI::App& program, Run& run);
void add_report(CLI::App& program, Run& run);
void add_trace(CLI::App& program, Run& run);

}  // namespace gleam::tools
