// bfloat16: the upper half of a float, for storing what need not be exact. Arithmetic is done in float. All constexpr, which lets
// kernels for GPUs call it, too.
#pragma once

#include <bit>
#include <cstdint>

namespace gleam {

struct Bf16 {
    std::uint16_t bits;

    Bf16() = default;
    constexpr explicit Bf16(float value) : bits(rounded(value)) {}
    Bf16(const Bf16&) = default;
    constexpr Bf16& operator=(const Bf16& other) {  // copying the number, not the structure, lets compilers vectorise
        bits = other.bits;
        return *this;
    }
    constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

private:
    // To the nearest, ties to even. Without branches, so that loops over it vectorise.
    static constexpr std::uint16_t rounded(float value) {
        const auto whole = std::bit_cast<std::uint32_t>(value);
        const std::uint32_t upper = (whole + 0x7fffU + (whole >> 16 & 1U)) >> 16;
        const std::uint32_t quiet = whole >> 16 | 0x40U;  // rounding could carry a NaN over
        const bool nan = (whole & 0x7fffffffU) > 0x7f800000U;
        return static_cast<std::uint16_t>(nan ? quiet : upper);
    }
};

// The type in which sums and products of T are formed.
template <class T>
struct ArithmeticOf {
    using type = T;
};
template <>
struct ArithmeticOf<Bf16> {
    using type = float;
};
template <class T>
using Arithmetic = typename ArithmeticOf<T>::type;

}  // namespace gleam
