// The GPU's operations with NVIDIA's libraries behind them.
#pragma once

#include <memory>
#include <string>

#include "kernels/operations.hpp"
#include "kernels/plugin.hpp"

namespace gleam::cuda {

// On GPU `index`, for the thread that makes it. DeviceError says why it cannot be had.
std::unique_ptr<kernels::Operations> make_cuda_operations(int index);

// Operations that can only plan: what a GPU of this model would take. Convolutions are planned by cuDNN, which needs no GPU for
// that; what cuFFT takes is assumed (FourierPlans::assumed_workspace).
std::unique_ptr<kernels::Operations> make_cuda_planner(const std::string& model);

kernels::LibraryVersions cuda_libraries();

}  // namespace gleam::cuda
