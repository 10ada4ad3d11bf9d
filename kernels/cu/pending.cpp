// Operations that have no kernel yet; each goes when its .cu file comes.
#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"

namespace gleam::kernels::cu {

void GpuOperations::do_wavelet(WaveletDirection, int, const std::array<std::int64_t, 3>&, const Tensor&, Arena&) {
    throw InternalError("do_wavelet", "no kernel yet");
}
void GpuOperations::do_soft_threshold(double, const Tensor&) { throw InternalError("do_soft_threshold", "no kernel yet"); }

}  // namespace gleam::kernels::cu
