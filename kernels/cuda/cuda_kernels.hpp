// The kernels of kernels/cu on a real GPU, with the host in the place of its libraries: what is needed to test and time them by
// themselves.
#pragma once

#include <memory>

#include "kernels/operations.hpp"

namespace gleam::kernels {

// The operations on GPU `index`. Fourier transforms and wide convolutions go through the host's memory, so their times say
// nothing. Throws DeviceError where there is no driver or no such GPU, saying which.
std::unique_ptr<Operations> make_cuda_kernel_operations(int index = 0);

}  // namespace gleam::kernels
