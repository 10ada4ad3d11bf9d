// Memory that is booked, then granted: a step's needs are recorded in a dry run, packed, and served from one allocation ever
// after.
//
// 1. book():   the step runs with no numbers behind its tensors; the arena notes each block (name, bytes, from when to when).
// 2. pack():   blocks whose lifetimes do not meet share bytes. The size is now known, to the byte, without touching the device.
// 3. grant():  one allocation as large as the largest program played on this arena. The arena is then sealed.
// 4. replay(): the step runs for real; the i-th acquire() receives the i-th booked block. A request that was not booked is an
// error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/memory.hpp"

namespace gleam {

// What one kind of step asks of one arena, in the order in which it asks.
class ArenaProgram {
public:
    struct Block {
        std::string name;
        std::size_t bytes = 0;   // as asked for
        std::int64_t begin = 0;  // logical clock at acquire
        std::int64_t end = 0;    // logical clock at release
        std::size_t offset = 0;  // set by pack()
    };

    const std::vector<Block>& blocks() const { return blocks_; }

    // Bytes this program needs; valid after pack().
    std::size_t bytes() const { return bytes_; }

    // Gives every block its place: largest first, at the lowest offset free during its whole life.
    void pack();

private:
    friend class Arena;
    std::vector<Block> blocks_;
    std::int64_t clock_ = 0;
    std::size_t bytes_ = 0;
};

class Arena;

// The right to use one block until it is released; move-only.
class Lease {
public:
    Lease() = default;
    Lease(Lease&& o) noexcept;
    Lease& operator=(Lease&& o) noexcept;
    ~Lease() { release(); }
    void release() noexcept;
    void* data() const { return data_; }  // null while booking
    explicit operator bool() const { return arena_ != nullptr; }

private:
    friend class Arena;
    Lease(Arena* arena, std::size_t index, void* data) : arena_(arena), index_(index), data_(data) {}
    Arena* arena_ = nullptr;
    std::size_t index_ = 0;
    void* data_ = nullptr;
    Memory own_;  // only when served on demand
};

class Arena {
public:
    explicit Arena(std::string name) : name_(std::move(name)) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    const std::string& name() const { return name_; }

    // Starts a dry run: acquire() returns blocks without memory and notes them in `program`.
    void book(ArenaProgram& program);
    // Ends the dry run; packs the program and makes this arena at least as large.
    void finish_booking();
    bool booking() const { return mode_ == Mode::booking; }

    // Makes room for `bytes` beyond what programs say (fixed-size arenas such as parameters). Before grant() only.
    void reserve(std::size_t bytes);

    // Allocates once. `remedy` completes the error when there is not enough memory (OutOfMemoryError).
    void grant(Allocator& allocator, const std::string& remedy);

    // For work outside training steps (preparing data, one reconstruction): every acquire() allocates, every release() frees.
    void serve_on_demand(Allocator& allocator);

    // Serves `program` from its start. All leases of the previous program must be back.
    void replay(const ArenaProgram& program);

    // The next block. While replaying, `bytes` may not exceed what was booked (a smaller last batch may ask for less).
    Lease acquire(const char* name, std::size_t bytes);

    std::size_t bytes() const { return required_; }   // planned = granted
    std::size_t peak_bytes() const { return peak_; }  // highest byte ever lent out, measured
    void* data() const { return memory_.data(); }
    bool sealed() const { return mode_ == Mode::granted || mode_ == Mode::replaying; }

private:
    friend class Lease;
    enum class Mode : std::uint8_t { open, booking, granted, replaying, on_demand };
    void release(std::size_t index) noexcept;

    std::string name_;
    Mode mode_ = Mode::open;
    ArenaProgram* recording_ = nullptr;
    const ArenaProgram* playing_ = nullptr;
    std::size_t cursor_ = 0;
    std::int64_t lent_ = 0;
    std::size_t required_ = 0;
    std::size_t peak_ = 0;
    Memory memory_;
    Allocator* allocator_ = nullptr;  // of memory_, or of what is served on demand
};

// "24.3 MiB": how sizes are printed everywhere.
std::string format_bytes(std::size_t bytes);

}  // namespace gleam
