// Channels-last tensors in packs: as many channels of a pixel at a time as make 16 bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {

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
