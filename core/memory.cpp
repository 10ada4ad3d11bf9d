#include "core/memory.hpp"

#include <cstring>

#include "core/sanitizers.hpp"

#ifdef GLEAM_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace gleam {

#ifdef GLEAM_ADDRESS_SANITIZER
void Allocator::do_lend(void* p, std::size_t bytes) noexcept {
    __asan_unpoison_memory_region(p, bytes);
    std::memset(p, 0xff, bytes);  // NaN in every float format: reading what was never written shows
}
void Allocator::do_withhold(void* p, std::size_t bytes) noexcept { __asan_poison_memory_region(p, bytes); }
#else
#ifdef NDEBUG
void Allocator::do_lend(void*, std::size_t) noexcept {}
#else
void Allocator::do_lend(void* p, std::size_t bytes) noexcept { std::memset(p, 0xff, bytes); }
#endif
void Allocator::do_withhold(void*, std::size_t) noexcept {}
#endif

}  // namespace gleam
