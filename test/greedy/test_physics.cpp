#include "data/hdf5.hpp"
#include "greedy/evaluation.hpp"
#include "greedy/planes.hpp"
#include "greedy/report/report.hpp"
#include "test/support/catch.hpp"
#include "test/support/physics.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;
using data::Physics;

namespace {

std::vector<EvaluatedMethod> classical(kernels::Operations& ops) {
    std::vector<EvaluatedMethod> methods;
    methods.push_back({"zero_filled", "zero-filled", make_zero_filled(ops)});
    methods.push_back({"cg_sense", "CG-SENSE", make_cg_sense(ops, {})});
    methods.push_back({"l1_wavelet", "l1-wavelet", make_l1_wavelet(ops, {60, 5e-3})});
    return methods;
}

data::MaskOptions every_second() {
    data::MaskOptions mask;
    mask.kind = data::MaskKind::random_1d, mask.acceleration = 2, mask.calibration = 6;
    return mask;
}

double mean_psnr(const MethodScores& m) {
    double sum = 0;
    for (const SliceScores& s : m.slices) sum += s.scores.psnr;
    return sum / static_cast<double>(m.slices.size());
}

const std::vector<std::pair<Physics, const char*>> all_physics{
    {Physics::planar, "slice"}, {Physics::volume, "volume"}, {Physics::dynamic, "series"}};

}  // namespace

TEST_CASE("Slices, volumes and series are reconstructed, scored, stored and shown by every classical method") {
    for (const auto& [physics, name] : all_physics) {
        INFO(name);
        const TemporaryDirectory directory;
        const data::DatasetLayout layout = small_layout(physics);
        write_physics(directory / "test.h5", layout);
        const auto ops = kernels::make_cpu_operations();
        const data::Samples samples(directory / "test.h5", {}, every_second());
        auto methods = classical(*ops);
        const Evaluation e = evaluate(samples, methods, Reference::target, 1);
        CHECK(e.physics == physics);
        CHECK(mean_psnr(e.methods[1]) > mean_psnr(e.methods[0]) + 3);
        CHECK(mean_psnr(e.methods[2]) > mean_psnr(e.methods[0]) + 3);
        for (std::size_t i = 0; i < e.images.size(); ++i)
            CHECK(e.images[i].shape == (i == 1 && physics == Physics::volume ? Shape{1, 18, 30} : Shape{1, 30, 24}));
        CHECK_THAT(format_table(e), ContainsSubstring(std::string("ms/") + name));

        write_evaluation(e, directory / "out");
        CHECK(data::Hdf5File(directory / "out" / "images.h5").shape("cg_sense") == Shape{1, 30, 24});
        write_report({"Title", {}, directory / "out", directory / "report.html"});
        const std::string page = read_file(directory / "report.html");
        CHECK_THAT(page, ContainsSubstring(std::string("Time per ") + name) && ContainsSubstring("l1-wavelet"));
        const char* shown = physics == Physics::planar   ? "Slice 1<"
                            : physics == Physics::volume ? "Volume 1, middle plane<"
                                                         : "Series 1, middle frame<";
        CHECK_THAT(page, ContainsSubstring(shown));
    }
}

TEST_CASE("Of fully sampled data every classical method finds the image, in the shape of its physics") {
    for (const auto& [physics, name] : all_physics) {
        INFO(name);
        const TemporaryDirectory directory;
        const data::DatasetLayout layout = small_layout(physics, 1);
        write_physics(directory / "test.h5", layout);
        const auto ops = kernels::make_cpu_operations();
        Arena workspace("test");
        workspace.serve_on_demand(ops->allocator());
        const data::Sample sample = data::Samples(directory / "test.h5", {}, std::nullopt).read(0, 0, *ops, workspace);
        const data::SliceData truth = physics_sample(layout, 0, *ops);
        std::vector<std::unique_ptr<Reconstructor>> methods;
        methods.push_back(make_zero_filled(*ops));
        methods.push_back(make_cg_sense(*ops, {10, 0}));
        methods.push_back(make_l1_wavelet(*ops, {10, 0}));
        for (const auto& method : methods) {
            const ComplexArray image = method->reconstruct(sample);
            CHECK(image.shape == layout.image_shape());
            CHECK(modules::score(image, truth.truth).psnr > 100);
        }
    }
}

TEST_CASE("The reference of root of sum of squares is compared whole, by magnitude") {
    for (const auto& [physics, name] : all_physics) {
        INFO(name);
        const TemporaryDirectory directory;
        write_physics(directory / "test.h5", small_layout(physics, 1));
        const auto ops = kernels::make_cpu_operations();
        const data::Samples samples(directory / "test.h5", {}, std::nullopt);
        std::vector<EvaluatedMethod> methods;
        methods.push_back({"zero_filled", "zero-filled", make_zero_filled(*ops)});
        const Evaluation e = evaluate(samples, methods, Reference::rss, 1);
        CHECK(mean_psnr(e.methods[0]) > 100);
    }
}

TEST_CASE("With several sets of maps every set has its image, its scores count all of them, and magnitudes are combined") {
    for (const auto& [physics, name] : all_physics) {
        INFO(name);
        const TemporaryDirectory directory;
        const data::DatasetLayout layout = small_layout(physics, 1, 2);
        write_physics(directory / "test.h5", layout);
        const auto ops = kernels::make_cpu_operations();
        auto methods = classical(*ops);
        const data::Samples samples(directory / "test.h5", {}, every_second());
        const Evaluation e = evaluate(samples, methods, Reference::target, 1);
        CHECK(mean_psnr(e.methods[1]) > mean_psnr(e.methods[0]) + 1);
        CHECK(mean_psnr(e.methods[2]) > mean_psnr(e.methods[0]) + 1);
        Arena workspace("test");
        workspace.serve_on_demand(ops->allocator());
        CHECK(methods[2].method->reconstruct(samples.read(0, 0, *ops, workspace)).shape == layout.image_shape());

        const data::Samples full(directory / "test.h5", {}, std::nullopt);
        const Evaluation rss = evaluate(full, methods, Reference::rss, 1);
        CHECK(mean_psnr(rss.methods[0]) > 100);
        CHECK(rss.images[2].shape == Shape{1, 30, 24});
        CHECK(std::abs(rss.images[2][15 * 24 + 12] - rss.images[0][15 * 24 + 12]) < 1e-4);
    }
}

TEST_CASE("Middle planes are those in the middle, and sets are combined by their squares") {
    RealArray image(Shape{1, 4, 1, 3, 2, 5});
    for (std::int64_t i = 0; i < image.elements(); ++i) image[i] = static_cast<float>(i);
    CHECK(middle_plane(image).shape == Shape{2, 5});
    CHECK(middle_plane(image)[0] == 2 * 30 + 10);
    CHECK(middle_mask(image).shape == Shape{3, 2});
    CHECK(middle_mask(image)[3] == 10 + 5 + 2);
    ComplexArray sets(Shape{1, 1, 1, 1, 1, 2, 2});
    sets.values = {{3, 0}, {0, 4}, {0, 0}, {-2, 0}};
    CHECK(magnitudes(sets).values == std::vector<float>{5, 2});
    CHECK(sample_name(Physics::volume, 3) == "volumes");
    CHECK(sample_name(Physics::planar, 0) == "slices");
}
