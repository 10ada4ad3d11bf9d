// Kernels with one fault each, and one without: what the emulator and the sanitizers must catch. Written as a .cu file is.
#pragma once

#include <string>
#include <vector>

#include "kernels/emu/engine.hpp"

namespace gleam::test {

// Runs the kernel of this name on fresh device memory and returns what it wrote; what the emulator itself catches is thrown.
std::vector<float> run_planted(const std::string& name, emu::ThreadOrder order = emu::ThreadOrder::forward);

}  // namespace gleam::test
