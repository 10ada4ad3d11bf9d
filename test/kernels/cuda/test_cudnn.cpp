// Plans of cuDNN, made for a GPU that is not there.
#include "core/error.hpp"
#include "kernels/cuda/cudnn.hpp"
#include "kernels/cuda/plan_cache.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::cuda;
using kernels::cu::ConvolutionPass;

namespace {

constexpr ConvolutionPass passes[] = {ConvolutionPass::forward, ConvolutionPass::data, ConvolutionPass::weights};

// 3 x 3 (x 3) taps on images with their border.
Convolution bordered(ConvolutionPass pass, DType dtype, bool tf32, const Shape& y) {
    const std::int64_t depth = y[1] > 1 ? 3 : 1;
    return {pass, dtype, tf32, {y[0], y[1] + depth - 1, y[2] + 2, y[3] + 2, y[4]}, y, {depth, 3, 3}, {0, 0, 0}};
}

}  // namespace

TEST_CASE("Every pass in every precision has a plan on an H200 that repeats its bits and fits its budget") {
    const DeviceDescription h200 = DeviceDescription::of_model("h200");
    for (const Shape& y :
         {Shape{4, 1, 320, 256, 104}, Shape{4, 1, 320, 256, 72}, Shape{1, 1, 32, 32, 8}, Shape{1, 16, 48, 48, 64}})
        for (const auto& [dtype, tf32] :
             {std::pair{DType::f32, false}, {DType::f32, true}, {DType::bf16, false}, {DType::f64, false}})
            for (const ConvolutionPass pass : passes) {
                const Convolution c = bordered(pass, dtype, tf32, y);
                INFO(c.key());
                const ConvolutionPlan plan(c, h200);
                CHECK(plan.workspace() <= c.budget());
                const Suggestions s = count_suggestions(c, h200);
                CHECK(s.suitable > 0);
                CHECK(s.suitable <= s.all);
            }
}

TEST_CASE("Strict single precision leaves out most of what TF32 may use") {
    const DeviceDescription h200 = DeviceDescription::of_model("h200");
    for (const ConvolutionPass pass : passes) {
        const auto strict = count_suggestions(bordered(pass, DType::f32, false, {4, 1, 320, 256, 100}), h200);
        const auto tf32 = count_suggestions(bordered(pass, DType::f32, true, {4, 1, 320, 256, 100}), h200);
        CHECK(strict.all == tf32.all);
        CHECK(2 * strict.suitable < tf32.suitable);
    }
}

TEST_CASE("Plans are kept as text, by version and device, and a damaged file is as good as none") {
    const test::TemporaryDirectory directory;
    const fs::path file = directory / "plans.json";
    const Convolution c = bordered(ConvolutionPass::forward, DType::f32, true, {1, 1, 32, 32, 16});
    std::string text;
    {
        ConvolutionPlans plans(DeviceDescription::of_model("h200"), file);
        const ConvolutionPlan& plan = plans.find(c);
        text = plan.json();
        CHECK(&plans.find(c) == &plan);
    }
    const std::string kept = read_file(file);
    CHECK_THAT(kept, ContainsSubstring(c.key()) && ContainsSubstring("NVIDIA H200") && ContainsSubstring("cuDNN 9"));
    {
        ConvolutionPlans plans(DeviceDescription::of_model("h200"), file);
        CHECK(plans.find(c).json() == text);
    }
    CHECK(read_file(file) == kept);
    for (const char* damaged : {"{", "[1]", "{\"cuDNN\": 3}"}) {
        write_file(file, damaged);
        ConvolutionPlans plans(DeviceDescription::of_model("h200"), file);
        CHECK(plans.find(c).workspace() <= c.budget());
    }
    CHECK_THAT(read_file(file), ContainsSubstring(c.key()));
}

TEST_CASE("A GPU that nobody has described is refused with those that are known") {
    CHECK_THROWS_WITH(DeviceDescription::of_model("h2000"), ContainsSubstring("h2000") && ContainsSubstring("known: h200"));
}
