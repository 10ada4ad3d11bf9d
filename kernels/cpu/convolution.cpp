// Convolutions. The gradient by the data is itself a forward convolution, of dy with the weights flipped and transposed: oneDNN's
// channels-last forward kernels reach a higher rate than its own backward ones at channel counts such as 100.
#include "kernels/cpu/convolution_engine.hpp"
#include "kernels/cpu/convolution_reference.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {
namespace {

// flipped[i, o, k] = weights[o, i, last - k]
void flip_weights(const Tensor& weights, float* flipped) {
    const std::int64_t out = weights.shape[0], in = weights.shape[1], taps = weights.elements() / (out * in);
    const float* w = weights.as<float>();
    for (std::int64_t o = 0; o < out; ++o)
        for (std::int64_t i = 0; i < in; ++i)
            for (std::int64_t k = 0; k < taps; ++k) flipped[(i * out + o) * taps + k] = w[(o * in + i) * taps + taps - 1 - k];
}

// dbias[k] += sum of dy[..., k], over blocks of fixed size in order
template <class T>
void bias_gradient_acc(const Tensor& dy, const Tensor& dbias) {
    const std::int64_t channels = dy.shape[4], pixels = dy.elements() / channels;
    for (std::int64_t k = 0; k < channels; ++k)
        dbias.as<T>()[k] += T(ordered_sum(pixels, [&](std::int64_t first, std::int64_t last) {
            double sum = 0;
            for (std::int64_t i = first; i < last; ++i) sum += static_cast<double>(dy.as<T>()[i * channels + k]);
            return sum;
        }));
}

}  // namespace

void CpuOperations::do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                   const Tensor& y, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (!planning()) reference_convolution<double>(x, weights, bias, padding, y);
        return;
    }
    const ConvolutionSizes sizes{x.shape, weights.shape, y.shape, padding, bias != nullptr};
    const Lease scratch = workspace.acquire("convolution", convolutions_->scratch_bytes(ConvolutionPass::forward, sizes));
    if (planning()) return;
    convolutions_->forward(sizes, x.as<float>(), weights.as<float>(), bias ? bias->as<float>() : nullptr, y.as<float>(),
                           scratch.data());
}

void CpuOperations::do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, const Tensor& dx,
                                        Arena& workspace) {
    if (dx.dtype == DType::f64) {
        if (!planning()) reference_convolution_data<double>(dy, weights, padding, dx);
        return;
    }
    const Shape& w = weights.shape;
    Padding flipped_padding;
    for (std::size_t i = 0; i < 3; ++i) flipped_padding[i] = static_cast<int>(w[2 + static_cast<int>(i)]) - 1 - padding[i];
    const ConvolutionSizes sizes{dy.shape, Shape{w[1], w[0], w[2], w[3], w[4]}, dx.shape, flipped_padding, false};
    const Lease flipped = workspace.acquire("flipped weights", weights.bytes());
    const Lease scratch = workspace.acquire("convolution_data", convolutions_->scratch_bytes(ConvolutionPass::forward, sizes));
    if (planning()) return;
    flip_weights(weights, static_cast<float*>(flipped.data()));
    convolutions_->forward(sizes, dy.as<float>(), static_cast<float*>(flipped.data()), nullptr, dx.as<float>(), scratch.data());
}

void CpuOperations::do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                               const Tensor* dbias, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (planning()) return;
        reference_convolution_weights_acc<double>(x, dy, padding, dweights);
        if (dbias) bias_gradient_acc<double>(dy, *dbias);
        return;
    }
    const ConvolutionSizes sizes{x.shape, dweights.shape, dy.shape, padding, false};
    const Lease scratch = workspace.acquire("convolution_weights", convolutions_->scratch_bytes(ConvolutionPass::weights, sizes));
    if (planning()) return;
    convolutions_->weights_acc(sizes, x.as<float>(), dy.as<float>(), dweights.as<float>(), scratch.data());
    if (dbias) bias_gradient_acc<float>(dy, *dbias);
}

}  // namespace gleam::kernels::cpu
