// Convolutions: thin ones (thin_convolution.hpp) by our own kernels, the others by the library; sums for the bias by our own
// kernels always. Which is which depends on the weights alone, so that planning and computing agree.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/thin_convolution.hpp"

namespace gleam::kernels::cu {

void GpuOperations::do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                   const Tensor& y, Arena& workspace) {
    if (!thin_suits(weights.shape)) return backend_->convolution(x, weights, bias, padding, y, workspace, planning());
    if (planning() || y.elements() == 0) return;
    thin_forward(stream(), {x.shape, weights.shape, y.shape, padding}, x, weights, device::WeightStrides::plain(weights.shape),
                 bias, std::nullopt, y);
}

void GpuOperations::do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding,
                                        std::optional<double> slope, const Tensor& dx, Arena& workspace) {
    const Shape& w = weights.shape;
    if (!thin_suits(w)) return backend_->convolution_data(dy, weights, padding, slope, dx, workspace, planning());
    if (planning() || dx.elements() == 0) return;
    Padding flipped;
    for (int i = 0; i < 3; ++i)
        flipped[static_cast<std::size_t>(i)] = static_cast<int>(w[2 + i]) - 1 - padding[static_cast<std::size_t>(i)];
    thin_forward(stream(), {dy.shape, Shape{w[1], w[0], w[2], w[3], w[4]}, dx.shape, flipped}, dy, weights,
                 device::WeightStrides::flipped(w), nullptr, slope, dx);
}

void GpuOperations::do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                               const Tensor* dbias, Arena& workspace) {
    if (!thin_suits(dweights.shape)) {
        backend_->convolution_weights_acc(x, dy, padding, dweights, nullptr, workspace, planning());
    } else {
        const ThinSizes sizes(x.shape, dweights.shape, dy.shape, padding);
        const Lease scratch = workspace.acquire("convolution_weights", thin_gradient_bytes(sizes, dweights));
        if (!planning() && dy.elements() != 0) thin_weights_acc(stream(), sizes, x, dy, dweights, scratch.data());
    }
    if (!dbias) return;
    const Lease scratch = workspace.acquire("bias gradient", channel_sums_bytes(dy));
    if (!planning() && dy.elements() != 0) channel_sums_acc(stream(), dy, *dbias, scratch.data());
}

}  // namespace gleam::kernels::cu
