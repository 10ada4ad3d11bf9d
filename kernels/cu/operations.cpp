#include "kernels/cu/gpu_operations.hpp"

namespace gleam::kernels::cu {

GpuOperations::GpuOperations(std::unique_ptr<GpuBackend> backend) : backend_(std::move(backend)) {}

}  // namespace gleam::kernels::cu
