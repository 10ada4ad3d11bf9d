// Vectors as wide as the machine the compiler was told of, through the compiler's own vector type.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "core/bf16.hpp"

namespace gleam::kernels::cpu {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16, vector_registers = 32;
#else
inline constexpr int vector_bytes = 16, vector_registers = 16;
#endif

using Floats [[gnu::vector_size(vector_bytes)]] = float;
using Words [[gnu::vector_size(vector_bytes)]] = std::uint32_t;
using Halves [[gnu::vector_size(vector_bytes / 2)]] = std::uint16_t;
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(float));

// Two bf16 numbers side by side, the first in the lower half: what machines with AVX512-BF16 multiply at a time. Others with AVX
// multiply floats, since taking pairs apart takes longer than the multiplication. Without AVX, speed is not asked for: there
// pairs are taken apart, so that builds with sanitizers try the code for pairs on every machine.
enum class Bf16Pair : std::uint32_t {};
#if defined(__AVX512BF16__) || !defined(__AVX__)
inline constexpr bool multiplies_pairs = true;
#else
inline constexpr bool multiplies_pairs = false;
#endif

// n rounded up to whole vectors
constexpr std::int64_t whole_vectors(std::int64_t n) { return (n + lanes - 1) / lanes * lanes; }

template <class Vector>
Vector load_vector(const void* p) {
    Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class To, class From>
To as_bits(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &v, sizeof to);
    return to;
}

inline Floats load(const float* p) { return load_vector<Floats>(p); }
inline Floats load(const Bf16* p) { return as_bits<Floats>(__builtin_convertvector(load_vector<Halves>(p), Words) << 16); }

// The upper halves of v, rounded like Bf16 but for NaN, which sums never hide.
inline Words rounded(Floats v) {
    const Words bits = as_bits<Words>(v);
    return bits + 0x7fffU + ((bits >> 16) & 1U);
}

inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline void store(Bf16* p, Floats v) {
    const Halves h = __builtin_convertvector(rounded(v) >> 16, Halves);
    std::memcpy(static_cast<void*>(p), &h, sizeof h);
}

// 0, 1, 2, ...
inline Floats lane_numbers() {
    Floats v;
    for (int i = 0; i < lanes; ++i) v[i] = static_cast<float>(i);
    return v;
}

// Bit l: is lane l positive?
inline std::uint32_t positive_lanes(Floats v) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_GT_OQ);
#else
    std::uint32_t positive = 0;
    for (int l = 0; l < lanes; ++l) positive |= (v[l] > 0 ? 1U : 0U) << l;
    return positive;
#endif
}
// Lane l of a where bit `first` + l is set, else of b
inline Floats select_lanes(std::uint32_t bits, int first, Floats a, Floats b) {
    Words place;
    for (int l = 0; l < lanes; ++l) place[l] = static_cast<std::uint32_t>(first + l);
    return (bits >> place & 1U) != 0U ? a : b;
}

// sum + a b
inline Floats multiply_add(float a, Floats b, Floats sum) { return sum + a * b; }
// The same of pairs: sum + a_first b_first + a_second b_second
inline Floats multiply_add(Bf16Pair a, Words b, Floats sum) {
    const auto bits = static_cast<std::uint32_t>(a);
#if defined(__AVX512BF16__)
    return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(bits)), (__m512bh)b);
#else
    const auto as_float = [](std::uint32_t word) { return as_bits<float>(word); };
    sum += as_float(bits << 16) * as_bits<Floats>(b << 16);
    return sum + as_float(bits & 0xffff0000U) * as_bits<Floats>(b & 0xffff0000U);
#endif
}

}  // namespace gleam::kernels::cpu
