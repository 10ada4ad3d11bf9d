// GPUs that plans can be made for without having one, in cuDNN's own description of a device (kernels/cuda/cudnn.hpp).
#pragma once

namespace gleam::cuda {

struct DeviceModel {
    const char* name;
    const char* json;
};

// h200: sizes as published for compute capability 9.0 and this product; clocks and identity are assumed. To be replaced by what
// the device itself says (tools/gpu_check.sh --part device prints it).
inline constexpr DeviceModel device_models[] = {
    {"h200",
     R"({"deviceName": "NVIDIA H200", "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 590680286,
         "multiProcessorCount": 132, "warpSize": 32, "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
         "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
         "maxThreadsPerSM": 2048, "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
         "reservedSharedMemoryPerBlock": 1024, "totalGlobalMem": 150000000000, "l2CacheSize": 62914560,
         "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "isTccDriver": 0, "supportCoopLaunch": 1})"},
};

}  // namespace gleam::cuda
