// Separable wavelet transform in place, and shrinkage of its coefficients.
//
// A level runs along each axis of a corner box of the image in turn; its approximations are the corner box of the next level. All
// axes are done the same way: sixteen lines at a time are gathered side by side into scratch memory, so that the filter is plain
// vector arithmetic whatever the stride of the axis.
#include "kernels/device/wavelet.hpp"

#include <omp.h>

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t lines_at_once = 16, row = 2 * lines_at_once;  // a row: one sample of each line, as real numbers
constexpr std::int64_t wrapped = device::wavelet_taps - 2;           // rows that repeat the other end of a periodic line

using device::WaveletBox, device::WaveletLayout, device::WaveletLines, device::WaveletTaps;

// Sixteen lines in memory (the last ones may repeat; `count` are real), reading and writing one sample of each.
template <class T>
struct Bundle {
    std::complex<T>* start[lines_at_once];
    std::int64_t count, stride;

    Bundle(std::complex<T>* data, const WaveletLines& lines, std::int64_t first)
        : count(std::min(lines_at_once, lines.count - first)), stride(lines.stride) {
        for (std::int64_t w = 0; w < lines_at_once; ++w) start[w] = data + lines.start(first + std::min(w, count - 1));
    }
    void load(std::int64_t sample, T* out) const {
        for (std::int64_t w = 0; w < lines_at_once; ++w) {
            const std::complex<T> v = start[w][sample * stride];
            out[2 * w] = v.real();
            out[2 * w + 1] = v.imag();
        }
    }
    void store(std::int64_t sample, const T* in) const {
        for (std::int64_t w = 0; w < count; ++w) start[w][sample * stride] = {in[2 * w], in[2 * w + 1]};
    }
};

std::int64_t rotated(std::int64_t i, std::int64_t shift, std::int64_t n) { return i + shift < n ? i + shift : i + shift - n; }

// One level forward: `n` samples, read from `shift` on.
template <class T>
void analyse(const Bundle<T>& lines, std::int64_t n, std::int64_t shift, const WaveletTaps<T>& taps, T* scratch) {
    const std::int64_t even = n / 2 * 2;
    T last[row];
    for (std::int64_t i = 0; i < even; ++i) lines.load(rotated(i, shift, n), scratch + i * row);
    if (even < n) lines.load(rotated(even, shift, n), last);
    std::copy_n(scratch, wrapped * row, scratch + even * row);
    for (std::int64_t k = 0; k < even / 2; ++k) {
        T low[row] = {}, high[row] = {};
        for (std::int64_t t = 0; t < device::wavelet_taps; ++t) {
            const T* in = scratch + (2 * k + t) * row;
#pragma omp simd
            for (std::int64_t j = 0; j < row; ++j) {
                low[j] += taps.low[t] * in[j];
                high[j] += taps.high[t] * in[j];
            }
        }
        lines.store(k, low);
        lines.store(even / 2 + k, high);
    }
    if (even < n) lines.store(even, last);
}

// Its transpose.
template <class T>
void synthesise(const Bundle<T>& lines, std::int64_t n, std::int64_t shift, const WaveletTaps<T>& taps, T* scratch) {
    const std::int64_t half = n / 2, even = 2 * half, before = wrapped / 2;
    T last[row];
    T *low = scratch + before * row, *high = low + (half + before) * row;
    for (std::int64_t k = 0; k < half; ++k) {
        lines.load(k, low + k * row);
        lines.load(half + k, high + k * row);
    }
    if (even < n) lines.load(even, last);
    for (T* part : {low, high}) std::copy_n(part + (half - before) * row, before * row, part - before * row);
    for (std::int64_t k = 0; k < half; ++k)
        for (std::int64_t odd = 0; odd < 2; ++odd) {
            T out[row] = {};
            for (std::int64_t t = 0; t < device::wavelet_taps / 2; ++t) {
                const T *a = low + (k - t) * row, *b = high + (k - t) * row;
                const T p = taps.low[2 * t + odd], q = taps.high[2 * t + odd];
#pragma omp simd
                for (std::int64_t j = 0; j < row; ++j) out[j] += p * a[j] + q * b[j];
            }
            lines.store(rotated(2 * k + odd, shift, n), out);
        }
    if (even < n) lines.store(rotated(even, shift, n), last);
}

}  // namespace

void CpuOperations::do_wavelet(WaveletDirection direction, int rank, const WaveletBox& shift, const Tensor& x, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const WaveletLayout layout(x.shape);
        const std::int64_t longest = std::max({layout.sides[0], layout.sides[1], layout.sides[2]});
        const std::int64_t per_thread = (longest + wrapped) * row;
        const Lease scratch = workspace.acquire("wavelet", static_cast<std::size_t>(threads_ * per_thread) * sizeof(T));
        if (planning() || x.elements() == 0) return;

        static const WaveletTaps<T> taps;
        const auto pass = [&](const WaveletBox& box, std::size_t axis, std::int64_t first) {
            const WaveletLines lines(layout, box, axis);
            const std::int64_t bundles = (lines.count + lines_at_once - 1) / lines_at_once;
#pragma omp parallel for schedule(static) num_threads(threads_) if (bundles > 4)
            for (std::int64_t b = 0; b < bundles; ++b) {
                T* own = static_cast<T*>(scratch.data()) + omp_get_thread_num() * per_thread;
                const Bundle<T> bundle(x.as<std::complex<T>>(), lines, b * lines_at_once);
                if (direction == WaveletDirection::forward)
                    analyse(bundle, lines.length, first, taps, own);
                else
                    synthesise(bundle, lines.length, first, taps, own);
            }
        };
        device::for_each_wavelet_pass(layout.sides, rank, direction == WaveletDirection::forward, shift, pass);
    });
}

void CpuOperations::do_soft_threshold(double threshold, const Tensor& x) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const device::Shrink<T> shrink{T(threshold)};
        T* v = static_cast<T*>(x.data);
        parallel_ranges(x.elements(), elementwise_grain, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i) shrink(v[2 * i], v[2 * i + 1]);
        });
    });
}

}  // namespace gleam::kernels::cpu
