// What every .cu file is written against: CUDA where nvcc compiles it, the emulator of kernels/emu where a C++ compiler does.
//
// Of CUDA, kernels use threadIdx, blockIdx, blockDim, gridDim, __syncthreads, __syncwarp, __shfl_sync, __shfl_down_sync and
// __shfl_xor_sync by their own names. Three things go another way, since C++ cannot express them:
//   SIMT_SHARED(float, tile, [16][33]);      in place of  __shared__ float tile[16][33];
//   auto* line = simt::dynamic_shared<T>();  in place of  extern __shared__ ...;
//   simt::launch(kernel, shape, stream, …)   in place of  kernel<<<…>>>(…);
// GLEAM_UNROLL (kernels/device/function.hpp) before a loop of known length keeps the arrays it indexes in registers.
#pragma once

#include "kernels/cu/device_ptr.hpp"
#include "kernels/device/function.hpp"

#ifdef __CUDACC__
#include "kernels/cu/simt_cuda.cuh"
#else
#include "kernels/emu/simt.hpp"
#endif

namespace gleam::kernels::cu::simt {

// for (std::int64_t i : Range(n)): the elements of this thread, when all threads of the grid's first axis share n of them;
// neighbouring threads have neighbouring elements.
class Range {
public:
    GLEAM_DEVICE explicit Range(std::int64_t n) : n_(n) {}

    struct Iterator {
        std::int64_t i, stride, n;
        GLEAM_DEVICE std::int64_t operator*() const { return i; }
        GLEAM_DEVICE void operator++() { i += stride; }
        GLEAM_DEVICE bool operator!=(const Iterator&) const { return i < n; }
    };
    __device__ Iterator begin() const {
        return {static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x,
                static_cast<std::int64_t>(gridDim.x) * blockDim.x, n_};
    }
    __device__ Iterator end() const { return {n_, 0, n_}; }

private:
    std::int64_t n_;
};

// N numbers that are read and written at once, by one instruction where they take 16 bytes or less.
template <class T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack {
    T v[N];
};

}  // namespace gleam::kernels::cu::simt
