// Fourier transforms of a tile of lines in shared memory, forward, times a mask, and back, in place: natural order in and out,
// permuted order in between (kernels/device/line_fourier.hpp). The last stage forward and the first one back touch the same
// numbers, so a thread keeps them in registers, and the mask is multiplied there.
//
// Threads  one butterfly of one line each; neighbouring threads have neighbouring lines. A barrier between stages, none within.
// Shared   a number is read and written once per stage, but once for the last one and its inverse together.
#pragma once

#include "kernels/cu/simt.hpp"
#include "kernels/device/complex.hpp"
#include "kernels/device/line_fourier.hpp"

namespace gleam::kernels::cu {

// The stages of a transform, passed to kernels by value. Stage s takes blocks of radix[s] part[s] points apart into parts.
struct LinePlan {
    static constexpr int most_stages = 12, most_points = 4096;

    int points = 1;
    device::LineStages stages;
    int part[most_stages] = {}, butterflies[most_stages] = {};
    unsigned reciprocal[most_stages] = {};  // of the part: b / part = b reciprocal / 2^32 for b < 2^32 / part

    LinePlan() = default;
    // Of up to most_points points, whose stages_of() are not none.
    explicit LinePlan(int length) : points(length), stages(device::stages_of(length)) {
        // What sense_lines.cu keeps in registers all the time is as much as the first radix: rather 4 or 5 than 8, rather 5
        // than 2.
        int best = 0;
        for (int s = 0; s < stages.count; ++s)
            if (stages.radix[s] == 4 || (stages.radix[s] == 5 && stages.radix[best] != 4)) best = s;
        std::swap(stages.radix[best], stages.radix[0]);
        int block = length;
        for (int s = 0; s < stages.count; ++s) {
            block /= stages.radix[s];
            part[s] = block;
            butterflies[s] = length / stages.radix[s];
            reciprocal[s] = block > 1 ? static_cast<unsigned>((std::uint64_t{1} << 32) / static_cast<unsigned>(block)) + 1 : 0;
        }
    }

    // Whether a stage is none of those of 2, 3, 4, 5 and 8 points.
    bool has_large_radix() const {
        for (int s = 0; s < stages.count; ++s)
            if (stages.radix[s] > 5 && stages.radix[s] != 8) return true;
        return false;
    }
};

// 1 << log_lines lines in shared memory, with exp(-2 pi i k / points) and the mask in permuted order.
template <class T>
struct LineTile {
    device::Complex<T>* data;
    const device::Complex<T>* roots;
    const T* mask;
    int log_lines, place_pitch, line_pitch;

    GLEAM_DEVICE device::Complex<T>& at(int place, int line) const { return data[place * place_pitch + line * line_pitch]; }
};

// cos and sin of 2 pi k / R, known when the kernel is compiled; R is 3 or 5.
template <class T, int R>
struct FixedRoots {
    GLEAM_DEVICE_INLINE T cosine(int k) const {
        if (k == 0) return T(1);
        if (R == 3) return T(-0.5);
        return k == 1 || k == 4 ? T(0.30901699437494742410) : T(-0.80901699437494742410);
    }
    GLEAM_DEVICE_INLINE T sine(int k) const {
        if (k == 0) return T(0);
        const T size = R == 3             ? T(0.86602540378443864676)
                       : k == 1 || k == 4 ? T(0.95105651629515357212)
                                          : T(0.58778525229247312917);
        return 2 * k < R ? size : -size;
    }
};

template <int R, class T>
GLEAM_DEVICE_INLINE void butterfly(T* r, T* i) {
    if constexpr (R == 2) {
        device::add_and_subtract(r[0], r[1]), device::add_and_subtract(i[0], i[1]);
    } else if constexpr (R == 4) {
        device::transform4(r[0], i[0], r[1], i[1], r[2], i[2], r[3], i[3]);
    } else if constexpr (R == 8) {
        device::transform8<T>(r, i);
    } else {
        static_assert(R == 3 || R == 5);
        device::transform_odd<T, R / 2>(R, r, i, FixedRoots<T, R>());
    }
}

// (r, i)[k] *= roots[k step]
template <int R, class T>
GLEAM_DEVICE_INLINE void turn(T* r, T* i, const device::Complex<T>* roots, int step) {
    GLEAM_UNROLL
    for (int k = 1; k < R; ++k) {
        const device::Complex<T> turned = device::Complex<T>{r[k], i[k]} * roots[k * step];
        r[k] = turned.re, i[k] = turned.im;
    }
}

// What is done with a stage: forward; forward, times the mask, and back; back.
enum class Pass : std::uint8_t { forward, mask, inverse };

// Where a butterfly of stage s lies: butterfly n of all lines, neighbouring lines first.
struct Butterfly {
    int line, first, place_in_part;

    GLEAM_DEVICE Butterfly(const LinePlan& plan, int s, int log_lines, unsigned n, bool last) {
        const unsigned b = n >> log_lines;
        line = static_cast<int>(n - (b << log_lines));
        if (last) {  // parts of one point
            first = static_cast<int>(b) * plan.stages.radix[s];
            place_in_part = 0;
            return;
        }
        const auto block = static_cast<int>((static_cast<std::uint64_t>(b) * plan.reciprocal[s]) >> 32);
        place_in_part = static_cast<int>(b) - block * plan.part[s];
        first = block * plan.stages.radix[s] * plan.part[s] + place_in_part;
    }
};

template <Pass pass, int R, class T>
__device__ void small_stage(const LinePlan& plan, int s, const LineTile<T>& tile) {
    const int part = pass == Pass::mask ? 1 : plan.part[s];
    const int stride = plan.butterflies[s] / part;  // of the roots: points / block
    const unsigned all = static_cast<unsigned>(plan.butterflies[s]) << tile.log_lines;
    for (unsigned n = threadIdx.x; n < all; n += blockDim.x) {
        const Butterfly b(plan, s, tile.log_lines, n, pass == Pass::mask);
        T r[R], i[R];
        GLEAM_UNROLL
        for (int k = 0; k < R; ++k) {
            const device::Complex<T> v = tile.at(b.first + k * part, b.line);
            r[k] = v.re, i[k] = v.im;
        }
        // The inverse: real and imaginary parts exchanged.
        if constexpr (pass == Pass::inverse) {
            turn<R>(i, r, tile.roots, b.place_in_part * stride);
            butterfly<R>(i, r);
        } else {
            butterfly<R>(r, i);
            if constexpr (pass == Pass::forward) {
                turn<R>(r, i, tile.roots, b.place_in_part * stride);
            } else {
                GLEAM_UNROLL
                for (int k = 0; k < R; ++k) r[k] *= tile.mask[b.first + k], i[k] *= tile.mask[b.first + k];
                butterfly<R>(i, r);
            }
        }
        GLEAM_UNROLL
        for (int k = 0; k < R; ++k) tile.at(b.first + k * part, b.line) = {r[k], i[k]};
    }
}

// cos and sin of 2 pi k / R from the roots of all points.
template <class T>
struct TableRoots {
    const device::Complex<T>* at;
    int stride;

    GLEAM_DEVICE_INLINE T cosine(int k) const { return at[k * stride].re; }
    GLEAM_DEVICE_INLINE T sine(int k) const { return -at[k * stride].im; }
};

// A prime number of points. They are in registers, their frequencies go to shared memory one pair after the other, so that the
// loop over these need not be unrolled.
template <Pass pass, int R, class T>
__device__ void prime_stage(const LinePlan& plan, int s, const LineTile<T>& tile) {
    const int part = pass == Pass::mask ? 1 : plan.part[s];
    const int stride = plan.butterflies[s] / part;
    const TableRoots<T> roots{tile.roots, plan.butterflies[s]};
    const unsigned all = static_cast<unsigned>(plan.butterflies[s]) << tile.log_lines;
    for (unsigned n = threadIdx.x; n < all; n += blockDim.x) {
        const Butterfly b(plan, s, tile.log_lines, n, pass == Pass::mask);
        GLEAM_UNROLL_BY(1)
        for (int back = pass == Pass::inverse ? 1 : 0; back <= (pass == Pass::forward ? 0 : 1); ++back) {
            T r[R], i[R];
            GLEAM_UNROLL
            for (int k = 0; k < R; ++k) {
                const device::Complex<T> v = tile.at(b.first + k * part, b.line);
                r[k] = back ? v.im : v.re, i[k] = back ? v.re : v.im;
                if (pass == Pass::inverse) {
                    const device::Complex<T> turned = device::Complex<T>{r[k], i[k]} * tile.roots[b.place_in_part * k * stride];
                    r[k] = turned.re, i[k] = turned.im;
                }
            }
            const device::OddPoints<T, R / 2> points(R, r, i);
            const auto put = [&](int k, device::Complex<T> v) {
                if (pass == Pass::forward) v = v * tile.roots[b.place_in_part * k * stride];
                if (pass == Pass::mask && !back) v = tile.mask[b.first + k] * v;
                tile.at(b.first + k * part, b.line) = back ? device::Complex<T>{v.im, v.re} : v;
            };
            put(0, {points.first_r, points.first_i});
            GLEAM_UNROLL_BY(1)
            for (int q = 1; q <= R / 2; ++q) {
                device::Complex<T> v, other;
                points.template frequencies<T>(R, q, roots, v.re, v.im, other.re, other.im);
                put(q, v), put(R - q, other);
            }
        }
    }
}

// Stage s of all lines, by all threads of the block. LargeRadix: whether the plan may have one.
template <Pass pass, bool LargeRadix, class T>
__device__ void line_stage(const LinePlan& plan, int s, const LineTile<T>& tile) {
    switch (plan.stages.radix[s]) {
        case 2:
            return small_stage<pass, 2>(plan, s, tile);
        case 3:
            return small_stage<pass, 3>(plan, s, tile);
        case 4:
            return small_stage<pass, 4>(plan, s, tile);
        case 5:
            return small_stage<pass, 5>(plan, s, tile);
        case 8:
            return small_stage<pass, 8>(plan, s, tile);
        default:
            break;
    }
    if constexpr (LargeRadix) switch (plan.stages.radix[s]) {
            case 7:
                return prime_stage<pass, 7>(plan, s, tile);
            case 11:
                return prime_stage<pass, 11>(plan, s, tile);
            case 13:
                return prime_stage<pass, 13>(plan, s, tile);
            case 17:
                return prime_stage<pass, 17>(plan, s, tile);
            case 19:
                return prime_stage<pass, 19>(plan, s, tile);
            case 23:
                return prime_stage<pass, 23>(plan, s, tile);
            case 29:
                return prime_stage<pass, 29>(plan, s, tile);
            case 31:
                return prime_stage<pass, 31>(plan, s, tile);
            default:
                break;
        }
}

// What the tile holds becomes F^-1 mask F of it, along its lines. The stages before `first` are the caller's, forward before this
// and back after it. Every thread may then read what it wrote before.
template <bool LargeRadix, class T>
__device__ void filter_lines(const LinePlan& plan, int first, const LineTile<T>& tile) {
    const int last = plan.stages.count - 1;
    __syncthreads();
    for (int s = first; s < last; ++s) {
        line_stage<Pass::forward, LargeRadix>(plan, s, tile);
        __syncthreads();
    }
    line_stage<Pass::mask, LargeRadix>(plan, last, tile);
    __syncthreads();
    for (int s = last - 1; s >= first; --s) {
        line_stage<Pass::inverse, LargeRadix>(plan, s, tile);
        __syncthreads();
    }
}

}  // namespace gleam::kernels::cu
