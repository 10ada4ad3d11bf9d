// What host code holds of a device: addresses it cannot follow, a stream, the shape of a launch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/tensor.hpp"

namespace gleam::kernels::cu {

// An address on the device. It can be moved along and handed to launch(), but not dereferenced.
template <class T>
class DevicePtr {
public:
    DevicePtr() = default;
    explicit DevicePtr(T* address) : address_(address) {}
    template <class U>
    requires(std::is_convertible_v<U*, T*>) DevicePtr(const DevicePtr<U>& o) : address_(unwrap(o)) {}

    explicit operator bool() const { return address_ != nullptr; }
    friend DevicePtr operator+(DevicePtr p, std::int64_t elements) { return DevicePtr(p.address_ + elements); }
    // For launch() and copies alone: what kernels receive.
    friend T* unwrap(const DevicePtr& p) { return p.address_; }

private:
    T* address_ = nullptr;
};

// What is no device pointer reaches a kernel as it is.
template <class T>
const T& unwrap(const T& value) {
    return value;
}

// Work is done in the order in which it was put into a stream. The handle is the backend's own.
struct Stream {
    void* handle = nullptr;
};

struct Extent {
    unsigned x = 1, y = 1, z = 1;
    std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

struct LaunchShape {
    const char* kernel;  // its name, for error messages
    Extent blocks, threads;
    std::size_t dynamic_shared = 0;  // bytes of simt::dynamic_shared()
};

// Limits of a launch that hold for every device since compute capability 8.0 (CUDA C++ Programming Guide, table of technical
// specifications). Shared memory is that of 9.0; 8.0 has 163 KiB.
inline constexpr unsigned warp_lanes = 32;
inline constexpr unsigned threads_limit = 1024;
inline constexpr Extent block_limit{1024, 1024, 64}, grid_limit{2147483647, 65535, 65535};
inline constexpr std::size_t static_shared_limit = 48 * 1024, shared_limit = 227 * 1024;

// Blocks of `threads` that cover n elements; beyond `most` of them, blocks take several turns (simt::Range).
inline unsigned blocks_for(std::int64_t n, unsigned threads, std::int64_t most = 132 * 16) {
    const std::int64_t blocks = n / threads + (n % threads != 0);
    return static_cast<unsigned>(blocks < 1 ? 1 : blocks > most ? most : blocks);
}

// The elements of a tensor that lives on a device. T: float, double, Bf16, or what has the bytes of the stored type
// (device::Complex). ShapeError where the stored numbers have another size, or are the host's.
template <class T>
DevicePtr<T> device_data(const Tensor& t) {
    if (size_of(t.dtype) % sizeof(T) != 0 || t.device.kind == DeviceKind::cpu)
        throw ShapeError("device_data", std::string(name_of(t.dtype)) + t.shape.str() + " is not such numbers on a device");
    return DevicePtr<T>(static_cast<T*>(t.data));
}

}  // namespace gleam::kernels::cu
