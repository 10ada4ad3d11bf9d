#include "modules/unroll.hpp"
#include "test/support/catch.hpp"
#include "test/support/gradients.hpp"

using namespace gleam;
using namespace gleam::modules;
using namespace gleam::test;

namespace {

using C = std::complex<double>;
constexpr double bound = 1e-6;

// A SENSE problem with maps of unit norm, in double.
struct Problem {
    Array<C> maps, zero_filled;
    Array<double> mask, folded;
    SenseOperator sense;

    Problem(std::int64_t batch, std::int64_t coils, std::int64_t height, std::int64_t width) {
        maps = random_array<C>(Shape{batch, 1, coils, 1, height, width}, 1);
        const std::int64_t pixels = height * width;
        for (std::int64_t n = 0; n < batch; ++n)
            for (std::int64_t i = 0; i < pixels; ++i) {
                double sum = 0;
                for (std::int64_t c = 0; c < coils; ++c) sum += std::norm(maps[(n * coils + c) * pixels + i]);
                for (std::int64_t c = 0; c < coils; ++c) maps[(n * coils + c) * pixels + i] /= std::sqrt(sum);
            }
        zero_filled = random_array<C>(Shape{batch, 1, 1, 1, height, width}, 2);
        mask = Array<double>(Shape{batch, 1, 1, 1, height, width});
        Philox random(1, Purpose::test);
        for (auto& m : mask.values) m = random.uniform() < 0.4 ? 1 : 0;
        folded = Array<double>(mask.shape);
        Bench().ops->normal_mask(mask.view(), 2, folded.view());
        sense = SenseOperator{maps.view(), folded.view(), 2};
    }
};

}  // namespace

TEST_CASE("Each differentiable function has the gradient of its finite differences") {
    OwnedPack owned;
    const int weights = owned.pack.add("w", Shape{4, 3, 1, 3, 3}, 0.3, 0, 0), bias = owned.pack.add("b", Shape{4}, 0.3, 0, 1);
    owned.bind();
    const auto x = random_array<double>(Shape{2, 1, 6, 5, 3}, 5);

    SECTION("border with and without ReLU, in every mode") {
        for (auto mode : {kernels::BorderMode::zero, kernels::BorderMode::reflect, kernels::BorderMode::replicate})
            for (bool relu : {false, true}) {
                const auto f = [&](Context& c, const ParameterPack&, const Var& v) { return border(c, v, {mode, {0, 1, 1}, relu}); };
                CHECK(gradient_errors<double>(f, owned, x, 1e-5).input < bound);
            }
    }
    SECTION("convolution by its input, weights and bias") {
        const auto f = [&](Context& c, const ParameterPack& p, const Var& v) {
            const Parameter b = p.parameter(bias);
            return convolution(c, v, p.parameter(weights), &b, {0, 1, 1});
        };
        const auto e = gradient_errors<double>(f, owned, x);
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
    SECTION("a value used three times collects all its gradients") {
        const auto f = [&](Context& c, const ParameterPack&, const Var& v) { return add(c, add(c, v, v), border(c, v, {kernels::BorderMode::zero, {0, 0, 0}, true})); };
        CHECK(gradient_errors<double>(f, owned, x, 1e-5).input < bound);
    }
}

TEST_CASE("The data-consistency step has the gradient of its finite differences, and its formula") {
    OwnedPack owned;
    owned.pack.add("unused", Shape{1}, 1, 0, 0);
    owned.bind();
    for (const auto& [height, width, coils] : {std::array<std::int64_t, 3>{6, 5, 3}, {1, 7, 1}, {8, 8, 2}}) {
        const Problem p(2, coils, height, width);
        const auto f = [&](Context& c, const ParameterPack&, const Var& v) { return gradient_step(c, v, p.sense, p.zero_filled.view(), 2.0); };
        CHECK(gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9)).input < bound);
    }
}

TEST_CASE("The residual network has the gradient of its finite differences") {
    for (const ResNetOptions& options : {ResNetOptions{5, 2, 3, kernels::BorderMode::reflect}, ResNetOptions{2, 1, 5, kernels::BorderMode::zero},
                                         ResNetOptions{3, 3, 1, kernels::BorderMode::reflect}, ResNetOptions{4, 0, 3, kernels::BorderMode::reflect}}) {
        OwnedPack owned;
        const ResNet net(options, owned.pack, "net", 0);
        owned.bind();
        const auto f = [&](Context& c, const ParameterPack& p, const Var& v) { return net.forward(c, p, v); };
        const auto e = gradient_errors<double>(f, owned, random_array<double>(Shape{2, 1, 6, 7, 2}, 4), 1e-5);
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
}

TEST_CASE("A residual network of the published size has 273 902 parameters") {
    ParameterPack pack(DType::f32, Device{});
    const ResNet net(ResNetOptions{100, 2, 3, kernels::BorderMode::reflect}, pack, "net", 0);
    CHECK(pack.elements() == 273902);
}

TEST_CASE("An unrolled iteration has the gradient of its finite differences") {
    for (std::int64_t width : {7, 8}) {
        OwnedPack owned;
        const Unroll first(UnrollOptions{2.0, {4, 2, 3, kernels::BorderMode::reflect}}, owned.pack, 0);
        const Unroll second(UnrollOptions{2.0, {4, 2, 3, kernels::BorderMode::reflect}}, owned.pack, 1);
        owned.bind();
        const Problem p(2, 3, 6, width);
        const auto f = [&](Context& c, const ParameterPack& pack, const Var& v) {
            return second.forward(c, pack, first.forward(c, pack, v, p.sense, p.zero_filled.view()), p.sense, p.zero_filled.view());
        };
        const auto e = gradient_errors<C>(f, owned, random_array<C>(p.zero_filled.shape, 9), 1e-5);
        CHECK(e.input < bound);
        CHECK(e.parameters < bound);
    }
}
