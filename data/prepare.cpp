#include "data/prepare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/log.hpp"
#include "core/version.hpp"
#include "data/sampling_pattern.hpp"

namespace gleam::data {
namespace {

constexpr std::pair<MaskSource, const char*> sources[] = {
    {MaskSource::file, "file"}, {MaskSource::from_zeros, "from-zeros"}, {MaskSource::full, "full"}};

// The coils' images in the place of k-space, and their root sum of squares
void make_images(ComplexArray& kspace, Physics physics, kernels::Operations& ops, RealArray& rss) {
    Arena workspace("prepare");
    workspace.serve_on_demand(ops.allocator());
    const Shape& s = kspace.shape;
    const std::int64_t frames = s[1], coils = s[2], points = s[3] * s[4] * s[5];
    rss = RealArray({1, frames, 1, s[3], s[4], s[5]});
    for (std::int64_t i = 0; i < frames * coils; ++i) {
        std::complex<float>* image = kspace.data() + i * points;
        float* sum = rss.data() + i / coils * points;
        ops.fft(kernels::FftDirection::inverse, fourier_rank(physics), view_of(image, {1, 1, 1, s[3], s[4], s[5]}), workspace);
#pragma omp parallel for schedule(static)
        for (std::int64_t p = 0; p < points; ++p) {
            const double before = sum[p];  // in double, since squares of some units leave the range of single numbers
            sum[p] = static_cast<float>(std::sqrt(before * before + std::norm(std::complex<double>(image[p]))));
        }
    }
}

// Adds the coils' images, each times the conjugate of its maps.
void combine(const ComplexArray& images, const ComplexArray& maps, ComplexArray& target) {
    const Shape& s = images.shape;
    const std::int64_t frames = s[1], coils = s[2], points = s[3] * s[4] * s[5],
                       sets = maps.shape.rank() == 7 ? maps.shape[6] : 1;
    for (std::int64_t i = 0; i < frames * coils; ++i) {
        const std::complex<float>*image = images.data() + i * points, *map = maps.data() + i % coils * points * sets;
        std::complex<float>* sum = target.data() + i / coils * points * sets;
#pragma omp parallel for schedule(static)
        for (std::int64_t p = 0; p < points; ++p)
            for (std::int64_t e = 0; e < sets; ++e) sum[p * sets + e] += std::conj(map[p * sets + e]) * image[p];
    }
}

// Maps and, of a fully sampled sample, images, which take the place of k-space. All but the k-space of the result
PreparedSlice with_maps(ComplexArray kspace, const RealArray* mask, Physics physics, std::int64_t sets, const Espirit& espirit,
                        kernels::Operations& ops) {
    PreparedSlice out;
    out.calibration = espirit.calibration();
    out.no_signal = espirit.no_signal();
    if (mask) {
        kspace = {};
        out.data.mask = *mask;
        out.data.maps = espirit.maps().maps;
        return out;
    }
    make_images(kspace, physics, ops, out.data.rss);
    Shape image = out.data.rss.shape;
    if (sets > 1) image.append(sets);
    out.data.target = ComplexArray(image);
    if (sets == 1 && image[1] == 1) {
        out.data.maps = espirit.maps_in_place_of(std::move(kspace), out.data.target).maps;
        return out;
    }
    out.data.maps = espirit.maps().maps;
    combine(kspace, out.data.maps, out.data.target);
    return out;
}

// Sets k-space to 0 where it was not sampled.
void clear_unsampled(ComplexArray& kspace, const RealArray& mask) {
    const Shape& s = kspace.shape;
    const std::int64_t points = s[3] * s[4] * s[5];
    for (std::int64_t i = 0; i < kspace.elements(); ++i) {
        const std::int64_t frame = mask.shape[1] == 1 ? 0 : i / points / s[2];
        if (mask[frame * points + i % points] == 0) kspace[i] = 0;
    }
}

// What is known of where a file was sampled.
struct Sampling {
    bool undersampled = false, per_slice = false;
    RealArray shared;         // the mask of all slices, or of those without signal
    bool from_zeros = false;  // masks per slice come from its zeros, not from the file
};

bool has_zeros(const RealArray& mask) { return std::find(mask.values.begin(), mask.values.end(), 0.0F) != mask.values.end(); }

Sampling sampling_of_mask(const KspaceFile& file) {
    Sampling s;
    s.per_slice = file.mask_per_slice();
    for (std::int64_t i = 0; i < (s.per_slice ? file.slices() : 1); ++i) {
        const RealArray mask = *file.mask(i);
        s.undersampled = s.undersampled || has_zeros(mask);
        if (i == 0) s.shared = mask;
    }
    return s;
}

Sampling sampling_of(const KspaceFile& file, MaskSource source) {
    if (source == MaskSource::full) return {};
    if (source == MaskSource::file && file.mask(0)) return sampling_of_mask(file);
    const SamplingPattern found = sampling_pattern(file, source == MaskSource::from_zeros);
    if (source == MaskSource::from_zeros) return {has_zeros(found.sampled), !found.same_in_all, found.sampled, true};
    const std::string where = file.path().string();
    if (found.holes)
        throw DataError(
            where,
            fmt::format("{} of {} points of k-space are 0 in every coil and slice, and the file has no mask: it looks "
                        "undersampled",
                        found.zeros, found.sampled.elements()),
            "use `--mask from-zeros` if these points were not measured, `--mask full` if they were");
    if (found.zeros > 0)
        log_warning("{}: {} of {} points at the border of k-space are 0 everywhere; taken as padding, so as fully sampled", where,
                    found.zeros, found.sampled.elements());
    return {};
}

RealArray mask_of_slice(const KspaceFile& file, const Sampling& sampling, std::int64_t slice, const ComplexArray& kspace) {
    if (!sampling.per_slice) return sampling.shared;
    if (!sampling.from_zeros) return *file.mask(slice);
    RealArray mask = sampled_points(kspace);
    return std::count(mask.values.begin(), mask.values.end(), 1.0F) > 0 ? mask : sampling.shared;
}

struct Source {
    KspaceFile file;
    Sampling sampling;
};

// "8 coils and 256 x 256 points"
std::string sizes(const DatasetLayout& l) {
    const std::string frames = l.physics == Physics::dynamic ? fmt::format("{} frames of ", l.frames) : "";
    const std::string depth = l.physics == Physics::volume ? fmt::format("{} x ", l.depth) : "";
    return fmt::format("{}{} coils and {}{} x {} points", frames, l.coils, depth, l.height, l.width);
}

// The inputs of one data set, which have to be alike.
std::vector<Source> open_sources(const std::vector<fs::path>& inputs, const PrepareOptions& options) {
    std::vector<Source> sources;
    for (const fs::path& input : inputs) {
        KspaceFile file(input, options.physics);
        const Sampling sampling = sampling_of(file, options.mask);
        sources.push_back({std::move(file), sampling});
        const Source &first = sources.front(), &last = sources.back();
        if (!(last.file.layout().kspace_shape() == first.file.layout().kspace_shape()))
            throw DataError(
                input.string(),
                fmt::format("has {}, {} has {}", sizes(last.file.layout()), inputs.front().string(), sizes(first.file.layout())),
                "give --out a directory, for one data set each");
        if (sampling.undersampled != first.sampling.undersampled)
            throw DataError(input.string(), fmt::format("and {}: one is undersampled, the other is not", inputs.front().string()),
                            "give --out a directory, for one data set each");
    }
    return sources;
}

DatasetLayout layout_of(const std::vector<Source>& sources, int sets) {
    const DatasetLayout& file = sources.front().file.layout();
    DatasetLayout layout{0, file.coils, file.height, file.width};
    layout.physics = file.physics, layout.frames = file.frames, layout.depth = file.depth, layout.sets = sets;
    layout.mask = sources.front().sampling.undersampled;
    layout.target = layout.rss = !layout.mask;
    for (const Source& source : sources) {
        layout.slices += source.file.slices();
        layout.mask_per_slice = layout.mask_per_slice || (layout.mask && (source.sampling.per_slice || sources.size() > 1));
        if (layout.mask) layout.mask_frames = std::max(layout.mask_frames, source.sampling.shared.shape[1]);
    }
    return layout;
}

// A mask that the frames share, written out for each of them.
void repeat_frames(RealArray& mask, std::int64_t frames) {
    if (mask.shape[1] == frames) return;
    const std::vector<float> one = mask.values;
    mask.shape[1] = frames;
    for (std::int64_t t = 1; t < frames; ++t) mask.values.insert(mask.values.end(), one.begin(), one.end());
}

void describe(DatasetWriter& writer, const std::vector<Source>& sources, const EspiritOptions& options) {
    if (sources.size() == 1)
        for (const auto& [name, text] : sources.front().file.attributes())
            if (name != "physics") writer.set_attribute(name, text);
    std::string names;
    for (const Source& source : sources) names += (names.empty() ? "" : ", ") + source.file.path().filename().string();
    writer.set_attribute("program", fmt::format("gleam {}", version));
    writer.set_attribute("source", names);
    writer.set_attribute("maps_method", "espirit");
    writer.set_attribute("maps_calibration", static_cast<std::int64_t>(options.calibration));
    writer.set_attribute("maps_kernel", static_cast<std::int64_t>(options.kernel));
    writer.set_attribute("maps_threshold", options.threshold);
    writer.set_attribute("maps_crop", options.crop);
}

Espirit calibrated(const KspaceFile& file, std::int64_t slice, const ComplexArray& kspace, const RealArray* mask,
                   const EspiritOptions& options, kernels::Operations& ops) {
    try {
        return {kspace, mask, options, ops};
    } catch (const DataError& e) {
        throw DataError(fmt::format("{}, slice {}", file.path().string(), slice), e.what());
    }
}

PreparedFile prepare_together(const std::vector<fs::path>& inputs, const fs::path& output, const PrepareOptions& options,
                              kernels::Operations& ops) {
    const std::vector<Source> sources = open_sources(inputs, options);
    PreparedFile result{inputs, output, layout_of(sources, options.espirit.sets), 1, {}, options.espirit.calibration};
    DatasetWriter writer(output, result.layout, options.storage);
    std::int64_t written = 0;
    for (const auto& [file, sampling] : sources)
        for (std::int64_t i = 0; i < file.slices(); ++i, ++written) {
            ComplexArray kspace = file.read_slice(i);
            RealArray mask;
            if (sampling.undersampled) {
                mask = mask_of_slice(file, sampling, i, kspace);
                repeat_frames(mask, result.layout.mask_frames);
            }
            const RealArray* const sampled = mask.empty() ? nullptr : &mask;
            const Espirit espirit = calibrated(file, i, kspace, sampled, options.espirit, ops);
            if (sampled) clear_unsampled(kspace, mask);
            writer.write_kspace(written, kspace);  // before images take its place
            const PreparedSlice slice =
                with_maps(std::move(kspace), sampled, options.physics, options.espirit.sets, espirit, ops);
            if (slice.no_signal) result.empty_slices.push_back(written);
            result.smallest_calibration = std::min(result.smallest_calibration, slice.calibration);
            if (written == 0 && !mask.empty())
                result.acceleration =
                    static_cast<double>(mask.elements()) /
                    static_cast<double>(std::max<std::int64_t>(1, std::count(mask.values.begin(), mask.values.end(), 1.0F)));
            writer.write_slice(written, slice.data);
            if (options.progress) options.progress(file.path(), i, file.slices());
        }
    describe(writer, sources, options.espirit);
    writer.commit();
    return result;
}

// Whether the output is one data set for all inputs.
bool joins(const fs::path& output) { return output.extension() == ".h5" && !fs::is_directory(output); }

std::vector<fs::path> output_paths(const std::vector<fs::path>& inputs, const fs::path& output) {
    if (inputs.empty()) throw ConfigError("prepare", "no input files", "name at least one");
    const bool one_file = joins(output);
    std::vector<fs::path> outputs;
    std::set<fs::path> seen;
    for (const fs::path& input : inputs) {
        outputs.push_back(one_file ? output : output / (input.stem().string() + ".h5"));
        std::error_code ignored;
        if (fs::equivalent(input, outputs.back(), ignored))
            throw ConfigError(outputs.back().string(), "is input and output", "choose another directory for the data sets");
        if (!seen.insert(outputs.back()).second && !one_file)
            throw ConfigError(outputs.back().string(), "would be written for two inputs",
                              "prepare them into different directories");
    }
    if (!one_file) make_directories(output);
    return outputs;
}

}  // namespace

std::string name_of(MaskSource source) {
    for (const auto& [value, name] : sources)
        if (value == source) return name;
    return "?";
}

MaskSource mask_source(std::string_view name) {
    for (const auto& [value, text] : sources)
        if (text == name) return value;
    throw ConfigError("mask", fmt::format("'{}' is not known", name), "use file, from-zeros or full");
}

PreparedSlice prepare_slice(ComplexArray kspace, const RealArray* mask, Physics physics, const EspiritOptions& options,
                            kernels::Operations& ops) {
    const Espirit espirit(kspace, mask, options, ops);
    if (mask) clear_unsampled(kspace, *mask);
    PreparedSlice out = with_maps(kspace, mask, physics, options.sets, espirit, ops);
    out.data.kspace = std::move(kspace);
    return out;
}

std::vector<PreparedFile> prepare(const std::vector<fs::path>& inputs, const fs::path& output, const PrepareOptions& options,
                                  kernels::Operations& ops) {
    const std::vector<fs::path> outputs = output_paths(inputs, output);
    if (joins(output)) return {prepare_together(inputs, output, options, ops)};
    std::vector<PreparedFile> files;
    for (std::size_t i = 0; i < inputs.size(); ++i) files.push_back(prepare_together({inputs[i]}, outputs[i], options, ops));
    return files;
}

}  // namespace gleam::data
