#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"

namespace gleam::kernels::cu {

GpuOperations::GpuOperations(std::unique_ptr<GpuBackend> backend) : backend_(std::move(backend)) {
    constexpr std::size_t bytes = scratch_numbers * sizeof(double);
    scratch_ = Memory(allocator(), allocator().allocate(bytes), bytes);
    if (!scratch_.data()) throw OutOfMemoryError("partial sums", "the device could not give " + format_bytes(bytes));
}

}  // namespace gleam::kernels::cu
