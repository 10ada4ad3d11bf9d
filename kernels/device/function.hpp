// Marks a function that CPU loops and device kernels both call.
#pragma once

#ifdef __CUDACC__
#define GLEAM_DEVICE __host__ __device__
#else
#define GLEAM_DEVICE
#endif
