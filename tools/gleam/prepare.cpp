// gleam prepare: raw k-space (fastMRI-style HDF5, BART) to GLEAM data sets with coil maps and targets.
#include "data/prepare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/log.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

struct Options {
    std::vector<std::string> inputs;
    std::string out, mask = "file", phase = "first_coil", physics = "2d";
    data::PrepareOptions terms;
    int threads = 0;
};

// "3 volumes of 32 x 128 x 128, 8 coils"
std::string contents(const data::DatasetLayout& l) {
    const char* thing = l.physics == data::Physics::volume ? "volume" : "slice";
    std::string text = fmt::format("{} {}{} of ", l.slices, thing, l.slices == 1 ? "" : "s");
    if (l.physics == data::Physics::dynamic) text += fmt::format("{} frames of ", l.frames);
    if (l.physics == data::Physics::volume) text += fmt::format("{} x ", l.depth);
    return text + fmt::format("{} x {}, {} coils", l.height, l.width, l.coils);
}

// "24 x 24", or "16 x 24 x 24" of volumes: the calibration block, which is all of an axis that is shorter
std::string block(const data::DatasetLayout& l, std::int64_t side) {
    const std::string plane = fmt::format("{} x {}", std::min(side, l.height), std::min(side, l.width));
    return l.physics == data::Physics::volume ? fmt::format("{} x {}", std::min(side, l.depth), plane) : plane;
}

int prepare(Options o) {
    kernels::set_thread_count(o.threads);
    const auto ops = kernels::make_cpu_operations();
    o.terms.mask = data::mask_source(o.mask);
    o.terms.physics = data::physics_of(o.physics);
    o.terms.espirit.phase = o.phase == "principal" ? data::PhaseReference::principal : data::PhaseReference::first_coil;
    const auto files = data::prepare({o.inputs.begin(), o.inputs.end()}, o.out, o.terms, *ops);
    for (const data::PreparedFile& f : files) {
        const data::DatasetLayout& l = f.layout;
        const std::string inputs =
            f.inputs.front().string() + (f.inputs.size() > 1 ? fmt::format(" and {} more", f.inputs.size() - 1) : std::string());
        log_info("{} -> {}: {}, {}, {} of maps from {} points", inputs, f.output.string(), contents(l),
                 l.mask ? fmt::format("undersampled {:.2f} times (no target)", f.acceleration) : std::string("fully sampled"),
                 l.sets == 1 ? "1 set" : fmt::format("{} sets", l.sets), block(l, f.smallest_calibration));
        if (!f.empty_slices.empty())
            log_warning("{}: no signal in slices {}", f.output.string(), fmt::join(f.empty_slices, ", "));
    }
    return 0;
}

}  // namespace

void add_prepare(CLI::App& program, Run& run) {
    auto* command =
        program.add_subcommand("prepare", "Raw k-space (fastMRI-style .h5, BART .cfl) to a data set with maps and target");
    auto o = std::make_shared<Options>();
    auto& e = o->terms.espirit;
    command->add_option("inputs", o->inputs, "k-space files: .h5 or .cfl")->required();
    command->add_option("--out", o->out, "one data set (.h5) for all inputs, or a directory for one each")->required();
    command->add_option("--physics", o->physics, "what the files hold: slices (2d), volumes (3d) or cine series (2d+t)")
        ->check(CLI::IsMember({"2d", "3d", "2d+t"}))
        ->capture_default_str();
    command->add_option("--calibration", e.calibration, "ESPIRiT: side of the central calibration block, points")
        ->capture_default_str();
    command->add_option("--kernel", e.kernel, "ESPIRiT: side of the kernel, points")->capture_default_str();
    command->add_option("--threshold", e.threshold, "ESPIRiT: singular values kept, relative to the largest")
        ->capture_default_str();
    command->add_option("--crop", e.crop, "ESPIRiT: maps are 0 where the eigenvalue is below this")->capture_default_str();
    command->add_option("--sets", e.sets, "ESPIRiT: sets of maps; 2 where the object is larger than the field of view")
        ->check(CLI::Range(1, 8))
        ->capture_default_str();
    command->add_option("--phase", o->phase, "what the phase of the maps refers to: first_coil or principal (virtual coil)")
        ->check(CLI::IsMember({"first_coil", "principal"}))
        ->capture_default_str();
    command->add_option("--mask", o->mask, "which points were measured: file (its mask, or all), from-zeros, full")
        ->check(CLI::IsMember({"file", "from-zeros", "full"}))
        ->capture_default_str();
    command->add_option("--gzip", o->terms.storage.gzip, "compression of the output, 0 to 9")->check(CLI::Range(0, 9));
    command->add_option("--threads", o->threads, "threads; 0 = all cores this process may use")->check(CLI::Range(0, 4096));
    command->callback([o, &run] { run = [o] { return prepare(*o); }; });
}

}  // namespace gleam::tools
