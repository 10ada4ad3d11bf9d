// Sums and maxima in an order that is always the same, in double.
//
// A sum over n terms takes two launches. First each block sums up one chunk; how n is cut into chunks depends on n alone, not on
// the device. Then one block per sum adds the chunks' sums. Within a block each thread adds up its terms, warps add their
// threads' sums by shuffles, and thread 0 adds those of the warps. The sums of the first launch lie in the scratch memory of
// GpuOperations or in the workspace.
#pragma once

#include <algorithm>

#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {

inline constexpr unsigned reduce_threads = 256;

struct Chunks {
    std::int64_t n, size, count;

    explicit Chunks(std::int64_t terms) : n(terms) {
        constexpr std::int64_t least = 1024, most = 1024;  // terms of a chunk, 16 bytes of a thread; chunks
        size = std::max<std::int64_t>(1, ((n + most - 1) / most + least - 1) / least) * least;
        count = std::max<std::int64_t>(1, (n + size - 1) / size);
    }

    GLEAM_DEVICE std::int64_t begin(std::int64_t chunk) const { return chunk * size; }
    GLEAM_DEVICE std::int64_t end(std::int64_t chunk) const { return (chunk + 1) * size < n ? (chunk + 1) * size : n; }

    // Sums of so many terms each that are done at once, with `room` for their chunks; blocks: chunks along x, sums along y.
    std::int64_t at_once(std::int64_t sums, std::int64_t room) const {
        return std::min({sums, std::int64_t{grid_limit.y}, std::max<std::int64_t>(1, room / count)});
    }
    Extent blocks(std::int64_t sums) const { return {static_cast<unsigned>(count), static_cast<unsigned>(sums)}; }
};

struct Add {
    GLEAM_DEVICE double operator()(double a, double b) const { return a + b; }
};
// NaN is no maximum.
struct Larger {
    GLEAM_DEVICE double operator()(double a, double b) const { return a < b ? b : a; }
};

// All values of a block of reduce_threads threads combined; for thread 0, what others get means nothing.
template <class Combine>
__device__ double block_combine(double v, Combine combine) {
    SIMT_SHARED(double, of_warps, [reduce_threads / warp_lanes]);
    for (unsigned distance = warp_lanes / 2; distance > 0; distance /= 2)
        v = combine(v, __shfl_down_sync(0xffffffffU, v, distance));
    __syncthreads();  // a call before this one has been read
    if (threadIdx.x % warp_lanes == 0) of_warps[threadIdx.x / warp_lanes] = v;
    __syncthreads();
    if (threadIdx.x == 0)
        for (unsigned w = 1; w < reduce_threads / warp_lanes; ++w) v = combine(v, of_warps[w]);
    return v;
}

__device__ inline double block_sum(double v) { return block_combine(v, Add{}); }

// The second launch: block b combines chunks [b count, (b + 1) count) from 0 on and calls end(out[b], result).
template <class Combine, class End>
__global__ void combine_chunks_kernel(std::int64_t count, const double* chunks, Combine combine, End end, double* out) {
    const double* own = chunks + static_cast<std::int64_t>(blockIdx.x) * count;
    double v = 0;
    for (std::int64_t i = threadIdx.x; i < count; i += reduce_threads) v = combine(v, own[i]);
    v = block_combine(v, combine);
    if (threadIdx.x == 0) end(out[blockIdx.x], v);
}

template <class Combine, class End>
void combine_chunks(Stream stream, std::int64_t results, std::int64_t count, DevicePtr<const double> chunks, Combine combine,
                    End end, DevicePtr<double> out) {
    simt::launch(combine_chunks_kernel<Combine, End>, {"combine_chunks", {static_cast<unsigned>(results)}, {reduce_threads}},
                 stream, count, chunks, combine, end, out);
}

// What becomes of a result.
struct Keep {
    GLEAM_DEVICE void operator()(double& out, double v) const { out = v; }
};
struct KeepRoot {
    GLEAM_DEVICE void operator()(double& out, double v) const { out = std::sqrt(v); }
};
struct AddScaled {
    double scale;
    GLEAM_DEVICE void operator()(double& out, double v) const { out += scale * v; }
};

}  // namespace gleam::kernels::cu
