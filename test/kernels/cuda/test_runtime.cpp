// Drivers that are not there, too old or without a GPU, as the program meets them; no GPU is needed.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "test/support/unavailable.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

constexpr const char* driverless = "there is no NVIDIA driver";

// Where the driver is that of driver.c.
Environment driver(int version, int status) {
    Environment environment = driver_in(GLEAM_TEST_DRIVER);
    environment.push_back(fmt::format("GLEAM_TEST_DRIVER_VERSION={}", version));
    environment.push_back(fmt::format("GLEAM_TEST_DRIVER_STATUS={}", status));
    return environment;
}

}  // namespace

TEST_CASE("The device of this machine computes, or it is said why not, and its libraries are named either way") {
    const nlohmann::json info = program_info({}), cuda = info["devices"][1];
    for (const char* library : {"FFTW", "HDF5", "CUDA", "cuDNN", "cuFFT", "cuBLAS"}) CHECK(info["libraries"].contains(library));
    WARN("cuda: " << cuda["detail"]);
    if (const std::string why = cuda["detail"]; cuda["available"] == false)
        return require_no_cuda({}, why, why.find(driverless) == std::string::npos ? why : driverless);
    const Finished automatic = reconstruct_on("auto", {});
    CHECK(automatic.code == 0);
    CHECK_THAT(automatic.out, ContainsSubstring("device: cuda:0"));
    const Finished missing = reconstruct_on("cuda:999", {});
    CHECK(missing.code == 3);
    CHECK_THAT(missing.out, ContainsSubstring("there are only"));
}

TEST_CASE("A device whose driver is missing, too old, sees no GPU or fails says which of these it is") {
    const TemporaryDirectory directory;
    require_no_cuda(no_driver(directory), driverless);
    require_no_cuda(driver(11000, 0), "driver is too old: it knows CUDA 11.0");
    require_no_cuda(driver(CUDART_VERSION, 100), "driver sees no GPU");  // CUDA_ERROR_NO_DEVICE
    require_no_cuda(driver(CUDART_VERSION, 803), "DriverMismatch");      // CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: half an update
}
