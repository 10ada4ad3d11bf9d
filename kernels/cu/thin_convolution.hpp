// Convolutions between an image of a few channels and many features by our own kernels, as kernels/cpu/thin_convolution.hpp has
// them for the CPU; and sums per channel, which the library's convolutions need, too.
#pragma once

#include <optional>

#include "kernels/cu/device_ptr.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/convolution.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cu {

// Sizes of x [N,D,H,W,I], weights [O,I,kd,kh,kw] as they are read, y [N,D',H',W',O]; passed to kernels by value. An image may
// have more channels than the weights: those beyond are read as anything finite and written as zeros.
struct ThinSizes {
    struct Volume {
        int d, h, w;
        GLEAM_DEVICE std::int64_t pixel(std::int64_t n, int z, int y, int x) const { return ((n * d + z) * h + y) * w + x; }
    };
    std::int64_t samples;
    Volume x, y, kernel, padding;
    int in, out;                  // channels of x and y
    int weights_in, weights_out;  // of the weights, at most as many

    ThinSizes(const Shape& x_shape, const Shape& weights, const Shape& y_shape, const Padding& pad)
        : samples(x_shape[0]),
          x(volume(x_shape, 1)),
          y(volume(y_shape, 1)),
          kernel(volume(weights, 2)),
          padding{pad[0], pad[1], pad[2]},
          in(static_cast<int>(x_shape[4])),
          out(static_cast<int>(y_shape[4])),
          weights_in(static_cast<int>(weights[1])),
          weights_out(static_cast<int>(weights[0])) {}

    static Volume volume(const Shape& s, int first) {
        return {static_cast<int>(s[first]), static_cast<int>(s[first + 1]), static_cast<int>(s[first + 2])};
    }
};

// Whether one image has at most four channels and the kernel 1, 3 or 5 rows and columns.
bool thin_suits(const Tensor& x, const Tensor& weights, const Tensor& y);

// y = w * x + bias or, with `slope`, gated by what y was. `weights` are stored as `stride` says and have the sizes of `s`.
void thin_forward(Stream stream, const ThinSizes& s, const Tensor& x, const Tensor& weights, const device::WeightStrides& stride,
                  const Tensor* bias, std::optional<double> slope, const Tensor& y);

// dweights += gradient; the scratch memory holds partial sums, whose number depends on the sizes only.
std::size_t thin_gradient_bytes(const ThinSizes& s, const Tensor& dweights);
void thin_weights_acc(Stream stream, const ThinSizes& s, const Tensor& x, const Tensor& dy, const Tensor& dweights,
                      void* scratch);

// sums[k] += sum of x[..., k] in double, for as many channels as there are sums
std::size_t channel_sums_bytes(const Tensor& x);
void channel_sums_acc(Stream stream, const Tensor& x, const Tensor& sums, void* scratch);

// Calls f(number of the type of a, number of the type of b): bf16 and f32 in any pair, or both f64.
template <class F>
void with_stored(const Tensor& a, const Tensor& b, F&& f) {
    const auto typed = [](const Tensor& t, auto&& g) { t.dtype == DType::bf16 ? g(Bf16{}) : g(float{}); };
    if (a.dtype == DType::f64) return f(double{}, double{});
    typed(a, [&](auto of_a) { typed(b, [&](auto of_b) { f(of_a, of_b); }); });
}

// Calls f(constant) with the one of N... that n is.
template <int... N, class F>
void with_constant(int n, F&& f) {
    ((n == N ? f(std::integral_constant<int, N>{}) : void()), ...);
}

// Four channels from p on, as numbers A; those from `left` on are 0. `packed`: all four exist and are one access.
template <class A, class T>
GLEAM_DEVICE simt::Pack<A, 4> load_four(const T* p, bool packed, int left) {
    simt::Pack<T, 4> stored{};
    if (packed && left > 0) stored = *reinterpret_cast<const simt::Pack<T, 4>*>(p);
    GLEAM_UNROLL
    for (int k = 0; k < 4; ++k)
        if (!packed && k < left) stored.v[k] = p[k];
    simt::Pack<A, 4> v;
    GLEAM_UNROLL
    for (int k = 0; k < 4; ++k) v.v[k] = A(stored.v[k]);
    return v;
}

// Whether load_four may take all channels of a tensor packed.
inline bool packs_of_four(const Tensor& t) { return t.shape[4] % 4 == 0 && reinterpret_cast<std::uintptr_t>(t.data) % 16 == 0; }

}  // namespace gleam::kernels::cu
