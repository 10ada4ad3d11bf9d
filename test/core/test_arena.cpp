#include <cstdlib>
#include <set>

#include "core/arena.hpp"
#include "core/error.hpp"
#include "test/support/catch.hpp"

using namespace gleam;

namespace {

class HostAllocator final : public Allocator {
public:
    std::size_t most = SIZE_MAX;  // more than this cannot be had
    int open = 0;

private:
    void* do_allocate(std::size_t bytes) override {
        if (bytes > most) return nullptr;
        ++open;
        return std::aligned_alloc(memory_alignment, aligned(bytes));
    }
    void do_release(void* p) noexcept override {
        --open;
        std::free(p);
    }
};

// Two blocks alive together, then a third when both are gone.
void step(Arena& arena, std::size_t third = 1000, std::set<void*>* places = nullptr) {
    {
        const Lease a = arena.acquire("a", 1000), b = arena.acquire("b", 500);
        if (places) places->insert({a.data(), b.data()});
        if (places) CHECK(a.data() != b.data());
    }
    const Lease c = arena.acquire("c", third);
    if (places) places->insert(c.data());
}

}  // namespace

TEST_CASE("An arena is booked, granted once, and serves the same blocks ever after") {
    HostAllocator allocator;
    Arena arena("test");
    ArenaProgram program;
    arena.book(program);
    step(arena);
    arena.finish_booking();
    const std::size_t planned = arena.bytes();
    CHECK(program.blocks().size() == 3);
    CHECK(planned >= 1500);
    CHECK(allocator.allocations() == 0);
    arena.grant(allocator, "");
    std::set<void*> places;
    for (int i = 0; i < 3; ++i) {
        arena.replay(program);
        step(arena, 1000, &places);
    }
    CHECK(places.size() == 2);  // the third block took the place of the first
    CHECK(allocator.allocations() == 1);
    CHECK(arena.peak_bytes() == planned);
}

TEST_CASE("Blocks whose lives meet never share bytes, whatever their sizes and order") {
    HostAllocator allocator;
    Arena arena("test");
    ArenaProgram program;
    std::vector<std::pair<char*, std::size_t>> seen;
    const auto run = [&](bool check) {
        std::vector<std::pair<Lease, std::size_t>> alive;
        for (unsigned i = 0; i < 200; ++i) {
            const std::size_t bytes = 1 + (i * 2654435761U) % 5000;
            alive.emplace_back(arena.acquire("block", bytes), bytes);
            if (check)
                for (std::size_t j = 0; j + 1 < alive.size(); ++j) {
                    const char *p = static_cast<char*>(alive[j].first.data()), *q = static_cast<char*>(alive.back().first.data());
                    REQUIRE((p + alive[j].second <= q || q + bytes <= p));
                }
            if (i % 3 == 2) alive.erase(alive.begin() + (i * 40503U) % static_cast<unsigned>(alive.size()));
            if (i % 7 == 6) alive.erase(alive.begin());
        }
    };
    arena.book(program);
    run(false);
    arena.finish_booking();
    arena.grant(allocator, "");
    arena.replay(program);
    run(true);
}

TEST_CASE("What was not booked is refused by name, and a smaller request is not") {
    HostAllocator allocator;
    Arena arena("test");
    ArenaProgram program;
    CHECK_THROWS_WITH(arena.acquire("early", 1), ContainsSubstring("early"));
    arena.book(program);
    step(arena);
    arena.finish_booking();
    CHECK_THROWS_AS(arena.replay(program), InternalError);
    arena.grant(allocator, "");
    arena.replay(program);
    step(arena, 10);
    CHECK_THROWS_WITH(arena.acquire("late", 1), ContainsSubstring("late") && ContainsSubstring("nothing more"));
    arena.replay(program);
    CHECK_THROWS_WITH(arena.acquire("a", 1001), ContainsSubstring("'a'"));
    CHECK_THROWS_WITH(arena.acquire("b", 1), ContainsSubstring("booked: a"));
    const Lease lent = arena.acquire("a", 1000);
    CHECK_THROWS_AS(arena.replay(program), InternalError);
}

TEST_CASE("Memory that cannot be had is an error with the arena's name and the remedy") {
    HostAllocator allocator;
    allocator.most = 100;
    Arena arena("activations");
    arena.reserve(1 << 20);
    CHECK_THROWS_WITH(arena.grant(allocator, "lower training.batch"),
                      ContainsSubstring("activations") && ContainsSubstring("1.0 MiB") && ContainsSubstring("training.batch"));
    try {
        arena.grant(allocator, "");
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.code() == ExitCode::out_of_memory);
    }
}

TEST_CASE("Serving on demand gives every block back") {
    HostAllocator allocator;
    {
        Arena arena("demand");
        arena.serve_on_demand(allocator);
        Lease kept = arena.acquire("kept", 10);
        { const Lease gone = arena.acquire("gone", 10); }
        CHECK(allocator.open == 1);
        Lease moved = std::move(kept);
        CHECK(moved.data() != nullptr);
        CHECK(allocator.open == 1);
    }
    CHECK(allocator.open == 0);
}

TEST_CASE("Sizes are printed in the unit that suits them") {
    CHECK(format_bytes(0) == "0 B");
    CHECK(format_bytes(1023) == "1023 B");
    CHECK(format_bytes(1536) == "1.5 KiB");
    CHECK(format_bytes(std::size_t{5} << 30) == "5.0 GiB");
}
