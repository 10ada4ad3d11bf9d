#include "greedy/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/version.hpp"
#include "data/hdf5.hpp"
#include "greedy/planes.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::greedy {
namespace {

using Json = nlohmann::ordered_json;

double median(std::vector<double> v) {
    if (v.empty()) return 0;
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

// The reference image in the file's units; complex, so that one score function serves both kinds.
ComplexArray reference_image(const data::Sample& sample, Reference reference, const data::Samples& samples) {
    if (reference == Reference::rss) {
        if (sample.rss.empty())
            throw DataError(samples.file().path().string(), "has no 'reconstruction_rss' to compare with",
                            "use --reference target");
        ComplexArray image(sample.rss.shape);
        std::copy(sample.rss.values.begin(), sample.rss.values.end(), image.values.begin());
        return image;
    }
    if (sample.target.empty())
        throw DataError(samples.file().path().string(), "has no 'target' to compare with", "reconstruct it without evaluating");
    ComplexArray image = sample.target;
    for (auto& v : image.values) v *= static_cast<float>(sample.scale);
    return image;
}

modules::Scores score_against(const ComplexArray& image, const ComplexArray& target, Reference reference) {
    ComplexArray combined;  // several sets have one root of sum of squares
    if (!(image.shape == target.shape)) {
        combined = ComplexArray(target.shape);
        const RealArray m = magnitudes(image);
        std::copy(m.values.begin(), m.values.end(), combined.values.begin());
    }
    modules::Scores s = modules::score(combined.empty() ? image : combined, target);
    if (reference == Reference::rss) s.psnr = s.psnr_magnitude, s.nrmse = s.nrmse_magnitude;
    return s;
}

void keep_image(RealArray& images, std::int64_t place, const RealArray& image) {
    std::copy(image.values.begin(), image.values.end(), images.slice(place));
}

// `show` places of 0 … count - 1, evenly spread.
std::vector<std::int64_t> spread_places(std::int64_t count, int show) {
    std::vector<std::int64_t> places;
    const std::int64_t n = std::min<std::int64_t>(count, show);
    for (std::int64_t i = 0; i < n; ++i) places.push_back((2 * i + 1) * count / (2 * n));
    return places;
}

std::vector<double> column(const MethodScores& method, double modules::Scores::*which) {
    std::vector<double> values;
    for (const SliceScores& s : method.slices) values.push_back(s.scores.*which);
    return values;
}

// JSON has no infinity: null stands for it.
Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

Json scores_json(double psnr, double ssim, double nrmse) {
    return {{"psnr", number(psnr)}, {"ssim", number(ssim)}, {"nrmse", number(nrmse)}};
}

Json method_json(const MethodScores& m) {
    Json slices = Json::array();
    for (const SliceScores& s : m.slices) {
        Json row{{"slice", s.slice}};
        row.update(scores_json(s.scores.psnr, s.scores.ssim, s.scores.nrmse));
        slices.push_back(std::move(row));
    }
    const auto psnr = modules::spread(column(m, &modules::Scores::psnr)),
               ssim = modules::spread(column(m, &modules::Scores::ssim)),
               nrmse = modules::spread(column(m, &modules::Scores::nrmse));
    return {{"name", m.name},
            {"label", m.label},
            {"seconds_per_slice", m.seconds_per_slice},
            {"slices", slices},
            {"mean", scores_json(psnr.mean, ssim.mean, nrmse.mean)},
            {"std", scores_json(psnr.deviation, ssim.deviation, nrmse.deviation)}};
}

}  // namespace

Evaluation evaluate(const data::Samples& samples, std::vector<EvaluatedMethod>& methods, Reference reference, int show) {
    Evaluation result;
    result.input = samples.file().path().string();
    result.reference = reference == Reference::rss ? "reconstruction_rss" : "target";
    const auto& mask = samples.mask_options();
    result.mask_kind = mask ? data::name_of(mask->kind) : "file";
    const std::vector<std::int64_t> shown = spread_places(samples.count(), show);
    const data::DatasetLayout& layout = samples.file().layout();
    result.physics = layout.physics;
    const auto kept = static_cast<std::int64_t>(shown.size());
    result.images.assign(methods.size() + 2, RealArray(Shape{kept, layout.height, layout.width}));
    if (layout.depth > 1) result.images[1] = RealArray(Shape{kept, layout.depth, layout.height});
    for (const EvaluatedMethod& m : methods) result.methods.push_back({m.name, m.label, 0, {}});

    const auto host = kernels::make_cpu_operations();
    Arena workspace("evaluation");
    workspace.serve_on_demand(host->allocator());
    std::vector<std::vector<double>> seconds(methods.size());
    double acceleration = 0;
    for (std::int64_t i = 0; i < samples.count(); ++i) {
        const data::Sample sample = samples.read(i, 0, *host, workspace);
        const ComplexArray target = reference_image(sample, reference, samples);
        acceleration += sample.acceleration / static_cast<double>(samples.count());
        const auto place = std::find(shown.begin(), shown.end(), i);
        if (place != shown.end()) {
            keep_image(result.images[0], place - shown.begin(), middle_plane(magnitudes(target)));
            keep_image(result.images[1], place - shown.begin(), middle_mask(sample.mask));
        }
        for (std::size_t m = 0; m < methods.size(); ++m) {
            const auto start = std::chrono::steady_clock::now();
            const ComplexArray image = methods[m].method->reconstruct(sample);
            seconds[m].push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            result.methods[m].slices.push_back({samples.slice(i), score_against(image, target, reference)});
            if (place != shown.end()) keep_image(result.images[m + 2], place - shown.begin(), middle_plane(magnitudes(image)));
        }
    }
    for (std::size_t m = 0; m < methods.size(); ++m) result.methods[m].seconds_per_slice = median(seconds[m]);
    result.actual_acceleration = acceleration;
    result.requested_acceleration = mask ? mask->acceleration : acceleration;
    for (std::int64_t place : shown) result.shown.push_back(samples.slice(place));
    return result;
}

std::string format_table(const Evaluation& e) {
    std::string text = fmt::format("{:<16} {:>16} {:>17} {:>17} {:>10}\n", "method", "PSNR [dB]", "SSIM", "NRMSE",
                                   "ms/" + sample_name(e.physics));
    for (const MethodScores& m : e.methods)
        text += fmt::format("{:<16} {:>17} {:>18} {:>18} {:>10.1f}\n", m.label,
                            modules::spread(column(m, &modules::Scores::psnr)).str(2),
                            modules::spread(column(m, &modules::Scores::ssim)).str(4),
                            modules::spread(column(m, &modules::Scores::nrmse)).str(4), 1e3 * m.seconds_per_slice);
    return text;
}

void write_evaluation(const Evaluation& e, const fs::path& directory) {
    make_directories(directory);
    Json methods = Json::array();
    std::string csv = "method,slice,psnr,ssim,nrmse,psnr_magnitude,nrmse_magnitude\n";
    for (const MethodScores& m : e.methods) {
        methods.push_back(method_json(m));
        for (const SliceScores& s : m.slices)
            csv += fmt::format("{},{},{},{},{},{},{}\n", m.name, s.slice, s.scores.psnr, s.scores.ssim, s.scores.nrmse,
                               s.scores.psnr_magnitude, s.scores.nrmse_magnitude);
    }
    const Json json{{"version", version},
                    {"input", e.input},
                    {"physics", data::name_of(e.physics)},
                    {"reference", e.reference},
                    {"mask", {{"type", e.mask_kind}, {"requested", e.requested_acceleration}, {"actual", e.actual_acceleration}}},
                    {"methods", methods},
                    {"images", "images.h5"}};
    write_file(directory / "evaluation.json", json.dump(1) + "\n");
    write_file(directory / "evaluation.csv", csv);

    data::Hdf5Writer images(directory / "images.h5");
    images.write("reference", e.images[0]);
    images.write("mask", e.images[1]);
    for (std::size_t m = 0; m < e.methods.size(); ++m) images.write(e.methods[m].name, e.images[m + 2]);
    images.write("slices", Shape{static_cast<std::int64_t>(e.shown.size())}, e.shown.data());
    images.commit();
}

}  // namespace gleam::greedy
