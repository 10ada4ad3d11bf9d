// Device memory of the emulator: bytes of the host that the host may touch only while a launch or a copy is under way.
#pragma once

#include <cstddef>

#include "core/memory.hpp"
#include "kernels/emu/engine.hpp"

namespace gleam::emu {

// Under the address sanitizer, what it gives is poisoned while no DeviceAccess exists: a host that follows a device pointer is
// reported where it does so, and so is a kernel that leaves its tensor.
class EmuAllocator final : public Allocator {
public:
    // Lends and withholds in the order of the stream, which may be recorded.
    explicit EmuAllocator(StreamState& stream) : stream_(stream) {}

private:
    void* do_allocate(std::size_t bytes) override;
    void do_release(void* p) noexcept override;
    void do_lend(void* p, std::size_t bytes) noexcept override;
    void do_withhold(void* p, std::size_t bytes) noexcept override;

    StreamState& stream_;
};

// While one exists, this thread may touch device memory.
class DeviceAccess {
public:
    DeviceAccess();
    DeviceAccess(const DeviceAccess&) = delete;
    DeviceAccess& operator=(const DeviceAccess&) = delete;
    ~DeviceAccess();
};

// Bytes of 0xff: NaN in every floating-point format. Given back with std::free.
void* fresh_shared_memory(std::size_t bytes);

}  // namespace gleam::emu
