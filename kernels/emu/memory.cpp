#include "kernels/emu/memory.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#include "core/sanitizers.hpp"

#ifdef GLEAM_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace gleam::emu {
namespace {

#ifdef GLEAM_ADDRESS_SANITIZER
std::mutex guard;
std::map<void*, std::size_t> allocations;
int accesses = 0;  // of all threads: poison is the process's

void note(void* p, std::size_t bytes) {
    const std::lock_guard lock(guard);
    allocations.emplace(p, bytes);
    if (accesses == 0) __asan_poison_memory_region(p, bytes);
}

void forget(void* p) {
    const std::lock_guard lock(guard);
    const auto it = allocations.find(p);
    if (it == allocations.end()) return;
    __asan_unpoison_memory_region(p, it->second);
    allocations.erase(it);
}
#else
void note(void*, std::size_t) {}
void forget(void*) {}
#endif

// Not memset: where the thread sanitizer replaces that, it would take the filling for an access of the running thread.
void fill_with_nan(void* p, std::size_t bytes) {
    auto* out = static_cast<volatile unsigned char*>(p);
    for (std::size_t i = 0; i < bytes; ++i) out[i] = 0xff;
}

}  // namespace

void* EmuAllocator::do_allocate(std::size_t bytes) {
    void* p = nullptr;
    // Not rounded up, so that the red zone begins right behind the last byte.
    if (::posix_memalign(&p, memory_alignment, bytes) != 0) return nullptr;
    fill_with_nan(p, bytes);
    note(p, bytes);
    return p;
}

void EmuAllocator::do_release(void* p) noexcept {
    forget(p);
    std::free(p);
}

#ifdef GLEAM_ADDRESS_SANITIZER
DeviceAccess::DeviceAccess() {
    const std::lock_guard lock(guard);
    if (accesses++ == 0)
        for (const auto& [p, bytes] : allocations) __asan_unpoison_memory_region(p, bytes);
}

DeviceAccess::~DeviceAccess() {
    const std::lock_guard lock(guard);
    if (--accesses == 0)
        for (const auto& [p, bytes] : allocations) __asan_poison_memory_region(p, bytes);
}
#else
DeviceAccess::DeviceAccess() = default;
DeviceAccess::~DeviceAccess() = default;
#endif

void* fresh_shared_memory(std::size_t bytes) {
    void* p = nullptr;
    if (::posix_memalign(&p, 128, bytes == 0 ? 1 : bytes) != 0) throw std::bad_alloc();
    fill_with_nan(p, bytes);
    return p;
}

}  // namespace gleam::emu
