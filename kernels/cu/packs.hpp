// 16 bytes of numbers at a time: one access where they are aligned and all there, single numbers else. What a thread computes
// from them is the same either way, so that results do not depend on where a tensor begins.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {

template <class T>
inline constexpr int pack_numbers = static_cast<int>(16 / sizeof(T));

// A complex tensor is twice as many real numbers.
inline std::int64_t reals(const Tensor& t) { return t.elements() * (is_complex(t.dtype) ? 2 : 1); }

template <class T>
DevicePtr<T> data_or_null(const Tensor* t) {
    return t ? device_data<T>(*t) : DevicePtr<T>();
}

template <class T>
constexpr std::int64_t packs_of(std::int64_t numbers) {
    return (numbers + pack_numbers<T> - 1) / pack_numbers<T>;
}

// Whether each of `groups` equal parts of all these tensors begins at a multiple of 16 bytes; null ones do.
inline bool in_packs(std::initializer_list<const Tensor*> tensors, std::int64_t groups = 1) {
    for (const Tensor* t : tensors) {
        if (!t) continue;
        if (reinterpret_cast<std::uintptr_t>(t->data) % 16 != 0) return false;
        if (groups > 1 && t->bytes() / static_cast<std::size_t>(groups) % 16 != 0) return false;
    }
    return true;
}

// Bf16 is moved as its bits: it is no trivial type, and compilers would move one at a time.
template <class T>
struct Stored {
    using type = T;
    GLEAM_DEVICE static T value(T v) { return v; }
    GLEAM_DEVICE static T bits(T v) { return v; }
};
template <>
struct Stored<Bf16> {
    using type = std::uint16_t;
    GLEAM_DEVICE static float value(std::uint16_t v) {
        Bf16 b;
        b.bits = v;
        return b;
    }
    GLEAM_DEVICE static std::uint16_t bits(float v) { return Bf16(v).bits; }
};

// v = the N numbers from p on, at once where `whole`; otherwise zeros take the place of those from the `there`-th on.
template <class T, int N>
__device__ void load(const T* p, bool whole, std::int64_t there, Arithmetic<T> (&v)[N]) {
    using S = Stored<T>;
    if (whole) {
        const auto pack = *reinterpret_cast<const simt::Pack<typename S::type, N>*>(p);
        for (int j = 0; j < N; ++j) v[j] = S::value(pack.v[j]);
    } else {
        for (int j = 0; j < N; ++j) v[j] = j < there ? Arithmetic<T>(p[j]) : Arithmetic<T>(0);
    }
}

// In one instruction. nvcc would make several of an assignment here and there, though not of a load.
template <class T, class Pack>
__device__ void write_pack(T* p, const Pack& pack) {
#ifdef __CUDA_ARCH__
    if constexpr (sizeof(Pack) == sizeof(uint4)) return __stwb(reinterpret_cast<uint4*>(p), std::bit_cast<uint4>(pack));
#endif
    *reinterpret_cast<Pack*>(p) = pack;
}

// The same into memory; what is not there is left out.
template <class T, int N>
__device__ void store(T* p, bool whole, std::int64_t there, const Arithmetic<T> (&v)[N]) {
    using S = Stored<T>;
    if (whole) {
        simt::Pack<typename S::type, N> pack;
        for (int j = 0; j < N; ++j) pack.v[j] = S::bits(v[j]);
        write_pack(p, pack);
    } else {
        for (int j = 0; j < N; ++j)
            if (j < there) p[j] = T(v[j]);
    }
}

// ---- channels-last tensors: as many channels of a pixel at a time as make 16 bytes ----

// Calls f(V) with a constant V: the most numbers T in 16 bytes or less, a power of two, that divide `channels` and begin where
// all of `tensors` do. Null tensors are left out.
template <class T, int V = 16 / static_cast<int>(sizeof(T)), class F>
void with_pack(std::int64_t channels, std::initializer_list<const Tensor*> tensors, F&& f) {
    if constexpr (V > 1) {
        bool fits = channels % V == 0;
        for (const Tensor* t : tensors)
            fits = fits && (!t || reinterpret_cast<std::uintptr_t>(t->data) % alignof(simt::Pack<T, V>) == 0);
        if (!fits) return with_pack<T, V / 2>(channels, tensors, f);
    }
    f(std::integral_constant<int, V>{});
}

// The elements of a tensor on a device in packs of V. T may be const.
template <class T, int V>
auto device_packs(const Tensor& t) {
    using Pack = std::conditional_t<std::is_const_v<T>, const simt::Pack<std::remove_const_t<T>, V>, simt::Pack<T, V>>;
    return DevicePtr<Pack>(reinterpret_cast<Pack*>(unwrap(device_data<T>(t))));
}

}  // namespace gleam::kernels::cu
