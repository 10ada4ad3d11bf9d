// The device "emu": everything the GPU does, on the CPU.
#pragma once

#include <memory>

#include "kernels/emu/engine.hpp"
#include "kernels/operations.hpp"

namespace gleam::emu {

// The operations of kernels/cu, their kernels run by the emulator in this order of threads, FFTW and oneDNN in the place of the
// GPU's libraries. One instance serves one thread at a time.
std::unique_ptr<kernels::Operations> make_emu_operations(ThreadOrder order = ThreadOrder::forward);

}  // namespace gleam::emu
