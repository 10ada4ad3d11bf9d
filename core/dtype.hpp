// Element types. Complex numbers are interleaved (re, im), so a complex tensor is also a real one with a last axis of 2.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

#include "core/bf16.hpp"
#include "core/error.hpp"

namespace gleam {

// bf16 is for what lies between the layers of a network only; see Bf16. u32 is for bits: 32 answers to yes or no.
enum class DType : std::uint8_t { bf16, f32, f64, c64, c128, u32 };

constexpr std::size_t size_of(DType t) {
    switch (t) {
        case DType::bf16:
            return 2;
        case DType::f32:
            return 4;
        case DType::f64:
            return 8;
        case DType::c64:
            return 8;
        case DType::c128:
            return 16;
        case DType::u32:
            return 4;
    }
    return 0;
}

constexpr bool is_complex(DType t) { return t == DType::c64 || t == DType::c128; }
constexpr DType real_of(DType t) { return t == DType::c64 ? DType::f32 : t == DType::c128 ? DType::f64 : t; }
constexpr DType complex_of(DType t) { return t == DType::f32 ? DType::c64 : t == DType::f64 ? DType::c128 : t; }

constexpr const char* name_of(DType t) {
    switch (t) {
        case DType::bf16:
            return "bf16";
        case DType::f32:
            return "f32";
        case DType::f64:
            return "f64";
        case DType::c64:
            return "c64";
        case DType::c128:
            return "c128";
        case DType::u32:
            return "u32";
    }
    return "?";
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<Bf16> {
    static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<float> {
    static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
    static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::complex<float>> {
    static constexpr DType value = DType::c64;
};
template <>
struct DTypeOf<std::complex<double>> {
    static constexpr DType value = DType::c128;
};
template <>
struct DTypeOf<std::uint32_t> {
    static constexpr DType value = DType::u32;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f with a value of the real type behind `t` (float or double): here run-time types become template arguments.
template <class F>
decltype(auto) with_real(DType t, F&& f) {
    return real_of(t) == DType::f64 ? f(double{}) : f(float{});
}

// The same for what lies between the layers of a network: Bf16, too.
template <class F>
decltype(auto) with_feature(DType t, F&& f) {
    return t == DType::bf16 ? f(Bf16{}) : with_real(t, f);
}

}  // namespace gleam
