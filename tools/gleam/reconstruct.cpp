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

RealArray magnitudes(const ComplexArray& images) {
    RealArray m(images.shape);
    for (std::int64_t i = 0; i < m.elements(); ++i) m[i] = std::abs(images[i]);
    return m;
}

// All slices beside and below one another, windowed to the brightest percentile.
data::Picture contact_sheet(const RealArray& images) {
    const std::int64_t n = images.shape[0], h = images.shape[1], w = images.shape[2];
    const auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
    RealArray sheet(Shape{(n + columns - 1) / columns * h, columns * w});
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t y = 0; y < h; ++y)
            std::copy_n(images.slice(i) + y * w, w, sheet.data() + ((i / columns * h + y) * columns + i % columns) * w);
    std::vector<float> sorted = images.values;
    const auto place = static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + place, sorted.end());
    return data::grey_image(sheet.data(), sheet.shape[0], sheet.shape[1], 0, sorted[static_cast<std::size_t>(place)]);
}

void write_images(const fs::path& path, const ComplexArray& images, const ReconstructOptions& options) {
    const std::string name = path.filename().string();
    if (name.ends_with(".h5")) {
        data::Hdf5Writer file(path);
        file.write("reconstruction", images);
        file.set_attribute("/", "version", version);
        file.set_attribute("/", "input", options.input);
        file.set_attribute("/", "method", options.weights.empty() ? options.method : options.weights);
        file.commit();
    } else if (name.ends_with(".cfl")) {
        data::write_cfl(path, images);
    } else if (name.ends_with(".png")) {
        data::write_png(path, contact_sheet(magnitudes(images)));
    } else if (name.ends_with(".nii") || name.ends_with(".nii.gz")) {
        data::NiftiImage volume;
        volume.values = magnitudes(images);
        data::write_nifti(path, volume);
    }
}

int reconstruct(const ReconstructOptions& o) {
    const auto ops = o.device.open();
    std::vector<std::string> checkpoints;
    if (!o.weights.empty()) checkpoints.push_back(o.weights);
    const data::Samples samples = o.samples.open(o.input, checkpoints);
    const auto method = o.weights.empty() ? o.methods.make(o.method, *ops) : greedy::make_network_reconstructor(*ops, o.weights);

    Arena workspace("reconstruct");
    workspace.serve_on_demand(ops->allocator());
    ComplexArray images(Shape{samples.count(), samples.file().height(), samples.file().width()});
    double acceleration = 0;
    for (std::int64_t i = 0; i < samples.count(); ++i) {
        const data::Sample sample = samples.read(i, 0, *ops, workspace);
        const ComplexArray image = method->reconstruct(sample);
        std::copy(image.values.begin(), image.values.end(), images.slice(i));
        acceleration += sample.acceleration / static_cast<double>(samples.count());
    }
    write_images(o.out, images, o);
    log_info("{} slices at acceleration {:.2f} -> {}", samples.count(), acceleration, o.out);
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
    auto* command = program.add_subcommand("reconstruct", "Reconstruct the slices of a data set");
    auto o = std::make_shared<ReconstructOptions>();
    auto* group = command->add_option_group("method", "how to reconstruct");
    group->add_option("--weights", o->weights, "checkpoint of a trained network");
    group->add_option("--method", o->method, "zero_filled, cg_sense or l1_wavelet")->check(CLI::IsMember(method_names));
    group->require_option(1);
    command->add_option("--input", o->input, "GLEAM data set (`gleam prepare` or `gleam simulate` writes it)")->required();
    command->add_option("--out", o->out, "images: .h5 or .cfl (complex), .png or .nii[.gz] (magnitude)")
        ->required()
        ->check(CLI::Validator(check_extension, "PATH"));
    o->samples.add(*command);
    o->methods.add(*command);
    o->device.add(*command);
    command->callback([o, &run] { run = [o] { return reconstruct(*o); }; });
}

}  // namespace gleam::tools
