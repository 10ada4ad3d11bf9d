#include <cstdlib>

#include "core/tape.hpp"
#include "test/support/catch.hpp"

using namespace gleam;

namespace {

class HostAllocator final : public Allocator {
    void* do_allocate(std::size_t bytes) override { return std::aligned_alloc(memory_alignment, (bytes + 255) / 256 * 256); }
    void do_release(void* p) noexcept override { std::free(p); }
};

struct Bench {
    HostAllocator allocator;
    Arena arena{"activations"};
    ArenaProgram program;
    Bench() { arena.book(program); }
    Var value(Tape& tape, bool differentiable) {
        return tape.result(tape.allocate("value", DType::f32, Shape{4}, Device{}), differentiable);
    }
};

}  // namespace

TEST_CASE("A tape runs what was recorded backwards, and only where a gradient arrives") {
    Bench b;
    Tape tape(b.arena, true);
    std::string order;
    const Var x = b.value(tape, true), y = b.value(tape, true), other = b.value(tape, true);
    tape.record(x, [&](const BufferPtr&) { order += "x"; });
    tape.record(other, [&](const BufferPtr&) { order += "other"; });
    tape.record(y, [&](const BufferPtr& g) {
        order += "y";
        x.gradient()->buffer = g;
    });
    tape.backward(y, tape.allocate("gradient", DType::f32, Shape{4}, Device{}));
    CHECK(order == "yx");
}

TEST_CASE("A gradient reaches a function under the shape of its own output, whatever view it came in by") {
    Bench b;
    Tape tape(b.arena, true);
    const Var x = b.value(tape, true);
    Tensor view = x.tensor();
    view.dtype = DType::c64, view.shape = Shape{2};
    const Var viewed = x.viewed(view);
    Shape seen;
    tape.record(x, [&](const BufferPtr& g) { seen = g->tensor.shape; });
    tape.backward(viewed, tape.allocate("gradient", DType::c64, Shape{2}, Device{}));
    CHECK(seen == Shape{4});
}

TEST_CASE("Without recording nothing is kept, and a value nobody holds gives its bytes back") {
    Bench b;
    Tape tape(b.arena, false);
    Var x = b.value(tape, true);
    CHECK_FALSE(x.needs_gradient());
    tape.record(x, [](const BufferPtr&) { FAIL("recorded"); });
    for (int i = 0; i < 5; ++i) x = b.value(tape, true);
    x = Var();
    b.arena.finish_booking();
    CHECK(b.arena.bytes() <= 2 * 2 * memory_alignment);  // never more than two at a time (with guards in sanitized builds)
}

TEST_CASE("A view keeps its owner's bytes") {
    Bench b;
    Tape tape(b.arena, false);
    Var view;
    {
        const Var x = b.value(tape, false);
        view = x.viewed(x.tensor());
    }
    CHECK_THROWS_AS(b.arena.finish_booking(), InternalError);  // still lent
    view = Var();
    b.arena.finish_booking();
    CHECK(b.arena.bytes() > 0);
}
