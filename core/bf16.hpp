// bfloat16: the upper half of a float, for storing what need not be exact. Arithmetic is done in float.
#pragma once

#include <bit>
#include <cstdint>

namespace gleam {

struct Bf16 {
    std::uint16_t bits;

    Bf16() = default;
    // Rounds to the nearest, ties to even. Written without branches, so that loops over it vectorise.
    explicit Bf16(float value) {
        const auto whole = std::bit_cast<std::uint32_t>(value);
        const std::uint32_t rounded = (whole + 0x7fffU + (whole >> 16 & 1U)) >> 16;
        bits = static_cast<std::uint16_t>(value == value ? rounded : 0x7fc0U);  // rounding could carry a NaN over
    }
    operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
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
