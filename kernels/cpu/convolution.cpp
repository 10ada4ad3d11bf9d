// Convolutions, each by the method that suits its sizes. The gradient by the data is itself a forward convolution, of dy with the
// weights flipped and transposed: the methods know only that and the gradient by the weights.
#include "core/memory.hpp"
#include "kernels/cpu/convolution_engine.hpp"
#include "kernels/cpu/convolution_reference.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/thin_convolution.hpp"
#include "kernels/cpu/winograd.hpp"

namespace gleam::kernels::cpu {
namespace {

enum class Method : std::uint8_t { thin, winograd, library };

Method method_for(const ConvolutionSizes& sizes) {
    if (thin_suits(sizes)) return Method::thin;
    return winograd_suits(sizes) ? Method::winograd : Method::library;
}

void copy_weights(const WeightView& from, const Shape& shape, float* to) {
    const std::int64_t taps = shape[2] * shape[3] * shape[4];
    for (std::int64_t o = 0; o < shape[0]; ++o)
        for (std::int64_t i = 0; i < shape[1]; ++i)
            for (std::int64_t t = 0; t < taps; ++t) *to++ = from(o, i, t);
}

// A convolution of single precision with the scratch memory it needs.
struct Single {
    ConvolutionSizes sizes;
    ConvolutionEngine& library;
    int threads;
    Method method = method_for(sizes);

    // The library takes weights as they are stored and gives plain sums: copies of both, aligned, precede its scratch memory.
    static std::size_t copy_bytes(const Shape& shape) {
        const std::size_t bytes = static_cast<std::size_t>(shape.elements()) * sizeof(float);
        return (bytes + memory_alignment - 1) / memory_alignment * memory_alignment;
    }
    std::size_t scratch_bytes(ConvolutionPass pass) const {
        if (method == Method::thin) return thin_scratch_bytes(pass, sizes, threads);
        if (method == Method::winograd) return winograd_scratch_bytes(pass, sizes, threads);
        const std::size_t copies = pass == ConvolutionPass::forward ? copy_bytes(sizes.weights) + copy_bytes(sizes.y) : 0;
        return copies + library.scratch_bytes(pass, sizes);
    }
    void forward(const float* x, const WeightView& weights, const ConvolutionOutput& out, void* scratch) const {
        auto* const floats = static_cast<float*>(scratch);
        if (method == Method::thin) return thin_forward(sizes, threads, x, weights, out, floats);
        if (method == Method::winograd) return winograd_forward(sizes, threads, x, weights, out, floats);
        copy_weights(weights, sizes.weights, floats);
        char* const sums = static_cast<char*>(scratch) + copy_bytes(sizes.weights);
        library.forward(sizes, x, floats, reinterpret_cast<float*>(sums), sums + copy_bytes(sizes.y));
        finish(reinterpret_cast<const float*>(sums), out);
    }
    void weights_acc(const float* x, const float* dy, float* dweights, void* scratch) const {
        auto* const floats = static_cast<float*>(scratch);
        if (method == Method::thin) return thin_weights_acc(sizes, threads, x, dy, dweights, floats);
        if (method == Method::winograd) return winograd_weights_acc(sizes, threads, x, dy, dweights, floats);
        library.weights_acc(sizes, x, dy, dweights, scratch);
    }

private:
    void finish(const float* sums, const ConvolutionOutput& out) const {
        const std::int64_t channels = sizes.y[4], pixels = sizes.y.elements() / channels;
#pragma omp parallel for num_threads(threads) schedule(static)
        for (std::int64_t i = 0; i < pixels; ++i)
            for (std::int64_t k = 0; k < channels; ++k)
                out.y[i * channels + k] = out.element(sums[i * channels + k], k, out.y[i * channels + k]);
    }
};

// dbias[k] += sum of dy[..., k], over blocks of fixed size in order
template <class T>
void bias_gradient_acc(const Tensor& dy, const Tensor& dbias) {
    constexpr std::int64_t block = 1024;
    const std::int64_t channels = dy.shape[4], pixels = dy.elements() / channels, blocks = (pixels + block - 1) / block;
    std::vector<double> sums(static_cast<std::size_t>(blocks * channels));
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < blocks; ++b) {
        double* sum = sums.data() + b * channels;
        for (std::int64_t i = b * block; i < std::min(pixels, (b + 1) * block); ++i) {
            const T* from = dy.as<T>() + i * channels;
            for (std::int64_t k = 0; k < channels; ++k) sum[k] += static_cast<double>(from[k]);
        }
    }
    for (std::int64_t k = 0; k < channels; ++k) {
        double total = 0;
        for (std::int64_t b = 0; b < blocks; ++b) total += sums[static_cast<std::size_t>(b * channels + k)];
        dbias.as<T>()[k] += T(total);
    }
}

}  // namespace

void CpuOperations::do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                   const Tensor& y, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (!planning()) reference_convolution<double>(x, weights, bias, padding, y);
        return;
    }
    const Single convolution{{x.shape, weights.shape, y.shape, padding}, *convolutions_, threads_};
    const Lease scratch = workspace.acquire("convolution", convolution.scratch_bytes(ConvolutionPass::forward));
    if (!planning())
        convolution.forward(x.as<float>(), WeightView::plain(weights.as<float>(), weights.shape),
                            {y.as<float>(), bias ? bias->as<float>() : nullptr}, scratch.data());
}

void CpuOperations::do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding,
                                        std::optional<double> slope, const Tensor& dx, Arena& workspace) {
    if (dx.dtype == DType::f64) {
        if (!planning()) reference_convolution_data<double>(dy, weights, padding, slope, dx);
        return;
    }
    const Shape& w = weights.shape;
    Padding flipped_padding;
    for (std::size_t i = 0; i < 3; ++i) flipped_padding[i] = static_cast<int>(w[2 + static_cast<int>(i)]) - 1 - padding[i];
    const Single convolution{
        {dy.shape, Shape{w[1], w[0], w[2], w[3], w[4]}, dx.shape, flipped_padding}, *convolutions_, threads_};
    const Lease scratch = workspace.acquire("convolution_data", convolution.scratch_bytes(ConvolutionPass::forward));
    if (!planning())
        convolution.forward(dy.as<float>(), WeightView::flipped(weights.as<float>(), w),
                            {dx.as<float>(), nullptr, slope.has_value(), static_cast<float>(slope.value_or(1))}, scratch.data());
}

void CpuOperations::do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                               const Tensor* dbias, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (planning()) return;
        reference_convolution_weights_acc<double>(x, dy, padding, dweights);
        if (dbias) bias_gradient_acc<double>(dy, *dbias);
        return;
    }
    const Single convolution{{x.shape, dweights.shape, dy.shape, padding}, *convolutions_, threads_};
    const Lease scratch = workspace.acquire("convolution_weights", convolution.scratch_bytes(ConvolutionPass::weights));
    if (planning()) return;
    convolution.weights_acc(x.as<float>(), dy.as<float>(), dweights.as<float>(), scratch.data());
    if (dbias) bias_gradient_acc<float>(dy, *dbias);
}

}  // namespace gleam::kernels::cpu
