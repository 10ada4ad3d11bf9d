// Element types. Complex numbers are interleaved (re, im), so a complex tensor is also a real one with a last axis of 2.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

#include "core/error.hpp"

namespace gleam {

enum class DType : std::uint8_t { f32, f64, c64, c128 };

constexpr std::size_t size_of(DType t) {
    switch (t) {
        case DType::f32:
            return 4;
        case DType::f64:
            return 8;
        case DType::c64:
            return 8;
        case DType::c128:
            return 16;
    }
    return 0;
}

constexpr bool is_complex(DType t) { return t == DType::c64 || t == DType::c128; }
constexpr DType real_of(DType t) { return t == DType::c64 ? DType::f32 : t == DType::c128 ? DType::f64 : t; }
constexpr DType complex_of(DType t) { return t == DType::f32 ? DType::c64 : t == DType::f64 ? DType::c128 : t; }

constexpr const char* name_of(DType t) {
    switch (t) {
        case DType::f32:
            return "f32";
        case DType::f64:
            return "f64";
        case DType::c64:
            return "c64";
        case DType::c128:
            return "c128";
    }
    return "?";
}

template <class T>
struct DTypeOf;
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
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f with a value of the real type behind `t` (float or double): the one place where a run-time type becomes a template
// argument.
template <class F>
decltype(auto) with_real(DType t, F&& f) {
    return real_of(t) == DType::f64 ? f(double{}) : f(float{});
}

}  // namespace gleam
