// Device memory as one owner sees it: allocation through an interface each backend implements, counted so that tests can prove
// that nothing is allocated after the first training step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace gleam {

inline constexpr std::size_t memory_alignment = 256;  // of every allocation and every arena block

// Rounded up to a multiple of memory_alignment.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + memory_alignment - 1) / memory_alignment * memory_alignment; }

class Allocator {
public:
    virtual ~Allocator() = default;

    // At least `bytes` bytes aligned to memory_alignment, or null.
    void* allocate(std::size_t bytes) {
        ++allocations_;
        return do_allocate(bytes);
    }
    void release(void* p) noexcept { do_release(p); }

    // For what finds misuse. A part of an allocation is lent: it may be used, and nothing in it counts before it is written. A
    // part is withheld: nobody may touch it. A fresh allocation is lent.
    void lend(void* p, std::size_t bytes) noexcept { do_lend(p, bytes); }
    void withhold(void* p, std::size_t bytes) noexcept { do_withhold(p, bytes); }

    // How often allocate() was called since the program started.
    std::int64_t allocations() const { return allocations_; }

private:
    virtual void* do_allocate(std::size_t bytes) = 0;
    virtual void do_release(void* p) noexcept = 0;
    // Of the host's memory: the address sanitizer guards what is withheld, and debug builds fill what is lent with NaN.
    virtual void do_lend(void* p, std::size_t bytes) noexcept;
    virtual void do_withhold(void* p, std::size_t bytes) noexcept;
    std::int64_t allocations_ = 0;
};

// One allocation, released by its owner's end.
class Memory {
public:
    Memory() = default;
    Memory(Allocator& allocator, void* data, std::size_t bytes) : allocator_(&allocator), data_(data), bytes_(bytes) {}
    Memory(Memory&& o) noexcept { swap(o); }
    Memory& operator=(Memory&& o) noexcept {
        swap(o);
        return *this;
    }
    ~Memory() {
        if (data_) allocator_->release(data_);
    }

    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

private:
    void swap(Memory& o) noexcept {
        std::swap(allocator_, o.allocator_);
        std::swap(data_, o.data_);
        std::swap(bytes_, o.bytes_);
    }

    Allocator* allocator_ = nullptr;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace gleam
