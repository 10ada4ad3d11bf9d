#include "data/prepare.hpp"
#include "greedy/evaluation.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

// Zero-filled and CG-SENSE images of a raw file, every 4th line and 24 central ones, against the fully sampled RSS image.
Evaluation classical(const fs::path& raw, const fs::path& prepared) {
    const auto ops = kernels::make_cpu_operations();
    data::PrepareOptions options;
    data::prepare({raw}, prepared, options, *ops);
    data::MaskOptions mask;
    mask.kind = data::MaskKind::equispaced_1d, mask.acceleration = 4, mask.calibration = 24, mask.offset = 0;
    const data::Samples samples(prepared, {}, mask);
    std::vector<EvaluatedMethod> methods;
    methods.push_back({"zero_filled", "zero-filled", make_zero_filled(*ops)});
    methods.push_back({"cg_sense", "CG-SENSE", make_cg_sense(*ops, {20, 1e-2})});
    return evaluate(samples, methods, Reference::rss, 2);
}

double mean_psnr(const MethodScores& m) {
    double sum = 0;
    for (const SliceScores& s : m.slices) sum += s.scores.psnr;
    return sum / static_cast<double>(m.slices.size());
}

}  // namespace

TEST_CASE("CG-SENSE on measured scans reaches the figures known for them") {
    const fs::path folder = GLEAM_MEASURED_DATA;
    const std::vector<std::pair<const char*, double>> known{
        {"phantom8_ge_7slices.h5", 37.97}, {"brain16_pulseq.h5", 28.09}, {"phantom16_pulseq.h5", 33.10}};
    const TemporaryDirectory directory;
    if (!fs::exists(folder / known[0].first)) {
        WARN("no measured scans in " << folder.string() << " (CMake: GLEAM_MEASURED_DATA); a simulated one is used");
        write_dataset(directory / "raw.h5", 2, 96, 8);
        const Evaluation e = classical(directory / "raw.h5", directory / "prepared.h5");
        CHECK(mean_psnr(e.methods[1]) > mean_psnr(e.methods[0]) + 3);
        return;
    }
    for (const auto& [name, psnr] : known) {
        const Evaluation e = classical(folder / name, directory / "prepared.h5");
        INFO(name);
        CHECK(mean_psnr(e.methods[1]) > psnr - 0.7);
        CHECK(mean_psnr(e.methods[1]) > mean_psnr(e.methods[0]) + 1);
    }
}

TEST_CASE("Of a slice undersampled six times by a Poisson disc, l1-wavelet is better than CG-SENSE and zero-filling") {
    const TemporaryDirectory directory;
    write_dataset(directory / "test.h5", 1, 160, 6);
    const auto ops = kernels::make_cpu_operations();
    data::MaskOptions mask;
    mask.kind = data::MaskKind::poisson, mask.acceleration = 6, mask.calibration = 16;
    const data::Samples samples(directory / "test.h5", {}, mask);
    std::vector<EvaluatedMethod> methods;
    methods.push_back({"zero_filled", "zero-filled", make_zero_filled(*ops)});
    methods.push_back({"cg_sense", "CG-SENSE", make_cg_sense(*ops, {})});
    methods.push_back({"l1_wavelet", "l1-wavelet", make_l1_wavelet(*ops, {100, 5e-3})});
    const Evaluation e = evaluate(samples, methods, Reference::target, 0);
    CHECK(mean_psnr(e.methods[2]) > mean_psnr(e.methods[1]) + 2);
    CHECK(mean_psnr(e.methods[2]) > mean_psnr(e.methods[0]) + 2);
}

TEST_CASE("An evaluation is written as JSON, CSV and images, one row and one image per slice and method") {
    const TemporaryDirectory directory;
    write_dataset(directory / "test.h5", 3);
    const auto ops = kernels::make_cpu_operations();
    data::MaskOptions mask;
    mask.acceleration = 3, mask.calibration = 6;
    const data::Samples samples(directory / "test.h5", {2, 0}, mask);
    std::vector<EvaluatedMethod> methods;
    methods.push_back({"zero_filled", "zero-filled", make_zero_filled(*ops)});
    methods.push_back({"cg_sense", "CG-SENSE", make_cg_sense(*ops, {})});
    const Evaluation e = evaluate(samples, methods, Reference::target, 5);
    CHECK(e.methods[1].slices[0].slice == 2);
    CHECK(e.shown == std::vector<std::int64_t>{2, 0});
    CHECK_THAT(format_table(e), ContainsSubstring("CG-SENSE") && ContainsSubstring("PSNR"));
    write_evaluation(e, directory / "out");
    const std::string csv = read_file(directory / "out" / "evaluation.csv");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
    CHECK_THAT(read_file(directory / "out" / "evaluation.json"), ContainsSubstring("\"cg_sense\""));
    const data::Hdf5File images(directory / "out" / "images.h5");
    for (const char* name : {"reference", "mask", "zero_filled", "cg_sense"}) CHECK(images.shape(name) == Shape{2, 20, 20});
    CHECK_THROWS_WITH(evaluate(samples, methods, Reference::rss, 1), ContainsSubstring("reconstruction_rss"));
}

TEST_CASE("A reconstruction is in the units of its file") {
    const TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    Arena workspace("test");
    workspace.serve_on_demand(ops->allocator());
    std::vector<ComplexArray> images;
    for (const float units : {1.0F, 1e5F}) {
        write_dataset(directory / "scaled.h5", 1, 20, 2, [&](std::int64_t, data::SliceData& s) {
            for (auto* a : {&s.kspace, &s.target})
                for (auto& v : a->values) v *= units;
        });
        const data::Samples samples(directory / "scaled.h5", {}, std::nullopt);
        images.push_back(make_cg_sense(*ops, {10, 1e-2})->reconstruct(samples.read(0, 0, *ops, workspace)));
        for (auto& v : images.back().values) v /= units;
    }
    for (std::int64_t i = 0; i < images[0].elements(); ++i) CHECK(std::abs(images[0][i] - images[1][i]) < 1e-4);
}
