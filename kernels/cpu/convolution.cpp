// Convolutions, each by the method that suits its sizes. The gradient by the data is itself a forward convolution, of dy with the
// weights flipped and transposed: the methods know only that and the gradient by the weights.
#include "core/memory.hpp"
#include "kernels/cpu/convolution_engine.hpp"
#include "kernels/cpu/convolution_reference.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/direct_convolution.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/thin_convolution.hpp"
#include "kernels/cpu/winograd.hpp"

namespace gleam::kernels::cpu {
namespace {

void copy_weights(const WeightView& from, const Shape& shape, float* to) {
    const std::int64_t taps = shape[2] * shape[3] * shape[4];
    for (std::int64_t o = 0; o < shape[0]; ++o)
        for (std::int64_t i = 0; i < shape[1]; ++i)
            for (std::int64_t t = 0; t < taps; ++t) *to++ = from(o, i, t);
}

// A convolution of x with the result y, stored as float or Bf16 each, and the scratch memory it needs.
template <class X, class Y>
struct StoredConvolution {
    enum class Method : std::uint8_t { thin, direct, winograd, library };
    static constexpr bool floats = std::is_same_v<X, float> && std::is_same_v<Y, float>;

    ConvolutionSizes sizes;
    ConvolutionEngine& library;
    int threads;
    Method method = thin_suits(sizes)                               ? Method::thin
                    : floats && direct_suits(sizes)                 ? Method::direct
                    : std::is_same_v<X, Y> && winograd_suits(sizes) ? Method::winograd
                                                                    : Method::library;

    std::size_t scratch_bytes(ConvolutionPass pass) const {
        if (method == Method::thin) return thin_scratch_bytes(pass, sizes, threads);
        if (method == Method::direct) return direct_scratch_bytes(pass, sizes, threads);
        if (method == Method::winograd) return winograd_scratch_bytes<X>(pass, sizes, threads);
        const bool forward = pass == ConvolutionPass::forward;
        return library.scratch_bytes(pass, sizes) + copied<X>(sizes.x) + (forward ? float_bytes(sizes.y) : copied<Y>(sizes.y)) +
               (forward ? float_bytes(sizes.weights) : 0);
    }
    void forward(const X* x, const WeightView& weights, const ConvolutionOutput<Y>& out, void* scratch) const {
        if (method == Method::thin) return thin_forward(sizes, threads, x, weights, out, scratch);
        if constexpr (floats)
            if (method == Method::direct) return direct_forward(sizes, threads, x, weights, out, scratch);
        if constexpr (std::is_same_v<X, Y>)
            if (method == Method::winograd) return winograd_forward(sizes, threads, x, weights, out, scratch);
        // The library takes weights as they are stored and gives plain sums.
        auto* const stored = static_cast<float*>(scratch);
        float* const sums = stored + float_bytes(sizes.weights) / sizeof(float);
        float* const converted = sums + float_bytes(sizes.y) / sizeof(float);
        copy_weights(weights, sizes.weights, stored);
        library.forward(sizes, as_floats(x, sizes.x, converted), stored, sums, converted + copied<X>(sizes.x) / sizeof(float));
        const std::int64_t channels = sizes.y[4], pixels = sizes.y.elements() / channels;
#pragma omp parallel for num_threads(threads) schedule(static)
        for (std::int64_t i = 0; i < pixels; ++i)
            for (std::int64_t k = 0; k < channels; ++k) out.put(sums[i * channels + k], k, i * channels + k);
    }
    void weights_acc(const X* x, const Y* dy, float* dweights, void* scratch) const {
        if (method == Method::thin) return thin_weights_acc(sizes, threads, x, dy, dweights, scratch);
        if constexpr (floats)
            if (method == Method::direct) return direct_weights_acc(sizes, threads, x, dy, dweights, scratch);
        if constexpr (std::is_same_v<X, Y>)
            if (method == Method::winograd) return winograd_weights_acc(sizes, threads, x, dy, dweights, scratch);
        auto* const converted_x = static_cast<float*>(scratch);
        float* const converted_y = converted_x + copied<X>(sizes.x) / sizeof(float);
        library.weights_acc(sizes, as_floats(x, sizes.x, converted_x), as_floats(dy, sizes.y, converted_y), dweights,
                            converted_y + copied<Y>(sizes.y) / sizeof(float));
    }

private:
    static std::size_t float_bytes(const Shape& shape) {
        return aligned(static_cast<std::size_t>(shape.elements()) * sizeof(float));
    }
    // Bytes of a copy in float, where one is needed
    template <class T>
    static std::size_t copied(const Shape& shape) {
        return std::is_same_v<T, float> ? 0 : float_bytes(shape);
    }
    static const float* as_floats(const float* x, const Shape&, float*) { return x; }
    static const float* as_floats(const Bf16* x, const Shape& shape, float* copy) {
        std::copy_n(x, shape.elements(), copy);
        return copy;
    }
};

// Calls f(convolution of x with result y, x.data, y.data), typed as they are stored.
template <class F>
void with_stored(const ConvolutionSizes& sizes, ConvolutionEngine& library, int threads, const Tensor& x, const Tensor& y,
                 F&& f) {
    const auto typed = [](const Tensor& t, auto&& g) { t.dtype == DType::bf16 ? g(t.as<Bf16>()) : g(t.as<float>()); };
    typed(x, [&](auto* from) {
        typed(y, [&](auto* to) {
            using Stored = StoredConvolution<std::remove_pointer_t<decltype(from)>, std::remove_pointer_t<decltype(to)>>;
            f(Stored{sizes, library, threads}, from, to);
        });
    });
}

// dbias[k] += sum of dy[..., k]
template <class T, class Sum>
void bias_gradient_acc(const Tensor& dy, const Tensor& dbias) {
    const std::int64_t channels = dy.shape[4];
    const T* from = dy.as<T>();
    const auto sums =
        channel_sums(dy.elements() / channels, channels, [&](std::int64_t i) { return static_cast<double>(from[i]); });
    for (std::int64_t k = 0; k < channels; ++k) dbias.as<Sum>()[k] += Sum(sums[static_cast<std::size_t>(k)]);
}

}  // namespace

void CpuOperations::do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                   const Tensor& y, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (!planning()) reference_convolution<double>(x, weights, bias, padding, y);
        return;
    }
    with_stored({x.shape, weights.shape, y.shape, padding}, *convolutions_, threads_, x, y,
                [&](const auto& convolution, auto* from, auto* to) {
                    const Lease scratch = workspace.acquire("convolution", convolution.scratch_bytes(ConvolutionPass::forward));
                    if (planning()) return;
                    convolution.forward(from, WeightView::plain(weights.as<float>(), weights.shape),
                                        {to, bias ? bias->as<float>() : nullptr}, scratch.data());
                });
}

void CpuOperations::do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding,
                                        std::optional<double> slope, const Tensor& dx, Arena& workspace) {
    if (dx.dtype == DType::f64) {
        if (!planning()) reference_convolution_data<double>(dy, weights, padding, slope, dx);
        return;
    }
    const Shape& w = weights.shape;
    ConvolutionSizes sizes{dy.shape, Shape{w[1], w[0], w[2], w[3], w[4]}, dx.shape};
    for (std::size_t i = 0; i < 3; ++i) sizes.padding[i] = static_cast<int>(w[2 + static_cast<int>(i)]) - 1 - padding[i];
    with_stored(sizes, *convolutions_, threads_, dy, dx, [&](const auto& convolution, auto* from, auto* to) {
        const Lease scratch = workspace.acquire("convolution_data", convolution.scratch_bytes(ConvolutionPass::forward));
        if (planning()) return;
        convolution.forward(from, WeightView::flipped(weights.as<float>(), w),
                            {to, nullptr, slope.has_value(), static_cast<float>(slope.value_or(1))}, scratch.data());
    });
}

void CpuOperations::do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                               const Tensor* dbias, Arena& workspace) {
    if (x.dtype == DType::f64) {
        if (planning()) return;
        reference_convolution_weights_acc<double>(x, dy, padding, dweights);
        if (dbias) bias_gradient_acc<double, double>(dy, *dbias);
        return;
    }
    with_stored({x.shape, dweights.shape, dy.shape, padding}, *convolutions_, threads_, x, dy,
                [&](const auto& convolution, auto* from, auto* to) {
                    const Lease scratch =
                        workspace.acquire("convolution_weights", convolution.scratch_bytes(ConvolutionPass::weights));
                    if (planning()) return;
                    convolution.weights_acc(from, to, dweights.as<float>(), scratch.data());
                    if (dbias) bias_gradient_acc<std::remove_pointer_t<decltype(to)>, float>(dy, *dbias);
                });
}

}  // namespace gleam::kernels::cpu
