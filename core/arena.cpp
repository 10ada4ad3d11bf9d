#include "core/arena.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "core/sanitizers.hpp"

namespace gleam {
namespace {

// Bytes behind every block that are never lent: an overrun is reported where it happens.
#ifdef GLEAM_ADDRESS_SANITIZER
constexpr std::size_t guard = memory_alignment;
#else
constexpr std::size_t guard = 0;
#endif

}  // namespace

void ArenaProgram::pack() {
    std::vector<std::size_t> order(blocks_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return blocks_[a].bytes > blocks_[b].bytes; });
    std::vector<std::size_t> placed;  // by offset
    bytes_ = 0;
    for (std::size_t i : order) {
        Block& block = blocks_[i];
        const std::size_t need = aligned(block.bytes) + guard;
        std::size_t offset = 0;
        for (std::size_t j : placed) {
            const Block& other = blocks_[j];
            if (other.end <= block.begin || block.end <= other.begin) continue;  // lives do not meet
            if (offset + need <= other.offset) break;
            offset = std::max(offset, other.offset + aligned(other.bytes) + guard);
        }
        block.offset = offset;
        placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                       [&](auto a, auto b) { return blocks_[a].offset < blocks_[b].offset; }),
                      i);
        bytes_ = std::max(bytes_, offset + need);
    }
}

Lease::Lease(Lease&& o) noexcept : arena_(o.arena_), index_(o.index_), data_(o.data_), own_(std::move(o.own_)) {
    o.arena_ = nullptr;
    o.data_ = nullptr;
}

Lease& Lease::operator=(Lease&& o) noexcept {
    std::swap(arena_, o.arena_);
    std::swap(index_, o.index_);
    std::swap(data_, o.data_);
    own_ = std::move(o.own_);
    return *this;
}

void Lease::release() noexcept {
    if (arena_) arena_->release(index_);
    arena_ = nullptr;
    own_ = Memory();
}

void Arena::book(ArenaProgram& program) {
    if (lent_) throw InternalError("arena " + name_, "booking starts while blocks are lent");
    program = ArenaProgram{};
    recording_ = &program;
    mode_ = Mode::booking;
}

void Arena::finish_booking() {
    if (mode_ != Mode::booking) throw InternalError("arena " + name_, "finish_booking without book");
    if (lent_) throw InternalError("arena " + name_, std::to_string(lent_) + " blocks were not given back by the dry run");
    recording_->pack();
    mode_ = memory_.data() ? Mode::granted : Mode::open;
    if (memory_.data() && recording_->bytes() > required_)
        throw InternalError("arena " + name_, "sealed at " + format_bytes(required_) + ", a program of " +
                                                  format_bytes(recording_->bytes()) + " came later");
    required_ = std::max(required_, recording_->bytes());
}

void Arena::reserve(std::size_t bytes) {
    if (sealed()) throw InternalError("arena " + name_, "reserve after grant");
    required_ = std::max(required_, aligned(bytes));
}

void Arena::grant(Allocator& allocator, const std::string& remedy) {
    if (sealed()) throw InternalError("arena " + name_, "granted twice");
    const std::size_t bytes = std::max(required_, memory_alignment);
    void* data = allocator.allocate(bytes);
    if (!data) throw OutOfMemoryError("arena " + name_, "the device could not give " + format_bytes(bytes), remedy);
    memory_ = Memory(allocator, data, bytes);
    allocator_ = &allocator;
    mode_ = Mode::granted;
}

void Arena::serve_on_demand(Allocator& allocator) {
    if (mode_ != Mode::open) throw InternalError("arena " + name_, "cannot change to serving on demand");
    allocator_ = &allocator;
    mode_ = Mode::on_demand;
}

void Arena::replay(const ArenaProgram& program) {
    if (!sealed()) throw InternalError("arena " + name_, "replay before grant");
    if (lent_) throw InternalError("arena " + name_, "replay while blocks are lent");
    if (program.bytes() > memory_.bytes()) throw InternalError("arena " + name_, "program larger than the grant");
    playing_ = &program;
    cursor_ = 0;
    mode_ = Mode::replaying;
    allocator_->withhold(memory_.data(), memory_.bytes());
}

Lease Arena::acquire(const char* name, std::size_t bytes) {
    if (mode_ == Mode::booking) {
        recording_->blocks_.push_back({name, bytes, recording_->clock_++, 0, 0});
        ++lent_;
        return Lease(this, recording_->blocks_.size() - 1, nullptr);
    }
    if (mode_ == Mode::on_demand) {
        Lease lease(this, 0, allocator_->allocate(std::max<std::size_t>(bytes, 1)));
        if (!lease.data_) throw OutOfMemoryError("arena " + name_, "the device could not give " + format_bytes(bytes));
        lease.own_ = Memory(*allocator_, lease.data_, bytes);
        ++lent_;
        return lease;
    }
    if (mode_ != Mode::replaying)
        throw InternalError("arena " + name_, std::string("block '") + name + "' asked for outside a step");
    const auto& blocks = playing_->blocks();
    if (cursor_ >= blocks.size() || blocks[cursor_].name != name || blocks[cursor_].bytes < bytes)
        throw InternalError("arena " + name_,
                            fmt::format("block '{}' of {} was not booked at place {} (booked: {})", name, format_bytes(bytes),
                                        cursor_, cursor_ < blocks.size() ? blocks[cursor_].name : "nothing more"));
    const auto& block = blocks[cursor_];
    void* data = static_cast<char*>(memory_.data()) + block.offset;
    allocator_->lend(data, bytes);
    peak_ = std::max(peak_, block.offset + aligned(block.bytes) + guard);
    ++lent_;
    return Lease(this, cursor_++, data);
}

void Arena::release(std::size_t index) noexcept {
    --lent_;
    if (mode_ == Mode::booking) {
        recording_->blocks_[index].end = recording_->clock_++;
    } else if (mode_ == Mode::replaying) {
        const auto& block = playing_->blocks()[index];
        allocator_->withhold(static_cast<char*>(memory_.data()) + block.offset, aligned(block.bytes));
    }
}

std::string format_bytes(std::size_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    int unit = 0;
    while (value >= 1024 && unit < 3) value /= 1024, ++unit;
    return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace gleam
