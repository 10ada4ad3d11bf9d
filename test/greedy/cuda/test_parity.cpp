// Parity on a GPU, if there is one: test_trace.cpp has the same for the CPU and the emulated GPU. Prints the largest differences,
// which tools/gpu_check.sh reports.
#include <fmt/format.h>

#include "test/support/gpu.hpp"
#include "test/support/parity.hpp"

using namespace gleam;

namespace {

// Of tensor cores, which see 10 bits after the point of each factor: as first stated, before any GPU had run them.
constexpr test::Tolerance tf32{2e-3, 2e-2, 2e-2};

void print(const char* precision, const char* kind, const test::Worst& worst, double limit) {
    fmt::print("parity {} {} {:.2e} of {:.0e} {}\n", precision, kind, worst.difference, limit, worst.where);
}

void require_on_gpu(const char* name, const greedy::TraceOptions& options, const test::Tolerance& tolerance) {
    const auto ops = test::open_gpu();
    if (!ops) return;
    const std::vector<fs::path> cases = test::parity_cases(test::own_cases);
    CHECK(cases.size() == 15);
    const test::Differences worst = test::require_parity(cases, options, tolerance, *ops);
    print(name, "outputs", worst.outputs, tolerance.outputs);
    print(name, "gradients", worst.gradients, tolerance.gradients);
    print(name, "weights", worst.weights, tolerance.weights);
}

}  // namespace

TEST_CASE("On a GPU every model and physics agrees with the float64 reference in double precision") {
    require_on_gpu("fp64", {.precision = DType::f64}, test::fp64);
}
TEST_CASE("On a GPU every model and physics agrees with the float64 reference in single precision") {
    require_on_gpu("fp32", {.precision = DType::f32}, test::fp32);
}
TEST_CASE("On a GPU every model and physics agrees with the float64 reference with TF32") {
    require_on_gpu("tf32", {.precision = DType::f32, .tf32 = true}, tf32);
}
