#include "kernels/emu/memory.hpp"

#include <cstdlib>
#include <iterator>
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
struct Allocation {
    std::size_t bytes;
    std::map<char*, char*> withheld;  // parts that stay poisoned, from first to second
};
std::mutex guard;
std::map<char*, Allocation> allocations;
int accesses = 0;  // of all threads: poison is the process's

void poison(char* p, const Allocation& a) { __asan_poison_memory_region(p, a.bytes); }
void open(char* p, const Allocation& a) {
    __asan_unpoison_memory_region(p, a.bytes);
    for (const auto& [first, last] : a.withheld) __asan_poison_memory_region(first, static_cast<std::size_t>(last - first));
}

void note(void* p, std::size_t bytes) {
    const std::lock_guard lock(guard);
    const auto it = allocations.emplace(static_cast<char*>(p), Allocation{bytes, {}}).first;
    if (accesses == 0) poison(it->first, it->second);
}

void forget(void* p) {
    const std::lock_guard lock(guard);
    const auto it = allocations.find(static_cast<char*>(p));
    if (it == allocations.end()) return;
    __asan_unpoison_memory_region(p, it->second.bytes);
    allocations.erase(it);
}

// Takes [p, p + bytes) out of what is withheld or, with `withhold`, adds it.
void mark(void* at, std::size_t bytes, bool withhold) {
    const std::lock_guard lock(guard);
    char *const p = static_cast<char*>(at), *const end = p + bytes;
    auto owner = allocations.upper_bound(p);
    if (owner == allocations.begin()) return;
    auto& parts = (--owner)->second.withheld;
    auto it = parts.lower_bound(p);
    if (it != parts.begin() && std::prev(it)->second > p) --it;
    while (it != parts.end() && it->first < end) {
        const auto [first, last] = *it;
        it = parts.erase(it);
        if (first < p) parts[first] = p;
        if (last > end) parts[end] = last;
    }
    if (withhold && bytes > 0) parts[p] = end;
    if (accesses == 0) return;
    if (withhold)  // another thread's kernel is running: what it may touch changes at once
        __asan_poison_memory_region(p, bytes);
    else
        __asan_unpoison_memory_region(p, bytes);
}
#else
void note(void*, std::size_t) {}
void forget(void*) {}
void mark(void*, std::size_t, bool) {}
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

void EmuAllocator::do_lend(void* p, std::size_t bytes) noexcept {
    stream_.put([p, bytes] {
        mark(p, bytes, false);
        const DeviceAccess access;
        fill_with_nan(p, bytes);
    });
}

void EmuAllocator::do_withhold(void* p, std::size_t bytes) noexcept {
    stream_.put([p, bytes] { mark(p, bytes, true); });
}

#ifdef GLEAM_ADDRESS_SANITIZER
DeviceAccess::DeviceAccess() {
    const std::lock_guard lock(guard);
    if (accesses++ == 0)
        for (const auto& [p, allocation] : allocations) open(p, allocation);
}

DeviceAccess::~DeviceAccess() {
    const std::lock_guard lock(guard);
    if (--accesses == 0)
        for (const auto& [p, allocation] : allocations) poison(p, allocation);
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
