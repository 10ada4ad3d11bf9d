// gleam reconstruct: images from a data set, by a trained network or a classical method.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/log.hpp"
#include "core/version.hpp"
#include "data/cfl.hpp"
#include "data/hdf5.hpp"
#include "data/nifti.hpp"
#include "data/png.hpp"
#include "greedy/planes.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/gleam/commands.hpp"
#include "tools/gleam/options.hpp"

namespace gleam::tools {
namespace {

struct ReconstructOptions {
    std::string weights, method, input, out;
    DeviceOptions device;
    SampleOptions samples;
    MethodOptions methods;
};

using Images = std::vector<ComplexArray>;  // of every sample, [1, T, 1, Z, Y, X (, E)]

// Planes [n, h, w] beside and below one another, windowed to the brightest percentile.
data::Picture contact_sheet(const RealArray& planes) {
    const std::int64_t n = planes.shape[0], h = planes.shape[1], w = planes.shape[2];
    const auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
    RealArray sheet(Shape{(n + columns - 1) / columns * h, columns * w});
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t y = 0; y < h; ++y)
            std::copy_n(planes.slice(i) + y * w, w, sheet.data() + ((i / columns * h + y) * columns + i % columns) * w);
    std::vector<float> sorted = planes.values;
    const auto place = static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + place, sorted.end());
    return data::grey_image(sheet.data(), sheet.shape[0], sheet.shape[1], 0, sorted[static_cast<std::size_t>(place)]);
}

// The images one behind the other, as their data set would store them: [slice, y, x], [volume, z, y, x] or [slice, frame, y, x],
// and a last axis of several sets.
ComplexArray stacked(const Images& images, data::DatasetLayout layout) {
    layout.slices = static_cast<std::int64_t>(images.size());
    ComplexArray all(layout.stored_image());
    for (std::int64_t i = 0; i < layout.slices; ++i) {
        const ComplexArray& one = images[static_cast<std::size_t>(i)];
        std::copy(one.values.begin(), one.values.end(), all.slice(i));
    }
    return all;
}

// Magnitudes of all planes or, with `middle`, of the middle one of each sample: [n, y, x].
RealArray stacked_planes(const Images& images, bool middle) {
    RealArray all;
    for (const ComplexArray& image : images) {
        RealArray m = greedy::magnitudes(image);
        if (middle) m = greedy::middle_plane(m);
        all.values.insert(all.values.end(), m.values.begin(), m.values.end());
    }
    const std::int64_t height = images[0].shape[4], width = images[0].shape[5];
    all.shape = Shape{all.elements() / (height * width), height, width};
    return all;
}

bool is_nifti(const std::string& name) { return name.ends_with(".nii") || name.ends_with(".nii.gz"); }

void write_images(const fs::path& path, const Images& images, const data::DatasetLayout& layout,
                  const ReconstructOptions& options) {
    const std::string name = path.filename().string();
    if (name.ends_with(".h5")) {
        data::Hdf5Writer file(path);
        file.write("reconstruction", stacked(images, layout));
        file.set_attribute("/", "version", version);
        file.set_attribute("/", "physics", data::name_of(layout.physics));
        file.set_attribute("/", "input", options.input);
        file.set_attribute("/", "method", options.weights.empty() ? options.method : options.weights);
        file.commit();
    } else if (name.ends_with(".cfl")) {
        data::write_cfl(path, stacked(images, layout));
    } else if (name.ends_with(".png")) {
        data::write_png(path, contact_sheet(stacked_planes(images, images.size() > 1)));
    } else if (is_nifti(name)) {
        data::NiftiImage volume;
        volume.values = stacked_planes(images, false);
        data::write_nifti(path, volume);
    }
}

int reconstruct(const ReconstructOptions& o) {
    const auto ops = o.device.open();
    std::vector<std::string> checkpoints;
    if (!o.weights.empty()) checkpoints.push_back(o.weights);
    const data::Samples samples = o.samples.open(o.input, checkpoints);
    const data::DatasetLayout& layout = samples.file().layout();
    if (is_nifti(o.out) && layout.physics == data::Physics::volume && samples.count() > 1)
        throw ConfigError("--out " + o.out, fmt::format("takes one volume, and {} are to be reconstructed", samples.count()),
                          "choose one with --slices, or write .h5");
    const auto method = o.weights.empty() ? o.methods.make(o.method, *ops) : greedy::make_network_reconstructor(*ops, o.weights);

    const auto host = kernels::make_cpu_operations();  // reads, whatever device reconstructs
    Arena workspace("reconstruct");
    workspace.serve_on_demand(host->allocator());
    Images images;
    double acceleration = 0;
    for (std::int64_t i = 0; i < samples.count(); ++i) {
        const data::Sample sample = samples.read(i, 0, *host, workspace);
        images.push_back(method->reconstruct(sample));
        acceleration += sample.acceleration / static_cast<double>(samples.count());
    }
    write_images(o.out, images, layout, o);
    log_info("{} {} at acceleration {:.2f} -> {}", samples.count(), greedy::sample_name(layout.physics, samples.count()),
             acceleration, o.out);
    return 0;
}

// CLI11 shows its message.
std::string check_extension(const std::string& path) {
    for (const char* ending : {".h5", ".cfl", ".png", ".nii", ".nii.gz"})
        if (path.ends_with(ending)) return "";
    return "'" + path + "' must end in .h5, .cfl, .png, .nii or .nii.gz";
}

}  // namespace

void add_reconstruct(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("reconstruct", "Reconstruct the slices, volumes or series of a data set");
    auto o = std::make_shared<ReconstructOptions>();
    auto* group = command->add_option_group("method", "how to reconstruct");
    group->add_option("--weights", o->weights, "checkpoint of a trained network");
    group->add_option("--method", o->method, "zero_filled, cg_sense or l1_wavelet")->check(CLI::IsMember(method_names));
    group->require_option(1);
    command->add_option("--input", o->input, "GLEAM data set (`gleam prepare` or `gleam simulate` writes it)")->required();
    command->add_option("--out", o->out, "images: .h5 or .cfl (complex), .png or .nii[.gz] (magnitude, sets combined)")
        ->required()
        ->check(CLI::Validator(check_extension, "PATH"));
    o->samples.add(*command);
    o->methods.add(*command);
    o->device.add(*command);
    command->callback([o, &run] { run = [o] { return reconstruct(*o); }; });
}

}  // namespace gleam::tools
