// gleam info: what this program is made of and what it can run on, or what a data set holds.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/version.hpp"
#include "data/dataset_file.hpp"
#include "greedy/job.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

int print_info(bool as_json) {
    const std::vector<kernels::DeviceStatus> devices = kernels::list_devices();
    kernels::LibraryVersions libraries;
    for (const auto& d : devices) libraries.insert(libraries.end(), d.libraries.begin(), d.libraries.end());
    libraries.emplace_back("HDF5", data::hdf5_version());
    if (as_json) {
        nlohmann::ordered_json json{
            {"version", version}, {"compiler", compiler}, {"build_type", build_type}, {"threads", kernels::set_thread_count(0)}};
        for (const auto& d : devices)
            json["devices"].push_back({{"name", d.name}, {"available", d.available}, {"detail", d.detail}});
        for (const auto& [name, number] : libraries) json["libraries"][name] = number;
        fmt::print("{}\n", json.dump(1));
        return 0;
    }
    fmt::print("gleam {} ({}, {})\n\ndevices\n", version, compiler, build_type);
    for (const auto& d : devices)
        fmt::print("  {:<8} {:<14} {}\n", d.name, d.available ? "available" : "not available", d.detail);
    fmt::print("\nlibraries\n");
    for (const auto& [name, number] : libraries) fmt::print("  {:<8} {}\n", name, number);
    fmt::print("\nthreads    {}\n", kernels::set_thread_count(0));
    return 0;
}

const char* mask_text(const data::DatasetLayout& l) {
    if (!l.mask) return "none: fully sampled";
    return l.mask_per_slice ? "one for each sample" : "one for all samples";
}

std::string images_text(const data::DatasetLayout& l) {
    std::string text;
    for (const auto& [there, name] : {std::pair{l.target, "target"}, {l.rss, "reconstruction_rss"}, {l.truth, "truth"}})
        if (there) text += (text.empty() ? "" : ", ") + std::string(name);
    return text.empty() ? "none" : text;
}

int print_dataset(const std::string& path, bool as_json) {
    const data::DatasetFile file(path);
    const data::DatasetLayout& l = file.layout();
    if (as_json) {
        nlohmann::ordered_json json{{"file", path},
                                    {"physics", data::name_of(l.physics)},
                                    {"slices", l.slices},
                                    {"frames", l.frames},
                                    {"coils", l.coils},
                                    {"sets", l.sets},
                                    {"depth", l.depth},
                                    {"height", l.height},
                                    {"width", l.width},
                                    {"target", l.target},
                                    {"rss", l.rss},
                                    {"truth", l.truth},
                                    {"mask", l.mask},
                                    {"mask_per_slice", l.mask_per_slice},
                                    {"mask_frames", l.mask_frames}};
        for (const auto& [name, text] : file.provenance()) json["attributes"][name] = text;
        fmt::print("{}\n", json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
        return 0;
    }
    const bool volume = l.physics == data::Physics::volume;
    fmt::print("{}\n\nphysics    {}\n{:<10} {}\n", path, data::name_of(l.physics), volume ? "volumes" : "slices", l.slices);
    fmt::print("frames     {}\ndepth      {}\nmatrix     {} x {}\ncoils      {}\nsets       {}\n", l.frames, l.depth, l.height,
               l.width, l.coils, l.sets);
    fmt::print("images     {}\nmask       {}\n\nattributes\n", images_text(l), mask_text(l));
    for (const auto& [name, text] : file.provenance()) fmt::print("  {:<16} {}\n", name, text);
    return 0;
}

}  // namespace

void add_info(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand(
        "info", "Version, devices and why any is not available, libraries, threads; or what a data set holds");
    auto file = std::make_shared<std::string>();
    command->add_option("file", *file, "GLEAM data set: physics, sizes, images, mask, where it comes from");
    auto json = std::make_shared<bool>(false), keys = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "print JSON");
    command->add_flag("--config-keys", *keys, "print every configuration key instead, as docs/config.md shows them (Markdown)");
    command->callback([file, json, keys, &run] {
        run = [file, json, keys] {
            if (!file->empty()) return print_dataset(*file, *json);
            if (!*keys) return print_info(*json);
            fmt::print("{}", greedy::config_reference_markdown());
            return 0;
        };
    });
}

}  // namespace gleam::tools
