// simt.hpp under nvcc.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "core/error.hpp"

#define SIMT_SHARED(type, name, extents) __shared__ type name extents

namespace gleam::kernels::cu {

// Throws DeviceError when a call of the CUDA runtime failed.
inline void check_cuda(cudaError_t status, const char* what) {
    if (status != cudaSuccess)
        throw DeviceError(what, std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status), "");
}

namespace simt {

template <class T>
__device__ T* dynamic_shared() {
    extern __shared__ __align__(16) unsigned char bytes[];
    return reinterpret_cast<T*>(bytes);
}

template <class... P, class... A>
void launch(void (*kernel)(P...), const LaunchShape& shape, Stream stream, const A&... arguments) {
    static_assert(sizeof...(P) == sizeof...(A), "a kernel takes another number of arguments");
    if (shape.dynamic_shared > static_shared_limit)
        check_cuda(
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.dynamic_shared)),
            shape.kernel);
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(shape.blocks.x, shape.blocks.y, shape.blocks.z);
    config.blockDim = dim3(shape.threads.x, shape.threads.y, shape.threads.z);
    config.dynamicSmemBytes = shape.dynamic_shared;
    config.stream = static_cast<cudaStream_t>(stream.handle);
    check_cuda(cudaLaunchKernelEx(&config, kernel, static_cast<P>(unwrap(arguments))...), shape.kernel);
}

}  // namespace simt
}  // namespace gleam::kernels::cu
