// Runs kernels on the CPU, thread by thread, and watches what they do: the SIMT emulator (docs/testing.md says what it proves).
//
// Blocks run one after the other. The threads of a block are fibers, but one fiber runs thread after thread until one of them has
// to wait, so that a kernel without barriers costs a plain loop. Shared memory is fresh for every block, filled with NaN, and
// lies between red zones under the address sanitizer. Under the thread sanitizer each emulated thread is a thread of its own, so
// that accesses which only luck has put in order are reported, between threads and between blocks.
//
// What is wrong with the use of barriers, shuffles or launches ends the launch with an InternalError that names the kernel, the
// threads and the lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/cu/device_ptr.hpp"

namespace gleam::emu {

using kernels::cu::Extent;
using kernels::cu::LaunchShape;
using kernels::cu::Stream;

// In which order threads (and blocks) get their turns. A kernel's results must be the same in all of them.
enum class ThreadOrder : std::uint8_t { forward, reverse, shuffled };

// What Stream::handle points to.
struct StreamState {
    ThreadOrder order = ThreadOrder::forward;
    std::uint64_t launches = 0;                               // so far; also the seed of the shuffle
    std::vector<std::function<void()>>* recording = nullptr;  // takes what is put into the stream, instead of it being done

    // Work in the stream's order.
    void put(std::function<void()> work) {
        if (recording)
            recording->push_back(std::move(work));
        else
            work();
    }
};

struct Site {
    const char* file;
    int line;
};

// What Stream::handle points to; an error without one, since nothing may go to a default stream.
StreamState& state_of(Stream stream, const char* what);

// Calls body(call) once for every thread of the grid.
void run(const LaunchShape& shape, StreamState& stream, const void* call, void (*body)(const void* call));

// For the emulated thread that is running; defined by CUDA's words in simt.hpp.
const Extent& thread_index();
const Extent& block_index();
const Extent& block_extent();
const Extent& grid_extent();
unsigned lane_index();
void* shared_memory(const void* key, std::size_t bytes);
void* dynamic_shared_memory();
void wait_for_block(const Site& site);
void wait_for_warp(unsigned mask, const Site& site);
std::uint64_t exchange(unsigned mask, std::uint64_t bits, unsigned source_lane, const Site& site);

}  // namespace gleam::emu
