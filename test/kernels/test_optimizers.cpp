#include <map>
#include <string>

#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

// The gradients of optimizers_golden.py.
std::vector<double> gradient_at(int step) { return {0.3 * step, -0.1, ((step * 7919) % 11) / 11.0 - 0.5}; }

OptimizerTerms terms_of(const std::string& name) {
    if (name == "sgd") return {.kind = OptimizerKind::sgd, .learning_rate = 0.05, .weight_decay = 0.1};
    if (name == "sgd with momentum")
        return {.kind = OptimizerKind::sgd, .learning_rate = 0.05, .weight_decay = 0.1, .momentum = 0.8};
    return {.kind = name == "adam" ? OptimizerKind::adam : OptimizerKind::adamw,
            .learning_rate = 0.02,
            .weight_decay = 0.1,
            .beta1 = 0.8,
            .beta2 = 0.95,
            .epsilon = 1e-6};
}

// The parameters after seven updates.
template <class T>
std::vector<T> train(OptimizerTerms terms) {
    Bench b;
    Array<T> p(Shape{3}), g(Shape{3}), m(Shape{3}), v(Shape{3});
    p.values = {T(1), T(-2), T(0.5)};
    const std::vector<Tensor> moments{m.view(), v.view()};
    for (terms.step = 1; terms.step <= 7; ++terms.step) {
        const auto gradient = gradient_at(static_cast<int>(terms.step));
        std::copy(gradient.begin(), gradient.end(), g.data());
        b.ops->optimizer_step(terms, g.view(), p.view(), {moments.data(), static_cast<std::size_t>(terms.moments())});
    }
    return p.values;
}

}  // namespace

TEST_CASE("Updates agree with PyTorch for every optimiser, in both precisions") {
    const std::map<std::string, std::vector<double>> golden{
        // Printed by optimizers_golden.py.
        {"sgd", {0.54969450154735899, -1.8965619404284528, 0.43637148025886824}},
        {"sgd with momentum", {-0.028729829309841054, -1.7183750213136779, 0.26697688344307613}},
        {"adam", {0.85853419202146841, -1.86025428077302, 0.38675377691250656}},
        {"adamw", {0.84638370323614065, -1.833006038325969, 0.38688480435958505}},
    };
    for (const auto& [name, expected] : golden) {
        INFO(name);
        const auto f64 = train<double>(terms_of(name));
        const auto f32 = train<float>(terms_of(name));
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(f64[i] == Approx(expected[i]).epsilon(1e-13));
            CHECK(f32[i] == Approx(expected[i]).epsilon(2e-6));
        }
    }
}

TEST_CASE("Adam's first update is the learning rate to single precision, however near to 1 its decays are") {
    Bench b;
    Array<float> p(Shape{1}), g(Shape{1}), m(Shape{1}), v(Shape{1});
    g[0] = 0.3F;
    const std::vector<Tensor> moments{m.view(), v.view()};
    OptimizerTerms terms;  // beta2 = 0.999: 1 - 0.999f is off by 5e-5
    terms.learning_rate = 1e-3;
    b.ops->optimizer_step(terms, g.view(), p.view(), moments);
    CHECK(p[0] == Approx(-1e-3).epsilon(5e-7));
}

TEST_CASE("The length of a gradient has the same bits for every number of threads") {
    Bench b;
    const auto random = random_array<float>(Shape{100003}, 1);
    Array<double> norm(Shape{1});
    auto reference = random;
    b.ops->clip(0.5, reference.view(), norm.view());
    const double length = norm[0];
    for (int threads : {1, 2, 3}) {
        set_thread_count(threads);
        auto g = random;
        b.ops->clip(0.5, g.view(), norm.view());
        CHECK(norm[0] == length);
        CHECK(g.values == reference.values);
    }
    set_thread_count(0);
}

TEST_CASE("An update refuses the wrong number of moments and buffers of another size") {
    Bench b;
    Array<float> p(Shape{4}), g(Shape{4}), m(Shape{4}), other(Shape{3});
    const Tensor one[] = {m.view()}, odd[] = {m.view(), other.view()};
    CHECK(terms_of("sgd").moments() == 0);
    CHECK(terms_of("sgd with momentum").moments() == 1);
    CHECK_THROWS_AS(b.ops->optimizer_step(terms_of("adam"), g.view(), p.view(), one), ShapeError);
    CHECK_THROWS_AS(b.ops->optimizer_step(terms_of("sgd"), g.view(), p.view(), one), ShapeError);
    CHECK_THROWS_AS(b.ops->optimizer_step(terms_of("adam"), g.view(), p.view(), odd), ShapeError);
    CHECK_THROWS_AS(b.ops->optimizer_step(terms_of("sgd"), other.view(), p.view(), {}), ShapeError);
}
