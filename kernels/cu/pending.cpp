// Operations that have no kernel yet; each goes when its .cu file comes.
#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"

namespace gleam::kernels::cu {

void GpuOperations::do_linear_combination(double, const Tensor&, double, const Tensor&, const Tensor&) {
    throw InternalError("do_linear_combination", "no kernel yet");
}
void GpuOperations::do_dot(const Tensor&, const Tensor&, const Tensor&) { throw InternalError("do_dot", "no kernel yet"); }
void GpuOperations::do_add_quotient(double, const Tensor&, const Tensor*, const Tensor&, const Tensor*, const Tensor&) {
    throw InternalError("do_add_quotient", "no kernel yet");
}
void GpuOperations::do_add_quotient_scalars_acc(double, const Tensor&, const Tensor*, const Tensor&, const Tensor*,
                                                const Tensor*) {
    throw InternalError("do_add_quotient_scalars_acc", "no kernel yet");
}
void GpuOperations::do_drop_below(double, const Tensor&, const Tensor&) { throw InternalError("do_drop_below", "no kernel yet"); }
void GpuOperations::do_loss_acc(const LossTerm&, const Tensor&, const Tensor&, const Tensor*, const Tensor&, Arena&) {
    throw InternalError("do_loss_acc", "no kernel yet");
}
void GpuOperations::do_fft(FftDirection, const Fourier&, const Tensor&, Arena&) {
    throw InternalError("do_fft", "no kernel yet");
}
void GpuOperations::do_sense_normal(const Tensor&, const Tensor&, const Tensor&, int, const NormalTerms&, const Tensor&, Arena&) {
    throw InternalError("do_sense_normal", "no kernel yet");
}
void GpuOperations::do_clip(double, const Tensor&, const Tensor&) { throw InternalError("do_clip", "no kernel yet"); }
void GpuOperations::do_optimizer_step(const OptimizerTerms&, const Tensor&, const Tensor&, std::span<const Tensor>) {
    throw InternalError("do_optimizer_step", "no kernel yet");
}
void GpuOperations::do_normalize(const Tensor&, double, const Tensor&, const Tensor&) {
    throw InternalError("do_normalize", "no kernel yet");
}
void GpuOperations::do_normalize_adjoint(const Tensor&, const Tensor&, const Tensor&, const Tensor&) {
    throw InternalError("do_normalize_adjoint", "no kernel yet");
}

}  // namespace gleam::kernels::cu
