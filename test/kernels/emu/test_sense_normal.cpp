// What rows of the table cannot say of the emulated normal operator: scratch memory, and coil images beyond its budget.
#include "kernels/emu/emu.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"
#include "test/support/on_device.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

template <class T>
struct Problem {
    using C = std::complex<T>;
    OnDevice maps, x, out, mask;

    Problem(Operations& ops, const Shape& image, std::int64_t coils, const Shape& mask_shape)
        : maps(ops, random_array<C>({image[0], 1, coils, image[3], image[4], image[5]}, 1).view()),
          x(ops, random_array<C>(image, 2).view()),
          out(ops, Array<C>(image).view()),
          mask(ops, random_array<T>(mask_shape, 3).view()) {}

    void apply(Operations& ops, std::int64_t first, std::int64_t count, Arena& workspace) const {
        ops.sense_normal(x.tensor.slice(first, count), maps.tensor.slice(first, count), mask.tensor.slice(first, count), 2,
                         NormalTerms{1, 0.5}, out.tensor.slice(first, count), workspace);
    }
};

}  // namespace

#if !defined(__SANITIZE_THREAD__)  // sizes that take it minutes; the rows of the table have the same kernels
TEST_CASE("Samples whose coil images exceed the budget go through in turns, with the same numbers") {
    const auto ops = emu::make_emu_operations();
    Arena workspace("workspace");
    workspace.serve_on_demand(ops->allocator());
    // 13 MiB of coil images each, of 32 that are kept.
    const Problem<double> p(*ops, {3, 1, 1, 1, 460, 464}, 4, {3, 1, 1, 1, 460, 464});
    p.apply(*ops, 0, 3, workspace);
    const auto together = p.out.numbers<std::complex<double>>();
    ops->fill_zero(p.out.tensor);
    for (std::int64_t i = 0; i < 3; ++i) p.apply(*ops, i, 1, workspace);
    CHECK(together == p.out.numbers<std::complex<double>>());
}
#endif

TEST_CASE("What the normal operator books for a mask is enough for those that are constant along more axes, none for lines") {
    const auto ops = emu::make_emu_operations();
    const Shape image{2, 1, 1, 1, 12, 10};
    const auto book = [&](const Shape& mask_shape, ArenaProgram& program, Arena& workspace) {
        const Problem<float> p(*ops, image, 3, mask_shape);
        workspace.book(program);
        ops->set_planning(true);
        p.apply(*ops, 0, 2, workspace);
        ops->set_planning(false);
        workspace.finish_booking();
        workspace.grant(ops->allocator(), "");
    };
    ArenaProgram points, lines;
    Arena of_points("workspace"), of_lines("workspace");
    book({2, 1, 1, 1, 12, 10}, points, of_points);
    book({2, 1, 1, 1, 12, 1}, lines, of_lines);
    REQUIRE(points.blocks().size() == 1);
    CHECK(points.blocks()[0].bytes >= 2 * 3 * 12 * 10 * sizeof(std::complex<float>));
    REQUIRE(lines.blocks().size() == 1);
    CHECK(lines.blocks()[0].bytes == 0);
    for (const Shape& mask : {Shape{2, 1, 1, 1, 12, 10}, {2, 1, 1, 1, 12, 1}, {2, 1, 1, 1, 1, 10}, {2, 1, 1, 1, 1, 1}}) {
        const Problem<float> p(*ops, image, 3, mask);
        for (std::int64_t samples : {2, 1}) {
            of_points.replay(points);
            CHECK_NOTHROW(p.apply(*ops, 0, samples, of_points));
        }
    }
}
