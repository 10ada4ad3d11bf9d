// How the thread sanitizer is told of emulated threads: as threads of their own, ordered by what a GPU would order them by and by
// nothing else. Without that sanitizer all of it is empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef GLEAM_EMU_RACES
#include <sanitizer/tsan_interface.h>
#endif

namespace gleam::emu::races {

using Identity = void*;

#ifdef GLEAM_EMU_RACES

inline constexpr bool watching = true;

// The identities of one launch. They begin after what the host did before it; the host goes on after all they did.
class Grid {
public:
    Identity new_identity() {
        // The sanitizer knows some 8000 threads at a time; later blocks of a larger grid share the identities of earlier ones.
        if (identities_.size() < 4096) {
            identities_.push_back(__tsan_create_fiber(0));
            return identities_.back();
        }
        return identities_[reused_++ % identities_.size()];
    }
    void enter(Identity identity) { __tsan_switch_to_fiber(identity, 1); }
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
        for (Identity identity : identities_) {
            enter(identity);
            __tsan_release(&end_);
            leave();
        }
        __tsan_acquire(&end_);
        for (Identity identity : identities_) __tsan_destroy_fiber(identity);
        identities_.clear();
    }

private:
    Identity host_ = __tsan_get_current_fiber();
    std::vector<Identity> identities_;
    std::size_t reused_ = 0;
    char barriers_[2] = {}, warps_[32] = {}, end_ = 0;
};

#else

inline constexpr bool watching = false;

class Grid {
public:
    Identity new_identity() { return nullptr; }
    void enter(Identity) {}
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
