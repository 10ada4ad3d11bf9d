// How the thread sanitizer is told of emulated threads: as threads of their own, ordered by what a GPU would order them by and by
// nothing else. Without that sanitizer all of it is empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#ifdef GLEAM_EMU_RACES
#include <sanitizer/tsan_interface.h>
#endif

namespace gleam::emu::races {

#ifdef GLEAM_EMU_RACES

inline constexpr bool watching = true;

// Identities are kept from launch to launch: to make one takes as long as thousands of accesses.
inline thread_local std::vector<void*> identities;

// The threads of one launch. They begin after what the host did before it; the host goes on after all they did.
class Grid {
public:
    Grid() { __tsan_release(&begin_); }

    // Whom the next thread is. The sanitizer knows some 8000 threads at a time: later blocks of a larger grid share the
    // identities of earlier ones.
    std::size_t new_identity() {
        const std::size_t mine = used_++ % limit;
        if (mine == identities.size()) identities.push_back(__tsan_create_fiber(0));
        if (used_ <= limit) {
            enter(mine);
            __tsan_acquire(&begin_);
            leave();
        }
        return mine;
    }
    void enter(std::size_t identity) { __tsan_switch_to_fiber(identities[identity], 1); }
    void leave() { __tsan_switch_to_fiber(host_, 1); }

    // By the running thread: what it did before release() comes before what others do after acquire(). Barriers take turns with
    // two addresses, so that a thread that is already at the next one hands nothing to one that is still leaving this one.
    void release(std::size_t barrier) { __tsan_release(&barriers_[barrier % 2]); }
    void acquire(std::size_t barrier) { __tsan_acquire(&barriers_[barrier % 2]); }
    void release_warp(std::size_t warp) { __tsan_release(&warps_[warp]); }
    void acquire_warp(std::size_t warp) { __tsan_acquire(&warps_[warp]); }

    // The host's filling of shared memory comes before every use of it.
    void publish_address(void* p) { __tsan_release(p); }
    void acquire_address(void* p) { __tsan_acquire(p); }

    void finish() {
        for (std::size_t i = 0; i < std::min(used_, limit); ++i) {
            enter(i);
            __tsan_release(&end_);
            leave();
        }
        __tsan_acquire(&end_);
    }

private:
    static constexpr std::size_t limit = 4096;
    void* host_ = __tsan_get_current_fiber();
    std::size_t used_ = 0;
    char begin_ = 0, barriers_[2] = {}, warps_[32] = {}, end_ = 0;
};

#else

inline constexpr bool watching = false;

class Grid {
public:
    std::size_t new_identity() { return 0; }
    void enter(std::size_t) {}
    void leave() {}
    void release(std::size_t) {}
    void acquire(std::size_t) {}
    void release_warp(std::size_t) {}
    void acquire_warp(std::size_t) {}
    void publish_address(void*) {}
    void acquire_address(void*) {}
    void finish() {}
};

#endif

}  // namespace gleam::emu::races
