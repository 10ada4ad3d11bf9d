// Separable wavelet transform in place, and shrinkage of its coefficients.
//
// A level runs along each axis of a corner box of the image in turn; its approximations are the corner box of the next level. All
// axes are done the same way: sixteen lines at a time are gathered side by side into scratch memory, so that the filter is plain
// vector arithmetic whatever the stride of the axis.
#include "kernels/device/wavelet.hpp"

#include <omp.h>

#include <vector>

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t lines_at_once = 16, row = 2 * lines_at_once;  // a row: one sample of each line, as real numbers
constexpr std::int64_t wrapped = device::wavelet_taps - 2;           // rows that repeat the other end of a periodic line

using Box = std::array<std::int64_t, 3>;  // z, y, x

// [N, T, 1, Z, Y, X, E] as images, their sides, and values per pixel.
struct Layout {
    std::int64_t images, inner;
    Box sides;

    explicit Layout(const Shape& s) : images(s[0] * s[1] * s[2]), inner(s.rank() == 7 ? s[6] : 1), sides{s[3], s[4], s[5]} {}

    std::int64_t stride(std::size_t axis) const {
        std::int64_t n = inner;
        for (std::size_t a = 2; a > axis; --a) n *= sides[a];
        return n;
    }
};

// The box of every level, from the whole image to the last one that is still transformed.
std::vector<Box> boxes_of(const Layout& layout, int rank) {
    std::vector<Box> boxes;
    for (Box box = layout.sides;;) {
        Box next = box;
        for (std::size_t axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis) next[axis] = device::coarse_side(box[axis]);
        if (next == box) return boxes;
        boxes.push_back(box);
        box = next;
    }
}

// The lines along `axis` inside the corner `box`, numbered so that neighbours in memory are neighbours.
struct Lines {
    const Layout& layout;
    const Box& box;
    std::size_t axis;

    std::int64_t length() const { return box[axis]; }
    std::int64_t count() const { return length() ? layout.images * layout.inner * box[0] * box[1] * box[2] / length() : 0; }
    // Place of the first sample of a line.
    std::int64_t start(std::int64_t line) const {
        std::int64_t place = line % layout.inner;
        line /= layout.inner;
        for (std::size_t a = 3; a-- > 0;) {
            if (a == axis) continue;
            place += line % box[a] * layout.stride(a);
            line /= box[a];
        }
        return place + line * layout.stride(0) * layout.sides[0];
    }
};

// Sixteen lines in memory (the last ones may repeat; `count` are real), reading and writing one sample of each.
template <class T>
struct Bundle {
    std::complex<T>* start[lines_at_once];
    std::int64_t count, stride;

    Bundle(std::complex<T>* data, const Lines& lines, std::int64_t first)
        : count(std::min(lines_at_once, lines.count() - first)), stride(lines.layout.stride(lines.axis)) {
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

template <class T>
struct Taps {
    T low[device::wavelet_taps], high[device::wavelet_taps];

    Taps() {
        for (std::size_t t = 0; t < device::wavelet_taps; ++t) {
            low[t] = static_cast<T>(device::wavelet_low[t]);
            high[t] = static_cast<T>(device::wavelet_high[t]);
        }
    }
};

std::int64_t rotated(std::int64_t i, std::int64_t shift, std::int64_t n) { return i + shift < n ? i + shift : i + shift - n; }

// One level forward: `n` samples, read from `shift` on.
template <class T>
void analyse(const Bundle<T>& lines, std::int64_t n, std::int64_t shift, const Taps<T>& taps, T* scratch) {
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
void synthesise(const Bundle<T>& lines, std::int64_t n, std::int64_t shift, const Taps<T>& taps, T* scratch) {
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

void CpuOperations::do_wavelet(WaveletDirection direction, int rank, const Box& shift, const Tensor& x, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Layout layout(x.shape);
        const std::int64_t longest = std::max({layout.sides[0], layout.sides[1], layout.sides[2]});
        const std::int64_t per_thread = (longest + wrapped) * row;
        const Lease scratch = workspace.acquire("wavelet", static_cast<std::size_t>(threads_ * per_thread) * sizeof(T));
        if (planning() || x.elements() == 0) return;

        static const Taps<T> taps;
        const auto pass = [&](const Box& box, std::size_t axis, std::int64_t first) {
            const Lines lines{layout, box, axis};
            const std::int64_t bundles = (lines.count() + lines_at_once - 1) / lines_at_once;
#pragma omp parallel for schedule(static) num_threads(threads_) if (bundles > 4)
            for (std::int64_t b = 0; b < bundles; ++b) {
                T* own = static_cast<T*>(scratch.data()) + omp_get_thread_num() * per_thread;
                const Bundle<T> bundle(x.as<std::complex<T>>(), lines, b * lines_at_once);
                if (direction == WaveletDirection::forward)
                    analyse(bundle, lines.length(), first, taps, own);
                else
                    synthesise(bundle, lines.length(), first, taps, own);
            }
        };
        const std::vector<Box> boxes = boxes_of(layout, rank);
        const bool forward = direction == WaveletDirection::forward;
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            const std::size_t level = forward ? i : boxes.size() - 1 - i;
            for (std::size_t axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis) {
                const std::int64_t n = boxes[level][axis];
                if (device::coarse_side(n) != n) pass(boxes[level], axis, level == 0 ? shift[axis] % n : 0);
            }
        }
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
