// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// A stream is named by (seed, purpose, epoch, sample, part); its numbers depend on nothing else, so they are the same on every
// machine, backend and thread count, and a resumed run continues exactly. Parts of a sample are as far apart as streams can be
// long: 2^34 numbers.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace gleam {

// What a stream is used for; two purposes never share numbers. Values are part of the reproducibility promise: append only.
enum class Purpose : std::uint32_t {
    weights = 1,
    order = 2,
    mask = 3,
    phantom = 4,
    coils = 5,
    noise = 6,
    test = 7,
    shift = 8,
};

class Philox {
public:
    constexpr Philox(std::uint64_t seed, Purpose purpose, std::uint32_t epoch = 0, std::uint32_t sample = 0,
                     std::uint32_t part = 0)
        : key_{static_cast<std::uint32_t>(seed),
               static_cast<std::uint32_t>(seed >> 32) ^ (static_cast<std::uint32_t>(purpose) << 24)},
          counter_{0, part, epoch, sample} {}

    // Uniform 32 bits.
    std::uint32_t next() {
        if (used_ == 4) {
            block_ = block(blocks_++);
            used_ = 0;
        }
        return block_[used_++];
    }

    // Uniform in [0, 1), 24 bits: exactly representable as float, so equal everywhere.
    double uniform() { return uniform_of(next()); }
    // low + (high - low) uniform(), rounded once: equal everywhere, too.
    double uniform(double low, double high) { return std::fma(high - low, uniform(), low); }

    // Uniform integer in [0, n) without modulo bias worth speaking of (n below 2^32).
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>((std::uint64_t{next()} * n) >> 32); }

    // Standard normal (Box-Muller). Goes through libm: equal to rounding, not to the bit, between C libraries.
    double normal() {
        if (has_spare_) {
            has_spare_ = false;
            return spare_;
        }
        const std::uint32_t first = next();
        const Normals two = normals_of(first, next());
        spare_ = two.second;
        has_spare_ = true;
        return two.first;
    }

    // ---- numbers by their index, for kernels ---------------------------------------------------------------------------------
    using Block = std::array<std::uint32_t, 4>;

    // Numbers [4 index, 4 index + 4) of next(), counted from the start of the stream.
    constexpr Block block(std::uint64_t index) const {
        const std::uint64_t counter = (std::uint64_t{counter_[1]} << 32) + index;
        return generate(
            {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), counter_[2], counter_[3]}, key_);
    }

    static constexpr double uniform_of(std::uint32_t bits) { return (bits >> 8) * (1.0 / 16777216.0); }

    // Two standard normal numbers out of two uniform ones.
    struct Normals {
        double first, second;
    };
    static Normals normals_of(std::uint32_t first, std::uint32_t second) {
        const double r = std::sqrt(-2.0 * std::log(open_unit(first))), v = second * (6.283185307179586 / 4294967296.0);
        return {r * std::cos(v), r * std::sin(v)};
    }
    // In (0, 1].
    static constexpr double open_unit(std::uint32_t bits) { return (bits + 1.0) * (1.0 / 4294967296.0); }

    // Ten rounds on one counter: the bare generator, for kernels and known-answer tests.
    static constexpr Block generate(Block c, std::array<std::uint32_t, 2> k) {
        for (int round = 0; round < 10; ++round) {
            const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0], b = std::uint64_t{0xCD9E8D57} * c[2];
            c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
                 static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
            k[0] += 0x9E3779B9;
            k[1] += 0xBB67AE85;
        }
        return c;
    }

private:
    std::array<std::uint32_t, 2> key_;
    Block counter_;  // at the start of the stream
    std::uint64_t blocks_ = 0;
    Block block_{};
    unsigned used_ = 4;
    double spare_ = 0;
    bool has_spare_ = false;
};

}  // namespace gleam
