// Separable wavelet transform in place (kernels/device/wavelet.hpp), and shrinkage of its coefficients.
//
//   low[k] = sum_t h[t] x[(2k + t) mod m]     high[k] = sum_t g[t] x[(2k + t) mod m]     and the transpose of that
//   soft_threshold   x = max(1 - threshold / |x|, 0) x
//
// Threads   a launch is one level along one axis. A block reads up to 16 lines whole into shared memory, so that it may write
//           where it read: no scratch memory. Neighbouring threads have neighbouring lines, which are neighbours in memory; along
//           x, where the samples are, neighbouring samples. soft_threshold: 16 bytes a thread.
// Bytes     complex64, per sample, level and axis: 8 read, 8 written, 32 operations per axis; levels shrink by 4 (2D) or 8. A
//           small image has few lines: they go to more blocks of fewer, down to 4 (32 bytes).
// Limits    a line must fit into shared memory: 20 480 samples of complex64, 10 240 of complex128; ShapeError beyond.
#include <string>

#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/complex.hpp"
#include "kernels/device/wavelet.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::WaveletLines;
using device::WaveletTaps;

constexpr unsigned threads = 256;
constexpr int most_lines = 16, fewest_lines = 4;
constexpr std::int64_t blocks_wanted = 132;
constexpr std::size_t line_memory = 160 * 1024;  // what every GPU since 8.0 has

// How a block holds its lines.
struct Bundle {
    int lines;                   // of a block; the last block may have fewer
    int sample_step, line_step;  // in shared memory
    bool samples_first;          // neighbouring threads take neighbouring samples of a line, not neighbouring lines

    Bundle(const WaveletLines& l, std::size_t bytes) : lines(most_lines), samples_first(l.stride == l.inner) {
        const auto shared = [&] { return static_cast<std::size_t>(lines * l.length) * bytes; };
        while (lines > fewest_lines && l.count / lines < blocks_wanted) lines /= 2;
        while (lines > 1 && shared() > line_memory) lines /= 2;
        if (shared() > line_memory)
            throw ShapeError("wavelet", "lines of " + std::to_string(l.length) + " samples are too long for this device");
        sample_step = samples_first ? 1 : lines;
        line_step = samples_first ? static_cast<int>(l.length) : 1;
    }
};

// Calls f(line, i) for i < n of the lines of a block, in the order that neighbouring threads are to have.
template <class F>
__device__ void for_each_sample(const Bundle& b, int lines, int n, F&& f) {
    for (int l = static_cast<int>(threadIdx.x); l < lines * n; l += static_cast<int>(threads)) {
        if (b.samples_first)
            f(l / n, l % n);
        else
            f(l % lines, l / lines);
    }
}

__device__ int rotated(int i, int shift, int n) { return i + shift < n ? i + shift : i + shift - n; }

template <class T>
__global__ void __launch_bounds__(threads)
    wavelet_kernel(WaveletLines s, Bundle b, WaveletTaps<T> taps, bool forward, int shift, Complex<T>* x) {
    SIMT_SHARED(std::int64_t, start, [most_lines]);
    auto* const samples = simt::dynamic_shared<Complex<T>>();
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * b.lines;
    const int lines = s.count - first < b.lines ? static_cast<int>(s.count - first) : b.lines;
    if (static_cast<int>(threadIdx.x) < lines) start[threadIdx.x] = s.start(first + threadIdx.x);
    __syncthreads();

    const int n = static_cast<int>(s.length), half = n / 2, even = 2 * half;
    const auto place = [&](int line, int i) { return start[line] + i * s.stride; };
    const auto held = [&](int line, int i) -> Complex<T>& { return samples[line * b.line_step + i * b.sample_step]; };
    for_each_sample(b, lines, n, [&](int line, int i) { held(line, i) = x[place(line, forward ? rotated(i, shift, n) : i)]; });
    __syncthreads();
    if (forward) {
        for_each_sample(b, lines, half, [&](int line, int k) {
            Complex<T> low{0, 0}, high{0, 0};
            GLEAM_UNROLL
            for (int t = 0; t < device::wavelet_taps; ++t) {
                int i = 2 * k + t;
                while (i >= even) i -= even;
                low += taps.low[t] * held(line, i);
                high += taps.high[t] * held(line, i);
            }
            x[place(line, k)] = low;
            x[place(line, half + k)] = high;
        });
    } else {
        for_each_sample(b, lines, half, [&](int line, int k) {
            Complex<T> pair[2] = {{0, 0}, {0, 0}};
            GLEAM_UNROLL
            for (int t = 0; t < device::wavelet_taps / 2; ++t) {
                int i = k - t;
                while (i < 0) i += half;
                GLEAM_UNROLL
                for (int odd = 0; odd < 2; ++odd) {
                    pair[odd] += taps.low[2 * t + odd] * held(line, i);
                    pair[odd] += taps.high[2 * t + odd] * held(line, half + i);
                }
            }
            x[place(line, rotated(2 * k, shift, n))] = pair[0];
            x[place(line, rotated(2 * k + 1, shift, n))] = pair[1];
        });
    }
    if (even < n) {  // the last of an odd number of samples stays, but for the rotation
        const int line = static_cast<int>(threadIdx.x);
        if (line < lines) x[place(line, forward ? even : rotated(even, shift, n))] = held(line, even);
    }
}

template <class T, int V>
__global__ void shrink_kernel(std::int64_t n, device::Shrink<T> shrink, Complex<T>* x) {
    auto* const packs = reinterpret_cast<simt::Pack<Complex<T>, V>*>(x);
    for (std::int64_t i : simt::Range((n + V - 1) / V)) {
        if ((i + 1) * V <= n) {
            simt::Pack<Complex<T>, V> v = packs[i];
            for (Complex<T>& c : v.v) shrink(c.re, c.im);
            packs[i] = v;
        } else {
            for (std::int64_t k = i * V; k < n; ++k) shrink(x[k].re, x[k].im);
        }
    }
}

}  // namespace

void GpuOperations::do_wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                               Arena&) {
    if (planning() || x.elements() == 0) return;
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const device::WaveletLayout layout(x.shape);
        const bool forward = direction == WaveletDirection::forward;
        device::for_each_wavelet_pass(
            layout.sides, rank, forward, shift, [&](const device::WaveletBox& box, std::size_t axis, std::int64_t first) {
                const WaveletLines lines(layout, box, axis);
                const Bundle bundle(lines, sizeof(Complex<T>));
                const auto blocks = static_cast<unsigned>((lines.count + bundle.lines - 1) / bundle.lines);
                simt::launch(
                    wavelet_kernel<T>,
                    {"wavelet", {blocks}, {threads}, static_cast<std::size_t>(bundle.lines * lines.length) * sizeof(Complex<T>)},
                    stream(), lines, bundle, WaveletTaps<T>(), forward, static_cast<int>(first), device_data<Complex<T>>(x));
            });
    });
}

void GpuOperations::do_soft_threshold(double threshold, const Tensor& x) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        constexpr int pack = 16 / sizeof(Complex<T>);
        const device::Shrink<T> shrink{T(threshold)};
        const auto launch = [&](auto kernel, int at_once) {
            simt::launch(kernel, {"soft_threshold", {blocks_for((x.elements() + at_once - 1) / at_once, threads)}, {threads}},
                         stream(), x.elements(), shrink, device_data<Complex<T>>(x));
        };
        if (reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0)
            launch(shrink_kernel<T, pack>, pack);
        else
            launch(shrink_kernel<T, 1>, 1);
    });
}

}  // namespace gleam::kernels::cu
