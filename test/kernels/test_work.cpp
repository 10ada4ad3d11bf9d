#include <numeric>

#include "core/array.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/work.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::kernels;

namespace {

// Notes what `use` plans.
template <class F>
WorkLog planned(F&& use) {
    const auto ops = make_cpu_operations();
    Arena workspace("test");
    ArenaProgram program;
    WorkLog log;
    workspace.book(program);
    ops->set_planning(true);
    ops->set_work_log(&log);
    use(*ops, log, workspace);
    workspace.finish_booking();
    return log;
}

Tensor tensor(DType type, const Shape& shape) { return {nullptr, type, shape, Device{}}; }

}  // namespace

TEST_CASE("A convolution counts two operations for each product that a convolution of ones sums up") {
    const auto ops = make_cpu_operations();
    Arena workspace("test");
    workspace.serve_on_demand(ops->allocator());
    RealArray x(Shape{2, 3, 7, 5, 4}), w(Shape{6, 4, 3, 3, 3}), y(Shape{2, 1, 5, 3, 6});
    x.values.assign(x.values.size(), 1.0F);
    w.values.assign(w.values.size(), 1.0F);
    ops->convolution(x.view(), w.view(), nullptr, {0, 0, 0}, y.view(), workspace);
    const double products = std::accumulate(y.values.begin(), y.values.end(), 0.0);
    CHECK(convolution_flops(w.shape, y.shape) == 2 * products);

    const WorkLog log = planned([&](Operations& o, WorkLog&, Arena& a) {
        o.convolution(x.view(), w.view(), nullptr, {0, 0, 0}, y.view(), a);
        o.convolution_data(y.view(), w.view(), {0, 0, 0}, std::nullopt, x.view(), a);
        o.convolution_weights_acc(x.view(), y.view(), {0, 0, 0}, w.view(), nullptr, a);
    });
    CHECK(log.items().size() == 3);
    for (const WorkItem& item : log.items()) CHECK(item.flops == 2 * products);
    const auto bytes = [](const RealArray& a) { return 4.0 * static_cast<double>(a.elements()); };
    CHECK(log.items()[0].bytes == bytes(x) + bytes(w) + bytes(y));
    CHECK(log.items()[2].bytes == bytes(x) + 2 * bytes(w) + bytes(y));
}

TEST_CASE("The normal operator counts transforms only along axes where the mask varies") {
    const Shape image{1, 1, 1, 1, 16, 8}, coils{1, 1, 3, 1, 16, 8};
    const double samples = 3 * 16 * 8, pixels = 16 * 8, rest = 16 * pixels * 3 + 2 * samples + 8 * pixels;
    const auto flops = [&](const Shape& mask) { return normal_flops(coils, image, 2, mask) - rest; };
    CHECK(flops({1, 1, 1, 1, 16, 8}) == Approx(2 * 5 * samples * 7));  // log2(16 x 8)
    CHECK(flops({1, 1, 1, 1, 1, 8}) == Approx(2 * 5 * samples * 3));
    CHECK(flops({1, 1, 1, 1, 1, 1}) == 0);
}

TEST_CASE("The wavelet transform counts every level of every axis that is halved") {
    CHECK(wavelet_flops({1, 1, 1, 1, 15, 15}, 2) == 0);
    CHECK(wavelet_flops({1, 1, 1, 1, 16, 15}, 2) == 32 * 16 * 15);
    CHECK(wavelet_flops({1, 1, 1, 1, 32, 16}, 2) == 32 * (2 * 32 * 16 + 16 * 8));
}

TEST_CASE("Random numbers count the rounds of their generator and their distribution, and write once") {
    const Tensor image = tensor(DType::c64, {1, 1, 1, 1, 4, 5});
    const WorkLog log = planned([&](Operations& o, WorkLog&, Arena&) {
        o.random_uniform({}, 0, 1, image);
        o.random_normal({}, 0, 1, image);
    });
    CHECK(log.items().size() == 2);
    CHECK(log.items()[0].flops == 40 * 22);
    CHECK(log.items()[1].flops == 40 * 40);
    for (const WorkItem& item : log.items()) CHECK(item.bytes == 160);
}

TEST_CASE("Work is summed up per operation and kind, and repeated work counts as often") {
    const Tensor image = tensor(DType::c64, {1, 1, 1, 1, 4, 5}), value = tensor(DType::f64, {1});
    const WorkLog log = planned([&](Operations& o, WorkLog& w, Arena& a) {
        o.copy(image, image);
        w.set_repeats(3);
        o.copy(image, image);
        o.loss_acc({LossKind::l1, 1}, image, image, nullptr, value, a);
    });
    CHECK(log.items().size() == 2);
    CHECK(log.items()[0].calls == 4);
    CHECK(log.bytes() == 4 * 2 * 160 + 3 * 2 * 160);
    CHECK(log.flops() == 3 * 10 * 20);
    CHECK(log.by_operation().size() == 2);
    double of_kinds = 0;
    for (const WorkItem& kind : log.by_kind()) of_kinds += kind.bytes;
    CHECK(of_kinds == log.bytes());
}

TEST_CASE("Every operation takes as long as the slower of arithmetic and memory") {
    WorkLog log;
    log.add(WorkKind::convolution, "a", 8e9, 1e9);
    log.add(WorkKind::vectors, "b", 1e9, 6e9);
    Ceilings c;
    c.threads = 1, c.fma_gflops = 4, c.copy_gbytes_per_s = 2;
    CHECK(log.seconds(c) == Approx(2 + 3));
}

TEST_CASE("Nothing is noted outside of planning") {
    const auto ops = make_cpu_operations();
    WorkLog log;
    ops->set_work_log(&log);
    RealArray x(Shape{3});
    ops->fill_zero(x.view());
    CHECK(log.items().empty());
    ops->set_planning(true);
    ops->fill_zero(x.view());
    CHECK(log.items().size() == 1);
}
