#include "core/philox.hpp"
#include "test/support/catch.hpp"

using gleam::Philox;
using gleam::Purpose;

TEST_CASE("Philox gives the published known answers") {
    // Random123's kat_vectors for philox4x32-10.
    CHECK(Philox::generate({0, 0, 0, 0}, {0, 0}) == Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(Philox::generate({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
          Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(Philox::generate({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Random streams differ by seed, purpose, epoch, sample and part, and repeat") {
    auto first = [](Philox p) { return p.next(); };
    const auto reference = first(Philox(1, Purpose::mask, 2, 3));
    CHECK(first(Philox(1, Purpose::mask, 2, 3)) == reference);
    CHECK(first(Philox(2, Purpose::mask, 2, 3)) != reference);
    CHECK(first(Philox(1, Purpose::noise, 2, 3)) != reference);
    CHECK(first(Philox(1, Purpose::mask, 1, 3)) != reference);
    CHECK(first(Philox(1, Purpose::mask, 2, 4)) != reference);
    CHECK(first(Philox(1, Purpose::mask, 2, 3, 0)) == reference);
    CHECK(first(Philox(1, Purpose::mask, 2, 3, 1)) != reference);
}

TEST_CASE("Uniform and normal numbers have the moments they should") {
    Philox random(7, Purpose::test);
    double mean = 0, square = 0, normal_mean = 0, normal_square = 0;
    const int n = 100000;
    for (int i = 0; i < n; ++i) {
        const double u = random.uniform(), z = random.normal();
        REQUIRE((u >= 0 && u < 1));
        mean += u / n, square += u * u / n, normal_mean += z / n, normal_square += z * z / n;
    }
    CHECK(mean == Approx(0.5).margin(0.005));
    CHECK(square == Approx(1.0 / 3).margin(0.005));
    CHECK(normal_mean == Approx(0).margin(0.02));
    CHECK(normal_square == Approx(1).margin(0.02));
}

TEST_CASE("Blocks of random numbers by their index are those of the stream, also where the counter carries into the next part") {
    Philox random(0x123456789abcdef0, Purpose::noise, 4, 5, 6);
    const Philox stream = random;
    for (std::uint64_t i = 0; i < 5; ++i)
        for (const std::uint32_t number : stream.block(i)) CHECK(random.next() == number);
    CHECK(stream.block(std::uint64_t{1} << 32) == Philox(0x123456789abcdef0, Purpose::noise, 4, 5, 7).block(0));
}
