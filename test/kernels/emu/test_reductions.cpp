// What the table cannot say of sums on the device: their bits, and the memory they take.
#include "core/array.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/emu/emu.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"
#include "test/support/on_device.hpp"

using namespace gleam;
using namespace gleam::kernels;
using test::OnDevice;

namespace {

constexpr emu::ThreadOrder orders[] = {emu::ThreadOrder::forward, emu::ThreadOrder::reverse, emu::ThreadOrder::shuffled};

// One thread for the CPU's operations meanwhile: the thread sanitizer, which watches kernels here, does not know OpenMP.
struct OneThread {
    OneThread() { set_thread_count(1); }
    ~OneThread() { set_thread_count(0); }
};

}  // namespace

TEST_CASE("Inner products have the same bits in a batch and alone, and wherever in memory their numbers begin") {
    const auto ops = emu::make_emu_operations(emu::ThreadOrder::forward);
    const auto x = test::random_array<float>(Shape{3, 4101}, 1), y = test::random_array<float>(x.shape, 2);
    Array<double> none(Shape{3});
    const OnDevice dx(*ops, x.view()), dy(*ops, y.view(), 4), all(*ops, none.view());
    ops->dot(dx.tensor, dy.tensor, all.tensor);
    for (std::int64_t n = 0; n < 3; ++n)
        for (std::size_t offset : {0, 4, 8}) {
            const OnDevice a(*ops, x.view().slice(n), offset), b(*ops, y.view().slice(n)), one(*ops, none.view().slice(0));
            ops->dot(a.tensor, b.tensor, one.tensor);
            CHECK(one.numbers<double>()[0] == all.numbers<double>()[static_cast<std::size_t>(n)]);
        }
}

TEST_CASE("Reductions have the same bits in every order of threads") {
    const auto x = test::random_array<std::complex<float>>(Shape{2, 1, 1, 1, 40, 45}, 1),
               t = test::random_array<std::complex<float>>(x.shape, 2);
    std::vector<std::vector<double>> results;
    for (auto order : orders) {
        const auto ops = emu::make_emu_operations(order);
        Arena workspace("test");
        workspace.serve_on_demand(ops->allocator());
        Array<double> two(Shape{2}), one(Shape{1}), statistics(Shape{2, 2});
        const OnDevice a(*ops, x.view()), b(*ops, t.view()), dots(*ops, two.view()), inverse(*ops, statistics.view());
        const Tensor features = a.tensor.as_real().reshaped(Shape{2, 1, 40, 45, 2});
        std::vector<double> bits;
        const auto keep = [&](const OnDevice& values) {
            for (double v : values.numbers<double>()) bits.push_back(v);
        };
        ops->dot(a.tensor, b.tensor, dots.tensor);
        keep(dots);
        for (LossKind kind : {LossKind::l1, LossKind::ssim}) {
            const OnDevice value(*ops, one.view());
            ops->loss_acc({kind, 1}, a.tensor, b.tensor, &b.tensor, value.tensor, workspace);
            keep(value);
        }
        ops->normalize(features, 1e-5, features, inverse.tensor);
        keep(inverse);
        for (const auto& v : b.numbers<std::complex<float>>()) bits.push_back(static_cast<double>(v.real() + v.imag()));
        results.push_back(bits);
    }
    CHECK(results[1] == results[0]);
    CHECK(results[2] == results[0]);
}

#if !defined(__SANITIZE_THREAD__)  // sizes that take it minutes; the rows of the table have the same kernels
TEST_CASE("Structural similarity takes the workspace that was planned, also of more planes than are done at once") {
    const OneThread alone;
    const auto ops = emu::make_emu_operations(emu::ThreadOrder::forward);
    const test::Bench host;
    const auto x = test::random_array<std::complex<float>>(Shape{1, 2, 1, 1, 600, 590}, 1),
               t = test::random_array<std::complex<float>>(x.shape, 2);
    Array<std::complex<float>> gradient(x.shape), expected(x.shape);
    Array<double> value(Shape{1});
    const OnDevice dx(*ops, x.view()), dt(*ops, t.view()), dg(*ops, gradient.view()), dv(*ops, value.view());
    const LossTerm term{LossKind::ssim, 1};
    ArenaProgram program;
    Arena workspace("test");
    workspace.book(program);
    ops->set_planning(true);
    ops->loss_acc(term, dx.tensor, dt.tensor, &dg.tensor, dv.tensor, workspace);
    workspace.finish_booking();
    workspace.grant(ops->allocator(), "");
    ops->set_planning(false);
    workspace.replay(program);
    ops->loss_acc(term, dx.tensor, dt.tensor, &dg.tensor, dv.tensor, workspace);
    CHECK(workspace.peak_bytes() == workspace.bytes());
    CHECK(workspace.bytes() < 17U << 20);

    Arena on_host("host");
    on_host.serve_on_demand(host.ops->allocator());
    const Tensor g = expected.view();
    host.ops->loss_acc(term, x.view(), t.view(), &g, value.view(), on_host);
    CHECK(dv.numbers<double>()[0] == Approx(value[0]).epsilon(1e-12));
    gradient.values = dg.numbers<std::complex<float>>();
    CHECK(test::relative_error(gradient, expected) < 1e-6);
}

TEST_CASE("Normalisation of more samples than are done at once agrees with the CPU's") {
    const OneThread alone;
    const auto ops = emu::make_emu_operations(emu::ThreadOrder::forward);
    const test::Bench host;
    const auto x = test::random_array<float>(Shape{3, 1, 1, 2, 32768}, 1);
    Array<float> expected(x.shape), there(x.shape);
    Array<double> statistics(Shape{3, 32768});
    const OnDevice a(*ops, x.view()), inverse(*ops, statistics.view());
    ops->normalize(a.tensor, 1e-5, a.tensor, inverse.tensor);
    ops->normalize_adjoint(a.tensor, a.tensor, inverse.tensor, a.tensor);
    host.ops->normalize(x.view(), 1e-5, expected.view(), statistics.view());
    host.ops->normalize_adjoint(expected.view(), expected.view(), statistics.view(), expected.view());
    there.values = a.numbers<float>();
    CHECK(inverse.numbers<double>()[98000] == Approx(statistics[98000]).epsilon(1e-12));
    CHECK(test::relative_error(there, expected) < 1e-5);
}
#endif

TEST_CASE("Operations on a device allocate nothing after it was opened") {
    const auto ops = emu::make_emu_operations(emu::ThreadOrder::forward);
    const auto x = test::random_array<float>(Shape{1, 1, 9, 7, 4}, 1);
    Array<double> statistics(Shape{1, 4}), one(Shape{1});
    const OnDevice a(*ops, x.view()), inverse(*ops, statistics.view()), norm(*ops, one.view());
    const std::int64_t before = ops->allocator().allocations();
    ops->normalize(a.tensor, 1e-5, a.tensor, inverse.tensor);
    ops->normalize_adjoint(a.tensor, a.tensor, inverse.tensor, a.tensor);
    ops->dot(a.tensor, a.tensor, norm.tensor);
    ops->clip(0.1, a.tensor, norm.tensor);
    ops->random_normal({}, 0, 1, a.tensor);
    CHECK(ops->allocator().allocations() == before);
}
