// gleam simulate: a multi-coil data set from drawn phantoms or from the slices of a magnitude volume.
#include "data/simulate.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/log.hpp"
#include "core/version.hpp"
#include "data/nifti.hpp"
#include "data/volume.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

struct Options {
    std::string out, image, part = "0:1", physics = "2d";
    data::SimulateOptions terms;
    std::int64_t slices = 0, size = 0, depth = 0, frames = 0;  // 0: the default
    int axis = 0, threads = 0;
};

// "0.7:0.85" of `count` things: first and last + 1.
std::pair<std::size_t, std::size_t> part_of(const std::string& text, std::size_t count) {
    double from = 0, to = 0;
    char rest = 0;
    if (std::sscanf(text.c_str(), "%lf:%lf%c", &from, &to, &rest) != 2 || !(from >= 0 && from < to && to <= 1))
        throw ConfigError("--part " + text, "is not a part of the whole", "write two fractions, such as 0:0.7");
    const auto place = [&](double f) { return static_cast<std::size_t>(std::lround(f * static_cast<double>(count))); };
    return {place(from), place(to)};
}

// One sample's magnitudes, and the number that names its coils, phase and noise.
struct Truth {
    RealArray image;
    std::uint32_t number;
};

// `depth` slices one behind the other as one volume.
Truth block(const std::vector<Truth>& slices, std::size_t first, std::int64_t depth) {
    const Shape& plane = slices[first].image.shape;
    Truth truth{RealArray(Shape{depth, plane[0], plane[1]}), slices[first].number};
    for (std::int64_t z = 0; z < depth; ++z) {
        const auto& values = slices[first + static_cast<std::size_t>(z)].image.values;
        std::copy(values.begin(), values.end(), truth.image.slice(z));
    }
    return truth;
}

// The chosen slices of the volume on the matrix of the options; in 3d, blocks of them.
std::vector<Truth> truths(Options& o) {
    const RealArray volume = data::read_nifti(o.image).values;
    const std::vector<std::int64_t> slices = data::slices_with_signal(volume, o.axis);
    const auto [first, last] = part_of(o.part, slices.size());
    if (first == last)
        throw ConfigError("--part " + o.part, fmt::format("holds none of the {} slices with signal", slices.size()), "widen it");
    std::vector<Truth> images;
    for (std::size_t i = first; i < last; ++i) {
        const RealArray image = data::take_slice(volume, o.axis, slices[i]);
        if (o.size == 0) o.terms.height = image.shape[0], o.terms.width = image.shape[1];
        images.push_back({data::fit_to_matrix(image, o.terms.height, o.terms.width), static_cast<std::uint32_t>(slices[i])});
    }
    if (o.terms.physics != data::Physics::volume) return images;
    o.terms.depth = o.depth ? o.depth : static_cast<std::int64_t>(images.size());
    std::vector<Truth> volumes;
    const auto depth = static_cast<std::size_t>(o.terms.depth);
    for (std::size_t i = 0; i + depth <= images.size(); i += depth) volumes.push_back(block(images, i, o.terms.depth));
    if (volumes.empty())
        throw ConfigError("--depth", fmt::format("is {}, and there are {} slices with signal", depth, images.size()),
                          "ask for less, or widen --part");
    return volumes;
}

// Sizes that were not given, and those that the physics does not have.
void choose_sizes(Options& o) {
    using data::Physics;
    const Physics physics = o.terms.physics = data::physics_of(o.physics);
    if (o.depth && physics != Physics::volume) throw ConfigError("--depth", "belongs to --physics 3d", "remove one of the two");
    if (o.frames && physics != Physics::dynamic)
        throw ConfigError("--frames", "belongs to --physics 2d+t", "remove one of the two");
    if (!o.image.empty() && (physics == Physics::dynamic || o.terms.sets != 1))
        throw ConfigError("--image", "gives slices and volumes of one set of maps", "simulate others with phantoms");
    if (physics == Physics::volume) o.terms.depth = o.depth ? o.depth : 32;
    if (physics == Physics::dynamic) o.terms.frames = o.frames ? o.frames : 12;
    o.terms.slices = o.slices ? o.slices : physics == Physics::planar ? 16 : 4;
    if (o.size) o.terms.height = o.terms.width = o.size;
}

std::string summary(const data::SimulateOptions& t) {
    const char* thing = t.physics == data::Physics::volume ? "volume" : "slice";
    std::string text = fmt::format("{} {}{} of ", t.slices, thing, t.slices == 1 ? "" : "s");
    if (t.physics == data::Physics::dynamic) text += fmt::format("{} frames of ", t.frames);
    if (t.physics == data::Physics::volume) text += fmt::format("{} x ", t.depth);
    text += fmt::format("{} x {}, {} coils", t.height, t.width, t.coils);
    return t.sets > 1 ? text + fmt::format(", {} sets of maps", t.sets) : text;
}

int simulate(Options o) {
    kernels::set_thread_count(o.threads);
    const auto ops = kernels::make_cpu_operations();
    choose_sizes(o);
    std::vector<Truth> images;
    if (!o.image.empty()) {
        images = truths(o);
        o.terms.slices = static_cast<std::int64_t>(images.size());
    }
    data::check(o.terms);
    data::DatasetWriter writer(o.out, data::layout_of(o.terms));
    for (std::int64_t s = 0; s < o.terms.slices; ++s) {
        if (images.empty()) {
            writer.write_slice(s, data::simulate_slice(o.terms, static_cast<std::uint32_t>(s), *ops));
        } else {
            const Truth& truth = images[static_cast<std::size_t>(s)];
            writer.write_slice(s, data::simulate_slice_from(truth.image, o.terms, truth.number, *ops));
        }
    }
    writer.set_attribute("version", version);
    writer.set_attribute("source", o.image.empty() ? std::string("simulated phantoms") : o.image);
    writer.set_attribute("noise", o.terms.noise);
    writer.set_attribute("seed", std::to_string(o.terms.seed));
    writer.commit();
    log_info("{} -> {}", summary(o.terms), o.out);
    return 0;
}

}  // namespace

void add_simulate(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("simulate", "Simulate a multi-coil data set (phantoms, or a real magnitude volume)");
    auto o = std::make_shared<Options>();
    command->add_option("--out", o->out, "data set to write (.h5)")->required();
    command->add_option("--physics", o->physics, "2d: slices; 3d: volumes; 2d+t: cine series of a beating heart")
        ->check(CLI::IsMember({"2d", "3d", "2d+t"}))
        ->capture_default_str();
    auto* image = command->add_option("--image", o->image, "take the slices of this volume (.nii, .nii.gz) instead of phantoms");
    command->add_option("--axis", o->axis, "with --image: slices are taken across this axis of [z, y, x]")
        ->needs(image)
        ->check(CLI::Range(0, 2))
        ->capture_default_str();
    command->add_option("--part", o->part, "with --image: which part of the slices with signal, as fractions")
        ->needs(image)
        ->capture_default_str();
    command->add_option("--slices", o->slices, "how many phantoms: slices, volumes or series (default: 16, 4 and 4)")
        ->excludes(image)
        ->check(CLI::Range(1, 1000000));
    command->add_option("--size", o->size, "matrix size (default: 128, or that of the volume)")->check(CLI::Range(1, 4096));
    command->add_option("--depth", o->depth, "3d: planes of a volume (default: 32, or all slices of the image)")
        ->check(CLI::Range(1, 4096));
    command->add_option("--frames", o->frames, "2d+t: frames of a heart beat (default: 12)")->check(CLI::Range(1, 4096));
    command->add_option("--coils", o->terms.coils, "coils on a ring around the object; 1 has a map of ones")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command->add_option("--sets", o->terms.sets, "sets of coil maps; 2: parts of the object fold into the field of view")
        ->check(CLI::Range(1, 2))
        ->capture_default_str();
    command->add_option("--noise", o->terms.noise, "standard deviation of the k-space noise relative to the brightest pixel")
        ->capture_default_str();
    command->add_option("--seed", o->terms.seed, "seed of everything random")->capture_default_str();
    command->add_option("--threads", o->threads, "threads; 0 = all cores this process may use")->check(CLI::Range(0, 4096));
    command->callback([o, &run] { run = [o] { return simulate(*o); }; });
}

}  // namespace gleam::tools
