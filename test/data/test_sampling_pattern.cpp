#include "data/sampling_pattern.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;

namespace {

// Two slices and coils of 6 x 8 points, sampled where `sampled(slice, y, x)` says.
template <class F>
SamplingPattern pattern(const TemporaryDirectory& directory, F sampled, bool all_slices = true) {
    ComplexArray kspace(Shape{2, 2, 6, 8});
    for (std::int64_t s = 0; s < 2; ++s)
        for (std::int64_t c = 0; c < 2; ++c)
            for (std::int64_t y = 0; y < 6; ++y)
                for (std::int64_t x = 0; x < 8; ++x)
                    if (sampled(s, y, x) && (c == 1 || y == 0)) kspace[((s * 2 + c) * 6 + y) * 8 + x] = {0, 1e-20F};
    Hdf5Writer writer(directory.path() / "scan.h5");
    writer.write("kspace", kspace);
    writer.commit();
    return sampling_pattern(KspaceFile(directory.path() / "scan.h5"), all_slices);
}

}  // namespace

TEST_CASE("Points that any coil of any slice holds count as sampled, however small the numbers") {
    const TemporaryDirectory directory;
    const SamplingPattern full = pattern(directory, [](auto s, auto y, auto) { return (s == 0) == (y < 3); });
    CHECK(full.zeros == 0);
    CHECK_FALSE(full.holes);
    CHECK_FALSE(full.same_in_all);
    const SamplingPattern lines = pattern(directory, [](auto, auto, auto x) { return x % 2 == 1; });
    CHECK(lines.zeros == 24);
    CHECK(lines.holes);
    CHECK(lines.same_in_all);
    for (std::int64_t i = 0; i < 48; ++i) CHECK(lines.sampled[i] == static_cast<float>(i % 2));
}

TEST_CASE("Zeros at the border are padding, zeros in between are holes") {
    const TemporaryDirectory directory;
    const SamplingPattern padded = pattern(directory, [](auto, auto y, auto x) { return y > 0 && x >= 2 && x < 7; });
    CHECK(padded.zeros == 48 - 25);
    CHECK_FALSE(padded.holes);
    CHECK(pattern(directory, [](auto, auto y, auto x) { return y != 3 || x != 3; }).holes);
    CHECK(pattern(directory, [](auto, auto y, auto x) { return y + x > 0; }).holes);
}

TEST_CASE("A slice without any number says nothing about the sampling") {
    const TemporaryDirectory directory;
    const SamplingPattern found = pattern(directory, [](auto s, auto, auto x) { return s == 1 && x != 4; });
    CHECK(found.same_in_all);
    CHECK(found.zeros == 6);
    const SamplingPattern none = pattern(directory, [](auto, auto, auto) { return false; });
    CHECK(none.zeros == 48);
    CHECK_FALSE(none.holes);
}
