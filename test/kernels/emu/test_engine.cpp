// The emulator finds what is planted: faults that it sees itself in every build, those that a sanitizer sees in a process of
// their own in the builds with that sanitizer.
#include <cmath>

#include "core/error.hpp"
#include "kernels/cu/device_ptr.hpp"
#include "test/kernels/emu/planted_kernels.hpp"
#include "test/support/catch.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using emu::ThreadOrder;
using test::run_planted;

namespace {

constexpr ThreadOrder orders[] = {ThreadOrder::forward, ThreadOrder::reverse, ThreadOrder::shuffled};

[[maybe_unused]] bool any_nan(const std::vector<float>& v) {
    for (float f : v)
        if (std::isnan(f)) return true;
    return false;
}

// The message of the error that a planted kernel ends with.
std::string caught(const std::string& name) {
    try {
        run_planted(name);
    } catch (const InternalError& e) {
        return e.what();
    }
    return "nothing was caught";
}

// Can it be followed by code that is not a kernel?
template <class P>
concept Dereferenceable = requires(P p) {
    *p;
}
|| requires(P p) { p[0]; }
|| requires(P p) { p.get(); }
|| std::is_convertible_v<P, const float*> || std::is_convertible_v<P, const void*>;

[[maybe_unused]] test::Finished run_apart(const std::string& name, const std::string& order = "forward") {
    const test::TemporaryDirectory folder;
    return test::Process({name, order}, folder / "log", 0, GLEAM_PLANTED).wait();
}

}  // namespace

TEST_CASE("A kernel without a fault gives the same sums in every order of its threads") {
    for (ThreadOrder order : orders) {
        const auto out = run_planted("good", order);
        for (int b = 0; b < 3; ++b)
            for (int t = 0; t < 64; ++t)
                CHECK(out[static_cast<std::size_t>(b * 64 + t)] == static_cast<float>(64 * (64 * b) + 64 * 65 / 2));
    }
}

#if !defined(__SANITIZE_THREAD__)  // which would report them, as it should
TEST_CASE("A barrier that is missing gives wrong numbers in the emulator") {
    // Forward, the first threads read what the last ones have not written: NaN.
    CHECK(any_nan(run_planted("missing_barrier")));
    const auto right = [](std::size_t t) { return 4 * static_cast<float>((t + 1) % 64 + 1) + 6; };
    int wrong = 0;
    for (ThreadOrder order : orders) {
        const auto out = run_planted("write_after_read", order);
        for (std::size_t t = 0; t < 64; ++t) wrong += out[t] != right(t);
    }
    CHECK(wrong > 0);
}
#endif

TEST_CASE("Shared memory that was never written reads as NaN") {
    const auto out = run_planted("uninitialised");
    CHECK(std::isnan(out[7]));
    CHECK(out[8] == 9);
}

TEST_CASE("Barriers that not all threads of a block reach are reported with their lines") {
    CHECK_THAT(caught("divergent"), ContainsSubstring("divergent __syncthreads") && ContainsSubstring("thread (32, 0, 0)") &&
                                        ContainsSubstring("planted_kernels.cpp:"));
    CHECK_THAT(caught("left_before_barrier"), ContainsSubstring("thread (5, 0, 0)") && ContainsSubstring("has left the kernel"));
}

TEST_CASE("Masks of shuffles that name the wrong lanes are reported with the line") {
    CHECK_THAT(caught("mask_names_absent_lanes"), ContainsSubstring("lane 16") && ContainsSubstring("never comes there"));
    CHECK_THAT(caught("mask_lacks_caller"), ContainsSubstring("is lane 16, which the mask 0x0000ffff"));
    CHECK_THAT(caught("mask_lacks_source"), ContainsSubstring("reads lane 16") && ContainsSubstring("planted_kernels.cpp:"));
}

TEST_CASE("Launches beyond the limits of a GPU are refused with the kernel's name") {
    CHECK_THAT(caught("too_many_threads"), ContainsSubstring("launch of too_many_threads: 1025 x 1 x 1 threads"));
    CHECK_THAT(caught("too_deep_a_block"), ContainsSubstring("threads are not a block"));
    CHECK_THAT(caught("too_high_a_grid"), ContainsSubstring("blocks are not a grid"));
    CHECK_THAT(caught("empty_grid"), ContainsSubstring("blocks are not a grid"));
    CHECK_THAT(caught("too_much_dynamic_shared"), ContainsSubstring("232449 bytes of shared memory"));
    CHECK_THAT(caught("too_much_shared"), ContainsSubstring("49156 bytes of shared memory"));
}

TEST_CASE("After a fault the emulator runs the next kernel") {
    caught("divergent");
    CHECK(run_planted("good")[0] == 2080);
}

TEST_CASE("Host code cannot follow a device pointer") {
    STATIC_REQUIRE_FALSE(Dereferenceable<kernels::cu::DevicePtr<float>>);
    STATIC_REQUIRE(Dereferenceable<float*>);
}

TEST_CASE("Enough blocks cover any number of elements, beyond 32 bits too") {
    using kernels::cu::blocks_for;
    CHECK(blocks_for(0, 256) == 1);
    CHECK(blocks_for(257, 256) == 2);
    CHECK(blocks_for(std::int64_t{1} << 40, 256) == 132 * 16);
    CHECK(blocks_for(std::int64_t{1} << 40, 256, kernels::cu::grid_limit.x) == kernels::cu::grid_limit.x);
}

#if defined(__SANITIZE_ADDRESS__)
TEST_CASE("The address sanitizer stops kernels that leave their memory, with the line") {
    for (const char* name : {"past_the_end", "shared_index"}) {
        const test::Finished run = run_apart(name);
        INFO(name << "\n" << run.out);
        CHECK(run.code != 0);
        CHECK_THAT(run.out, ContainsSubstring("heap-buffer-overflow") || ContainsSubstring("out of bounds"));
        CHECK_THAT(run.out, ContainsSubstring("planted_kernels.cpp:"));
    }
}

TEST_CASE("The address sanitizer stops a host that follows a device address") {
    const test::Finished run = run_apart("host_access");
    INFO(run.out);
    CHECK(run.code != 0);
    CHECK_THAT(run.out, ContainsSubstring("use-after-poison") && ContainsSubstring("planted_kernels.cpp:"));
}

TEST_CASE("The undefined-behaviour sanitizer stops a misaligned access of 16 bytes") {
    const test::Finished run = run_apart("misaligned");
    INFO(run.out);
    CHECK(run.code != 0);
    CHECK_THAT(run.out, ContainsSubstring("misaligned address") && ContainsSubstring("planted_kernels.cpp:"));
}
#endif

#if defined(__SANITIZE_THREAD__)
TEST_CASE("The thread sanitizer reports races that a GPU would have, and no others") {
    for (const char* name :
         {"missing_barrier", "write_after_read", "race_in_block", "race_between_blocks", "shuffle_is_no_barrier"}) {
        const test::Finished run = run_apart(name);
        INFO(name << "\n" << run.out);
        CHECK(run.code != 0);
        CHECK_THAT(run.out, ContainsSubstring("ThreadSanitizer: data race") && ContainsSubstring("planted_kernels.cpp:"));
    }
    for (const char* order : {"forward", "reverse", "shuffled"}) {
        const test::Finished run = run_apart("good", order);
        INFO(run.out);
        CHECK(run.code == 0);
        CHECK(run.out == "ran, out[0] = 2080\n");
    }
}
#endif
