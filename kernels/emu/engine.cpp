// Everything here runs under the host's identity and is compiled without the thread sanitizer, which otherwise would take the
// engine's own book-keeping for accesses of the emulated threads.
#include "kernels/emu/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/philox.hpp"
#include "kernels/emu/fiber.hpp"
#include "kernels/emu/memory.hpp"
#include "kernels/emu/races.hpp"

namespace gleam::emu {
namespace {

using kernels::cu::warp_lanes;

enum class State : std::uint8_t { fresh, ready, at_barrier, at_warp, done };

struct Thread {
    Extent index;
    State state = State::fresh;
    Fiber* fiber = nullptr;  // that holds its frames while it waits
    Site site{};
    unsigned mask = 0;
    std::uint64_t bits = 0;    // offered to a shuffle, then received from it
    unsigned source = 0;       // whose bits it wants
    bool exchanging = false;   // a shuffle rather than __syncwarp
    std::size_t identity = 0;  // for races.hpp
};

struct SharedBlock {
    const void* key;
    void* data;
    std::size_t bytes;
};

// A kernel that breaks the rules.
struct Fault {
    std::string text;
};

Extent unravel(std::uint64_t i, const Extent& e) {
    return {static_cast<unsigned>(i % e.x), static_cast<unsigned>(i / e.x % e.y), static_cast<unsigned>(i / e.x / e.y)};
}

std::string text(const Site& s) {
    const std::string path = s.file;
    return fmt::format("{}:{}", path.substr(path.find_last_of('/') + 1), s.line);
}

std::vector<std::uint64_t> turns(std::uint64_t n, ThreadOrder order, std::uint64_t seed) {
    std::vector<std::uint64_t> list(n);
    for (std::uint64_t i = 0; i < n; ++i) list[i] = order == ThreadOrder::reverse ? n - 1 - i : i;
    if (order == ThreadOrder::shuffled) {
        Philox random(seed, Purpose::test);
        for (std::uint64_t i = n; i > 1; --i) std::swap(list[i - 1], list[random.below(static_cast<std::uint32_t>(i))]);
    }
    return list;
}

class Launch {
public:
    Launch(const LaunchShape& shape, const StreamState& stream, const void* call, void (*body)(const void*))
        : shape_(shape), stream_(stream), call_(call), body_(body), threads_(shape.threads.count()) {}
    Launch(const Launch&) = delete;
    Launch& operator=(const Launch&) = delete;

    void run_grid();
    void run_fresh_threads();  // the loop of a fiber

    const LaunchShape& shape() const { return shape_; }
    Thread& current() { return threads_[current_]; }
    const Extent& block() const { return block_; }
    unsigned lane() const { return static_cast<unsigned>(current_ % warp_lanes); }
    void* shared(const void* key, std::size_t bytes);
    void wait(State state, const Site& site);
    void wait_for_warp(unsigned mask, const Site& site, bool exchanging);

private:
    void run_block();
    void resume(Fiber* fiber);
    template <class Text>
    [[noreturn]] void fail(Text&& text);
    void resume_ready_threads();
    void release_barrier();
    void complete_warp();
    void release_shared();
    [[noreturn]] void report_deadlock() const;
    void drop_fibers();
    std::string name(std::size_t thread) const;

    const LaunchShape& shape_;
    const StreamState& stream_;
    const void* call_;
    void (*body_)(const void*);
    std::vector<Thread> threads_;
    std::vector<std::uint64_t> order_;
    std::size_t next_ = 0, current_ = 0, barriers_ = 0;
    Extent block_;
    std::vector<SharedBlock> shared_, retired_;
    Fiber* fiber_ = nullptr;  // that is running
    std::string fault_;       // of the thread that just ran
    races::Grid grid_;
};

thread_local Launch* launch = nullptr;

// Fibers without a thread, kept from launch to launch.
thread_local std::vector<std::unique_ptr<Fiber>> all_fibers;
thread_local std::vector<Fiber*> idle_fibers;

void fiber_entry() {
    for (;;) launch->run_fresh_threads();
}

// A fiber for a new thread. Under the thread sanitizer every identity has one to itself: what others left on its stack would be
// taken for shared.
Fiber* idle_fiber(std::size_t identity) {
    if (races::watching) {
        while (all_fibers.size() <= identity) all_fibers.push_back(std::make_unique<Fiber>(fiber_entry));
        return all_fibers[identity].get();
    }
    if (idle_fibers.empty()) {
        all_fibers.push_back(std::make_unique<Fiber>(fiber_entry));
        idle_fibers.push_back(all_fibers.back().get());
    }
    Fiber* fiber = idle_fibers.back();
    idle_fibers.pop_back();
    return fiber;
}

void Launch::run_fresh_threads() {
    Fiber* const own = fiber_;
    do {
        current_ = order_[next_++];
        const std::size_t mine = current_;
        grid_.enter(threads_[mine].identity);
        body_(call_);
        grid_.leave();
        // Whoever waited in between did so on this fiber, and is done now.
        threads_[mine].state = State::done;
    } while (!races::watching && next_ < order_.size());
    if (!races::watching) idle_fibers.push_back(own);
    own->suspend();
}

void Launch::resume(Fiber* fiber) {
    fiber_ = fiber;
    fiber->resume();
    if (!fault_.empty()) throw Fault{fault_};
}

// Called by an emulated thread, whose stack an exception cannot leave: the host throws in its place.
template <class Text>
void Launch::fail(Text&& text) {
    grid_.leave();
    fault_ = text();
    fiber_->suspend();
    std::abort();  // not reached: who fails is not resumed
}

void Launch::run_block() {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        threads_[i] = Thread{};
        threads_[i].index = unravel(i, shape_.threads);
        threads_[i].identity = grid_.new_identity();
    }
    next_ = 0;
    while (next_ < order_.size()) {
        resume(idle_fiber(threads_[order_[next_]].identity));
    }
    for (;;) {
        resume_ready_threads();
        if (std::all_of(threads_.begin(), threads_.end(), [](const Thread& t) { return t.state == State::done; })) break;
        release_barrier();
    }
    release_shared();
}

void Launch::resume_ready_threads() {
    for (bool any = true; any;) {
        any = false;
        for (std::uint64_t i : order_) {
            if (threads_[i].state != State::ready) continue;
            any = true;
            current_ = i;
            resume(threads_[i].fiber);
        }
    }
}

// All threads that are left wait: lets them go on if it is for one another at one place.
void Launch::release_barrier() {
    const Site& site = threads_[0].site;
    for (const Thread& t : threads_)
        if (t.state != State::at_barrier || t.site.line != site.line || t.site.file != site.file) report_deadlock();
    ++barriers_;
    for (Thread& t : threads_) t.state = State::ready;
}

std::string Launch::name(std::size_t i) const {
    const Extent &t = threads_[i].index, &b = block_;
    return fmt::format("thread ({}, {}, {}) of block ({}, {}, {})", t.x, t.y, t.z, b.x, b.y, b.z);
}

void Launch::report_deadlock() const {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        const Thread& t = threads_[i];
        if (t.state != State::at_warp) continue;
        const std::size_t first = i / warp_lanes * warp_lanes;
        for (std::size_t lane = 0; lane < warp_lanes; ++lane) {
            if (!(t.mask >> lane & 1U)) continue;
            const bool there = first + lane < threads_.size();
            const Thread* other = there ? &threads_[first + lane] : nullptr;
            if (other && other->state == State::at_warp && other->mask == t.mask && text(other->site) == text(t.site)) continue;
            throw Fault{fmt::format("{} waits at {} for lane {}, which its mask {:#010x} names and which never comes there",
                                    name(i), text(t.site), lane, t.mask)};
        }
    }
    std::size_t waiting = 0;
    while (threads_[waiting].state != State::at_barrier) ++waiting;
    const Thread& w = threads_[waiting];
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        const Thread& t = threads_[i];
        if (t.state == State::done)
            throw Fault{fmt::format("divergent __syncthreads: {} waits at {}, {} has left the kernel", name(waiting),
                                    text(w.site), name(i))};
        if (text(t.site) != text(w.site))
            throw Fault{fmt::format("divergent __syncthreads: {} waits at {}, {} at {}", name(waiting), text(w.site), name(i),
                                    text(t.site))};
    }
    throw Fault{"all threads wait"};
}

// Called by an emulated thread: gives the processor to others until its state is ready again.
void Launch::wait(State state, const Site& site) {
    const std::size_t mine = current_;
    Thread& t = threads_[mine];
    t.state = state;
    t.site = site;
    t.fiber = fiber_;
    const std::size_t barrier = barriers_;
    if (state == State::at_barrier) grid_.release(barrier);
    grid_.leave();
    t.fiber->suspend();
    current_ = mine;
    grid_.enter(t.identity);
    if (state == State::at_barrier) grid_.acquire(barrier);
}

void Launch::wait_for_warp(unsigned mask, const Site& site, bool exchanging) {
    Thread& t = current();
    t.mask = mask;
    t.site = site;
    t.exchanging = exchanging;
    if (!(mask >> lane() & 1U))
        fail([&] {
            return fmt::format("{} is lane {}, which the mask {:#010x} at {} does not name", name(current_), lane(), mask,
                               text(site));
        });
    const std::size_t warp = current_ / warp_lanes;
    if (!exchanging) grid_.release_warp(warp);
    t.state = State::at_warp;
    complete_warp();
    if (t.state == State::at_warp) wait(State::at_warp, site);
    t.state = State::ready;  // running
    if (!exchanging) grid_.acquire_warp(warp);
}

// If all lanes that the current thread's mask names have come to its place, hands out what they offered and lets them go on.
void Launch::complete_warp() {
    const Thread& t = current();
    const std::size_t first = current_ / warp_lanes * warp_lanes;
    std::uint64_t offered[warp_lanes] = {};
    for (std::size_t lane = 0; lane < warp_lanes; ++lane) {
        if (!(t.mask >> lane & 1U)) continue;
        if (first + lane >= threads_.size()) return;
        const Thread& other = threads_[first + lane];
        if (other.state != State::at_warp || other.mask != t.mask || other.site.line != t.site.line ||
            other.site.file != t.site.file)
            return;
        offered[lane] = other.bits;
    }
    for (std::size_t lane = 0; lane < warp_lanes; ++lane) {
        if (!(t.mask >> lane & 1U)) continue;
        Thread& other = threads_[first + lane];
        if (other.exchanging) {
            if (!(t.mask >> other.source & 1U))
                fail([&] {
                    return fmt::format("{} reads lane {} at {}, which the mask {:#010x} does not name", name(first + lane),
                                       other.source, text(other.site), t.mask);
                });
            other.bits = offered[other.source];
        }
        other.state = State::ready;
    }
}

void* Launch::shared(const void* key, std::size_t bytes) {
    std::size_t total = bytes;
    for (const SharedBlock& s : shared_) {
        if (s.key == key) {
            grid_.acquire_address(s.data);
            return s.data;
        }
        if (s.key != &shape_) total += s.bytes;
    }
    if (key != &shape_ && total > kernels::cu::static_shared_limit)
        fail([&] {
            return fmt::format("{} bytes of shared memory are more than the {} that may be declared", total,
                               kernels::cu::static_shared_limit);
        });
    grid_.leave();  // the host's memory, not this thread's
    void* data = fresh_shared_memory(bytes);
    shared_.push_back({key, data, bytes});
    grid_.publish_address(data);
    grid_.enter(current().identity);
    grid_.acquire_address(data);
    return data;
}

void Launch::release_shared() {
    // A block that is given back at once would be one that others have to be in order with.
    if (races::watching)
        retired_.insert(retired_.end(), shared_.begin(), shared_.end());
    else
        for (const SharedBlock& s : shared_) std::free(s.data);
    shared_.clear();
}

// Stacks with frames of threads that will never go on.
void Launch::drop_fibers() {
    idle_fibers.clear();
    for (const auto& fiber : all_fibers) {
        fiber->restart();
        if (!races::watching) idle_fibers.push_back(fiber.get());
    }
}

void Launch::run_grid() {
    const std::uint64_t seed = stream_.launches;
    order_ = turns(threads_.size(), stream_.order, seed);
    try {
        for (std::uint64_t b : turns(shape_.blocks.count(), stream_.order, seed + 1)) {
            block_ = unravel(b, shape_.blocks);
            run_block();
        }
    } catch (...) {
        drop_fibers();
        release_shared();
        grid_.finish();
        for (const SharedBlock& s : retired_) std::free(s.data);
        throw;
    }
    grid_.finish();
    for (const SharedBlock& s : retired_) std::free(s.data);
}

void check_limits(const LaunchShape& s) {
    const auto refuse = [&](const std::string& what) { throw InternalError(fmt::format("launch of {}", s.kernel), what); };
    const auto within = [](const Extent& e, const Extent& most) {
        return e.x >= 1 && e.y >= 1 && e.z >= 1 && e.x <= most.x && e.y <= most.y && e.z <= most.z;
    };
    if (s.threads.count() > kernels::cu::threads_limit || !within(s.threads, kernels::cu::block_limit))
        refuse(fmt::format("{} x {} x {} threads are not a block", s.threads.x, s.threads.y, s.threads.z));
    if (!within(s.blocks, kernels::cu::grid_limit))
        refuse(fmt::format("{} x {} x {} blocks are not a grid", s.blocks.x, s.blocks.y, s.blocks.z));
    if (s.dynamic_shared > kernels::cu::shared_limit)
        refuse(fmt::format("{} bytes of shared memory are more than the {} of a block", s.dynamic_shared,
                           kernels::cu::shared_limit));
}

}  // namespace

StreamState& state_of(Stream stream, const char* what) {
    if (!stream.handle) throw InternalError(fmt::format("launch of {}", what), "there is no stream");
    return *static_cast<StreamState*>(stream.handle);
}

void run(const LaunchShape& shape, StreamState& state, const void* call, void (*body)(const void*)) {
    check_limits(shape);
    ++state.launches;
    const DeviceAccess access;
    Launch own(shape, state, call, body);
    Launch* const before = std::exchange(launch, &own);
    try {
        own.run_grid();
    } catch (const Fault& fault) {
        launch = before;
        throw InternalError(fmt::format("emulated kernel {}", shape.kernel), fault.text);
    }
    launch = before;
}

const Extent& thread_index() { return launch->current().index; }
const Extent& block_index() { return launch->block(); }
const Extent& block_extent() { return launch->shape().threads; }
const Extent& grid_extent() { return launch->shape().blocks; }
unsigned lane_index() { return launch->lane(); }
void* shared_memory(const void* key, std::size_t bytes) { return launch->shared(key, bytes); }
void* dynamic_shared_memory() { return launch->shared(&launch->shape(), launch->shape().dynamic_shared); }
void wait_for_block(const Site& site) { launch->wait(State::at_barrier, site); }
void wait_for_warp(unsigned mask, const Site& site) { launch->wait_for_warp(mask, site, false); }
std::uint64_t exchange(unsigned mask, std::uint64_t bits, unsigned source, const Site& site) {
    launch->current().bits = bits;
    launch->current().source = source;
    launch->wait_for_warp(mask, site, true);
    return launch->current().bits;
}

}  // namespace gleam::emu
