// Convolutions: thin ones (thin_convolution.hpp) by our own kernels, the others by the library; sums for the bias by our own
// kernels always. Which is which depends on the numbers of channels and taps alone, so that planning and computing agree.
//
// The library wants weights [O, taps, I] in the type of the images, and only writes what it computes. Kernels here do the rest:
//   arrange   a[o, t, i] = w[o, i, t], rounded to the type of the images; 0 for channels that only fill a tensor up
//   collect   dw[o, i, t] += da[o, t, i]
//   gate      dx = dx > 0 ? g : slope g, where dx held the activation's output
//   add_bias  y[p, o] += b[o]
//
// Threads   one per number; neighbouring ones have neighbouring numbers of the arranged weights, or of the image.
// Bytes     arrange, collect: two or three per weight and byte of its type, next to nothing beside the convolution; gate: three
//           per byte of an image; add_bias: two.
// Limits    none.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/thin_convolution.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;

// Stored weights [out, in, taps] and arranged ones [filled_out, taps, filled_in].
struct WeightLayout {
    std::int64_t out, in, taps, filled_out, filled_in;

    WeightLayout(const Shape& stored, const Shape& arranged)
        : out(stored[0]),
          in(stored[1]),
          taps(stored[2] * stored[3] * stored[4]),
          filled_out(arranged[0]),
          filled_in(arranged[4]) {}
    // Where arranged number j is stored; -1: nowhere, it only fills up.
    GLEAM_DEVICE std::int64_t stored(std::int64_t j) const {
        const std::int64_t i = j % filled_in, t = j / filled_in % taps, o = j / filled_in / taps;
        return i < in && o < out ? (o * in + i) * taps + t : -1;
    }
};

template <class W, class T>
__global__ void arrange_kernel(WeightLayout layout, std::int64_t n, const W* weights, T* arranged) {
    for (std::int64_t j : simt::Range(n)) {
        const std::int64_t at = layout.stored(j);
        arranged[j] = T(at < 0 ? Arithmetic<T>(0) : Arithmetic<T>(weights[at]));
    }
}

template <class W, class T>
__global__ void collect_kernel(WeightLayout layout, std::int64_t n, const T* arranged, W* weights) {
    for (std::int64_t j : simt::Range(n)) {
        const std::int64_t at = layout.stored(j);
        if (at >= 0) weights[at] += W(Arithmetic<T>(arranged[j]));
    }
}

template <class T>
__global__ void gate_kernel(std::int64_t n, Arithmetic<T> slope, const T* gradient, T* x) {
    for (std::int64_t i : simt::Range(n))
        x[i] = T(Arithmetic<T>(x[i]) > 0 ? Arithmetic<T>(gradient[i]) : slope * Arithmetic<T>(gradient[i]));
}

template <class W, class T>
__global__ void add_bias_kernel(std::int64_t n, std::int64_t channels, std::int64_t filled, const W* bias, T* y) {
    for (std::int64_t i : simt::Range(n)) {
        const std::int64_t channel = i % filled;
        if (channel < channels) y[i] = T(Arithmetic<T>(y[i]) + Arithmetic<T>(bias[channel]));
    }
}

// Calls f(number of the type of the images, number of the type of the weights).
template <class F>
void with_types(const Tensor& image, F&& f) {
    if (image.dtype == DType::f64) return f(double{}, double{});
    image.dtype == DType::bf16 ? f(Bf16{}, float{}) : f(float{}, float{});
}

LaunchShape over(const char* name, std::int64_t n) { return {name, {blocks_for(n, threads)}, {threads}}; }

// Memory of the workspace as a tensor.
struct Scratch {
    Lease lease;
    Tensor tensor;

    Scratch(Arena& workspace, const char* name, Tensor like) : tensor(like) {
        lease = workspace.acquire(name, tensor.bytes());
        tensor.data = lease.data();
    }
};

Tensor arranged_like(const Tensor& weights, const Tensor& x, const Tensor& y, DType type) {
    const Shape& w = weights.shape;
    return {nullptr, type, Shape{y.shape[4], w[2], w[3], w[4], x.shape[4]}, x.device};
}

void arrange(Stream stream, const Tensor& weights, const Tensor& arranged) {
    with_types(arranged, [&](auto type, auto stored) {
        simt::launch(arrange_kernel<decltype(stored), decltype(type)>, over("arrange_weights", arranged.elements()), stream,
                     WeightLayout(weights.shape, arranged.shape), arranged.elements(),
                     device_data<const decltype(stored)>(weights), device_data<decltype(type)>(arranged));
    });
}

void collect(Stream stream, const Tensor& arranged, const Tensor& weights) {
    with_types(arranged, [&](auto type, auto stored) {
        simt::launch(collect_kernel<decltype(stored), decltype(type)>, over("collect_weights", arranged.elements()), stream,
                     WeightLayout(weights.shape, arranged.shape), arranged.elements(),
                     device_data<const decltype(type)>(arranged), device_data<decltype(stored)>(weights));
    });
}

void add_bias(Stream stream, const Tensor& bias, const Tensor& y) {
    with_types(y, [&](auto type, auto stored) {
        simt::launch(add_bias_kernel<decltype(stored), decltype(type)>, over("add_bias", y.elements()), stream, y.elements(),
                     bias.elements(), y.shape[4], device_data<const decltype(stored)>(bias), device_data<decltype(type)>(y));
    });
}

void gate(Stream stream, const Tensor& gradient, double slope, const Tensor& x) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        simt::launch(gate_kernel<T>, over("gate", x.elements()), stream, x.elements(), static_cast<Arithmetic<T>>(slope),
                     device_data<const T>(gradient), device_data<T>(x));
    });
}

}  // namespace

// What the library works on: images of one type (f32 where bf16 meets f32, which takes a copy), weights as it wants them.
struct GpuOperations::Wide {
    DType type;
    std::optional<Scratch> x_copy, y_copy;
    Scratch weights;
    WideConvolution terms;

    Wide(GpuOperations& ops, ConvolutionPass pass, const Tensor& x, const Tensor& stored, const Tensor& y, const Padding& padding,
         Arena& workspace)
        : type(x.dtype == y.dtype ? x.dtype : stored.dtype),
          weights(workspace, "arranged weights", arranged_like(stored, x, y, type)) {
        terms = {pass, padding, ops.tf32(), x, weights.tensor, y};
        stage(terms.x, x_copy, workspace);
        stage(terms.y, y_copy, workspace);
    }

private:
    void stage(Tensor& t, std::optional<Scratch>& copy, Arena& workspace) const {
        if (t.dtype == type) return;
        t.dtype = type;
        copy.emplace(workspace, "image of another type", t);
        t.data = copy->tensor.data;
    }
};

void GpuOperations::do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                   const Tensor& y, Arena& workspace) {
    if (thin_suits(x, weights, y)) {
        if (planning() || y.elements() == 0) return;
        return thin_forward(stream(), {x.shape, weights.shape, y.shape, padding}, x, weights,
                            device::WeightStrides::plain(weights.shape), bias, std::nullopt, y);
    }
    Wide wide(*this, ConvolutionPass::forward, x, weights, y, padding, workspace);
    const bool computes = !planning() && y.elements() != 0;
    if (computes) {
        arrange(stream(), weights, wide.terms.weights);
        if (wide.x_copy) do_copy(x, wide.terms.x);
    }
    backend_->convolve(wide.terms, workspace, !computes);
    if (!computes) return;
    if (bias) add_bias(stream(), *bias, wide.terms.y);
    if (wide.y_copy) do_copy(wide.terms.y, y);
}

void GpuOperations::do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding,
                                        std::optional<double> slope, const Tensor& dx, Arena& workspace) {
    const Shape& w = weights.shape;
    if (thin_suits(dx, weights, dy)) {
        if (planning() || dx.elements() == 0) return;
        Padding flipped;
        for (int i = 0; i < 3; ++i)
            flipped[static_cast<std::size_t>(i)] = static_cast<int>(w[2 + i]) - 1 - padding[static_cast<std::size_t>(i)];
        return thin_forward(stream(), {dy.shape, Shape{w[1], w[0], w[2], w[3], w[4]}, dx.shape, flipped}, dy, weights,
                            device::WeightStrides::flipped(w), nullptr, slope, dx);
    }
    // The library cannot write where the activation's output still is.
    std::optional<Scratch> apart;
    if (slope) apart.emplace(workspace, "gradient before the activation", dx);
    const Tensor& target = apart ? apart->tensor : dx;
    Wide wide(*this, ConvolutionPass::data, target, weights, dy, padding, workspace);
    const bool computes = !planning() && dx.elements() != 0;
    if (computes) {
        arrange(stream(), weights, wide.terms.weights);
        if (wide.y_copy) do_copy(dy, wide.terms.y);
    }
    backend_->convolve(wide.terms, workspace, !computes);
    if (!computes) return;
    if (wide.x_copy) do_copy(wide.terms.x, target);
    if (slope) gate(stream(), target, *slope, dx);
}

void GpuOperations::do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                               const Tensor* dbias, Arena& workspace) {
    const bool computes = !planning() && dy.elements() != 0;
    if (thin_suits(x, dweights, dy)) {
        const ThinSizes sizes(x.shape, dweights.shape, dy.shape, padding);
        const Lease scratch = workspace.acquire("convolution_weights", thin_gradient_bytes(sizes, dweights));
        if (computes) thin_weights_acc(stream(), sizes, x, dy, dweights, scratch.data());
    } else {
        Wide wide(*this, ConvolutionPass::weights, x, dweights, dy, padding, workspace);
        if (computes && wide.x_copy) do_copy(x, wide.terms.x);
        if (computes && wide.y_copy) do_copy(dy, wide.terms.y);
        backend_->convolve(wide.terms, workspace, !computes);
        if (computes) collect(stream(), wide.terms.weights, dweights);
    }
    if (!dbias) return;
    const Lease scratch = workspace.acquire("bias gradient", channel_sums_bytes(dy));
    if (computes) channel_sums_acc(stream(), dy, *dbias, scratch.data());
}

}  // namespace gleam::kernels::cu
