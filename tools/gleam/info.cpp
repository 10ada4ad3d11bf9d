// gleam info: what this program is made of and what it can run on.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/version.hpp"
#include "data/hdf5.hpp"
#include "greedy/job.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

int print_info(bool as_json) {
    auto libraries = kernels::cpu_libraries();
    libraries.emplace_back("HDF5", data::hdf5_version());
    if (as_json) {
        nlohmann::ordered_json json{
            {"version", version}, {"compiler", compiler}, {"build_type", build_type}, {"threads", kernels::set_thread_count(0)}};
        for (const auto& d : kernels::list_devices())
            json["devices"].push_back({{"name", d.name}, {"available", d.available}, {"detail", d.detail}});
        for (const auto& [name, number] : libraries) json["libraries"][name] = number;
        fmt::print("{}\n", json.dump(1));
        return 0;
    }
    fmt::print("gleam {} ({}, {})\n\ndevices\n", version, compiler, build_type);
    for (const auto& d : kernels::list_devices())
        fmt::print("  {:<8} {:<14} {}\n", d.name, d.available ? "available" : "not available", d.detail);
    fmt::print("\nlibraries\n");
    for (const auto& [name, number] : libraries) fmt::print("  {:<8} {}\n", name, number);
    fmt::print("\nthreads    {}\n", kernels::set_thread_count(0));
    return 0;
}

}  // namespace

void add_info(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("info", "Version, devices and why any is not available, libraries, threads");
    auto json = std::make_shared<bool>(false), keys = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "print JSON");
    command->add_flag("--config-keys", *keys, "print every configuration key instead, as docs/config.md shows them (Markdown)");
    command->callback([json, keys, &run] {
        run = [json, keys] {
            if (!*keys) return print_info(*json);
            fmt::print("{}", greedy::config_reference_markdown());
            return 0;
        };
    });
}

}  // namespace gleam::tools
