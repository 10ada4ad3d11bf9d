// Complex pixels as vectors of real parts and of imaginary parts, of either precision, and the transposition of tiles of them.
#pragma once

#include <complex>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/cpu/simd.hpp"

namespace gleam::kernels::cpu {

template <class T>
struct Lanes {
    using Vector [[gnu::vector_size(vector_bytes)]] = T;
    static constexpr int count = vector_bytes / static_cast<int>(sizeof(T));
};

// As many complex numbers as a vector has lanes.
template <class T>
struct Pair {
    typename Lanes<T>::Vector re, im;
};

template <class T>
[[gnu::always_inline]] inline typename Lanes<T>::Vector load_lanes(const T* p) {
    typename Lanes<T>::Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class T>
[[gnu::always_inline]] inline void store_lanes(T* p, typename Lanes<T>::Vector v) {
    std::memcpy(p, &v, sizeof v);
}

// A pair lies in memory as all real parts, then all imaginary parts.
template <class T>
[[gnu::always_inline]] inline Pair<T> load_pair(const T* p) {
    return {load_lanes(p), load_lanes(p + Lanes<T>::count)};
}
template <class T>
[[gnu::always_inline]] inline void store_pair(T* p, const Pair<T>& v) {
    store_lanes<T>(p, v.re);
    store_lanes<T>(p + Lanes<T>::count, v.im);
}

namespace detail {

template <class V, int... I>
[[gnu::always_inline]] inline V even_lanes(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (2 * I)...);
}
template <class V, int... I>
[[gnu::always_inline]] inline V odd_lanes(V a, V b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (2 * I + 1)...);
}
template <int First, class V, int... I>
[[gnu::always_inline]] inline V interleave(V a, V b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    return __builtin_shufflevector(a, b, (First + I / 2 + I % 2 * n)...);
}
// Exchanges the blocks of `Step` lanes beside the diagonal of rows a and b, `Step` rows apart.
template <int Step, class V, int... I>
[[gnu::always_inline]] inline void exchange(V& a, V& b, std::integer_sequence<int, I...>) {
    constexpr int n = sizeof...(I);
    const V upper = __builtin_shufflevector(a, b, (I & Step ? n + I - Step : I)...);
    b = __builtin_shufflevector(a, b, (I & Step ? n + I : I + Step)...);
    a = upper;
}

template <int Step, int N, class V>
[[gnu::always_inline]] inline void exchange_all(V* rows) {
    if constexpr (Step < N) {
        for (int i = 0; i < N; ++i)
            if ((i & Step) == 0) exchange<Step>(rows[i], rows[i + Step], std::make_integer_sequence<int, N>());
        exchange_all<2 * Step, N>(rows);
    }
}

}  // namespace detail

// Lane j of row i to lane i of row j, for as many rows as lanes.
template <class T>
[[gnu::always_inline]] inline void transpose(typename Lanes<T>::Vector* rows) {
    detail::exchange_all<1, Lanes<T>::count>(rows);
}

// The first n of a vector's lanes of complex numbers, interleaved in memory and `step` apart; zeros beyond.
template <class T>
[[gnu::always_inline]] inline Pair<T> load_pixels(const std::complex<T>* p, std::int64_t n, std::int64_t step) {
    constexpr int lanes = Lanes<T>::count;
    constexpr auto all = std::make_integer_sequence<int, lanes>();
    if (n >= lanes && step == 1) {
        const T* q = reinterpret_cast<const T*>(p);
        const auto a = load_lanes(q), b = load_lanes(q + lanes);
        return {detail::even_lanes(a, b, all), detail::odd_lanes(a, b, all)};
    }
    Pair<T> v{};
    for (std::int64_t l = 0; l < n && l < lanes; ++l) v.re[l] = p[l * step].real(), v.im[l] = p[l * step].imag();
    return v;
}

template <class T>
[[gnu::always_inline]] inline void store_pixels(std::complex<T>* p, std::int64_t n, std::int64_t step, const Pair<T>& v) {
    constexpr int lanes = Lanes<T>::count;
    constexpr auto all = std::make_integer_sequence<int, lanes>();
    if (n >= lanes && step == 1) {
        T* q = reinterpret_cast<T*>(p);
        store_lanes<T>(q, detail::interleave<0>(v.re, v.im, all));
        store_lanes<T>(q + lanes, detail::interleave<lanes / 2>(v.re, v.im, all));
        return;
    }
    for (std::int64_t l = 0; l < n && l < lanes; ++l) p[l * step] = {v.re[l], v.im[l]};
}

}  // namespace gleam::kernels::cpu
