// simt.hpp where a C++ compiler compiles a .cu file: CUDA's words, carried out by the emulator.
#pragma once

#include <bit>
#include <tuple>

#include "kernels/emu/engine.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define threadIdx (::gleam::emu::thread_index())
#define blockIdx (::gleam::emu::block_index())
#define blockDim (::gleam::emu::block_extent())
#define gridDim (::gleam::emu::grid_extent())

// The address of `key` tells one declaration from another.
#define SIMT_SHARED(type, name, extents) \
    static const char name##_key = 0;    \
    using name##_type = type extents;    \
    auto& name = *static_cast<name##_type*>(::gleam::emu::shared_memory(&name##_key, sizeof(name##_type)))

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    ::gleam::emu::wait_for_block({file, line});
}

inline void __syncwarp(unsigned mask = 0xffffffffU, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    ::gleam::emu::wait_for_warp(mask, {file, line});
}

namespace gleam::emu {

template <class T>
T shuffle(unsigned mask, T value, unsigned lane, const Site& site) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "only numbers of 4 or 8 bytes are shuffled");
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return std::bit_cast<T>(static_cast<Bits>(exchange(mask, std::bit_cast<Bits>(value), lane, site)));
}

}  // namespace gleam::emu

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, const char* file = __builtin_FILE(),
              int line = __builtin_LINE()) {
    const unsigned lane = ::gleam::emu::lane_index(), group = lane / static_cast<unsigned>(width) * static_cast<unsigned>(width);
    return ::gleam::emu::shuffle(mask, value, group + static_cast<unsigned>(source) % static_cast<unsigned>(width), {file, line});
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
    const unsigned lane = ::gleam::emu::lane_index(), w = static_cast<unsigned>(width);
    return ::gleam::emu::shuffle(mask, value, lane % w + delta < w ? lane + delta : lane, {file, line});
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    const unsigned lane = ::gleam::emu::lane_index(), w = static_cast<unsigned>(width);
    const unsigned other = lane ^ static_cast<unsigned>(with);
    return ::gleam::emu::shuffle(mask, value, other / w > lane / w ? lane : other, {file, line});
}

namespace gleam::kernels::cu::simt {

template <class T>
T* dynamic_shared() {
    return static_cast<T*>(emu::dynamic_shared_memory());
}

template <class... P, class... A>
void launch(void (*kernel)(P...), const LaunchShape& shape, Stream stream, const A&... arguments) {
    static_assert(sizeof...(P) == sizeof...(A), "a kernel takes another number of arguments");
    struct Call {
        void (*kernel)(P...);
        std::tuple<P...> arguments;
    } const call{kernel, std::tuple<P...>(static_cast<P>(unwrap(arguments))...)};
    emu::StreamState& state = emu::state_of(stream, shape.kernel);
    state.put([shape, call, &state] {
        emu::run(shape, state, &call, [](const void* p) {
            const Call& c = *static_cast<const Call*>(p);
            std::apply(c.kernel, c.arguments);
        });
    });
}

}  // namespace gleam::kernels::cu::simt
