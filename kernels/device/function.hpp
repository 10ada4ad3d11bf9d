// Marks a function that CPU loops and device kernels both call.
#pragma once

#ifdef __CUDACC__
#define GLEAM_DEVICE __host__ __device__
// What it gets are arrays that are to stay in registers, so it must be inlined and its loops unrolled.
#define GLEAM_DEVICE_INLINE __host__ __device__ __forceinline__
#define GLEAM_UNROLL _Pragma("unroll")
#define GLEAM_PRAGMA(text) _Pragma(#text)
#define GLEAM_UNROLL_BY(n) GLEAM_PRAGMA(unroll n)
#else
#define GLEAM_DEVICE
#define GLEAM_DEVICE_INLINE [[gnu::always_inline]] inline
#define GLEAM_UNROLL
#define GLEAM_UNROLL_BY(n)
#endif
