// The GPU of tests that need one.
//   GLEAM_REQUIRE_GPU=1      a GPU that is not there is a failure: tools/gpu_check.sh asks for it where it has seen one
//   GLEAM_CHECK_DEVICE=emu   another device in its place, to try such tests where there is no GPU
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "core/error.hpp"
#include "kernels/devices.hpp"
#include "test/support/catch.hpp"

namespace gleam::test {

inline std::string gpu_name() {
    const char* name = std::getenv("GLEAM_CHECK_DEVICE");
    return name && *name ? name : "cuda";
}

// Null where there is none; why is said.
inline std::unique_ptr<kernels::Operations> open_gpu() {
    try {
        return kernels::make_operations(gpu_name());
    } catch (const DeviceError& e) {
        if (std::getenv("GLEAM_REQUIRE_GPU")) FAIL("a GPU is required: " << e.what());
        WARN("nothing was run: " << e.what());
        CHECK(e.code() == ExitCode::device);
        return nullptr;
    }
}

}  // namespace gleam::test
