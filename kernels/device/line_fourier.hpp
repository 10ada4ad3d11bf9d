// What Fourier transforms of lines are made of on every device: their stages, and the transforms of a few points in registers.
//
// Forward: decimation in frequency, in place, natural order in, permuted order out. A stage of radix r takes each block of points
// apart into r parts: r points, a part apart, are transformed, and output k is turned by exp(-2 pi i j k / block), where j is its
// place in the part. The inverse is the same stages backwards, and in each the steps backwards. It is the forward step with real
// and imaginary parts exchanged, so callers exchange their arrays. (Gentleman & Sande 1966; Cooley & Tukey 1965.)
//
// V: a number, or a vector of as many lines as it has lanes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <numbers>

#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

inline constexpr int largest_radix = 31;

// The radices of the stages, first to last; none for length 1 and for lengths with a prime factor above the largest radix.
struct LineStages {
    int count = 0;
    int radix[40] = {};

    // Which frequency stands at a place of the permuted order: part q of a stage holds the frequencies q + radix * (those within
    // the part).
    template <class Int>
    GLEAM_DEVICE Int frequency(Int length, Int place) const {
        Int frequency = 0, weight = 1, part = length;
        for (int s = 0; s < count; ++s) {
            part /= radix[s];
            frequency += weight * (place / part);
            weight *= radix[s];
            place %= part;
        }
        return frequency;
    }
};

// Larger radices first, then the odd primes.
inline LineStages stages_of(std::int64_t length) {
    LineStages stages;
    const auto take = [&](int radix) {
        stages.radix[stages.count++] = radix;
        length /= radix;
    };
    for (const int radix : {8, 4, 2})
        while (length % radix == 0 && !(radix == 8 && length % 32 != 0 && length % 16 == 0)) take(radix);
    for (int radix = 3; radix <= largest_radix; radix += 2)
        while (length % radix == 0) take(radix);
    return length == 1 ? stages : LineStages{};
}

template <class V>
GLEAM_DEVICE_INLINE void add_and_subtract(V& a, V& b) {
    const V sum = a + b;
    b = a - b;
    a = sum;
}

template <class V>
GLEAM_DEVICE_INLINE void transform4(V& r0, V& i0, V& r1, V& i1, V& r2, V& i2, V& r3, V& i3) {
    add_and_subtract(r0, r2), add_and_subtract(i0, i2);
    add_and_subtract(r1, r3), add_and_subtract(i1, i3);
    add_and_subtract(r0, r1), add_and_subtract(i0, i1);
    const V r = r2 + i3, i = i2 - r3;
    const V s = r2 - i3, j = i2 + r3;
    const V r_two = r1, i_two = i1;
    r1 = r, i1 = i, r2 = r_two, i2 = i_two, r3 = s, i3 = j;
}

template <class T, class V>
GLEAM_DEVICE_INLINE void transform8(V* r, V* i) {
    transform4(r[0], i[0], r[2], i[2], r[4], i[4], r[6], i[6]);
    transform4(r[1], i[1], r[3], i[3], r[5], i[5], r[7], i[7]);
    const T h = T(std::numbers::sqrt2 / 2);
    const V r3 = r[3], r7 = r[7], i5 = i[5];
    r[3] = h * (r3 + i[3]), i[3] = h * (i[3] - r3);
    i[5] = -r[5], r[5] = i5;
    r[7] = h * (i[7] - r7), i[7] = -h * (i[7] + r7);
    GLEAM_UNROLL
    for (int k = 0; k < 8; k += 2) add_and_subtract(r[k], r[k + 1]), add_and_subtract(i[k], i[k + 1]);
    // Frequency q stands at 2q, frequency q + 4 at 2q + 1.
    const V a[8] = {r[0], r[2], r[4], r[6], r[1], r[3], r[5], r[7]}, b[8] = {i[0], i[2], i[4], i[6], i[1], i[3], i[5], i[7]};
    GLEAM_UNROLL
    for (int k = 0; k < 8; ++k) r[k] = a[k], i[k] = b[k];
}

// An odd number n of points as sums and differences of opposite ones; Most: the largest n / 2.
template <class V, int Most>
struct OddPoints {
    V sum_r[Most + 1], sum_i[Most + 1], dif_r[Most + 1], dif_i[Most + 1];  // [0]: the first point in sum_, not used in dif_
    V first_r, first_i;                                                    // frequency 0

    GLEAM_DEVICE_INLINE OddPoints(int n, const V* r, const V* i) {
        sum_r[0] = first_r = r[0], sum_i[0] = first_i = i[0];
        GLEAM_UNROLL
        for (int k = 1; k <= n / 2; ++k) {
            sum_r[k] = r[k] + r[n - k], sum_i[k] = i[k] + i[n - k];
            dif_r[k] = r[k] - r[n - k], dif_i[k] = i[k] - i[n - k];
            first_r += sum_r[k], first_i += sum_i[k];
        }
    }

    // Frequencies q and n - q, 0 < q <= n / 2. roots.cosine(k) and sine(k): of 2 pi k / n.
    template <class T, class Roots>
    GLEAM_DEVICE_INLINE void frequencies(int n, int q, const Roots& roots, V& r_q, V& i_q, V& r_other, V& i_other) const {
        V a = sum_r[0], b = sum_i[0], c{}, d{};
        int turn = 0;
        GLEAM_UNROLL
        for (int k = 1; k <= n / 2; ++k) {
            turn += q;
            if (turn >= n) turn -= n;
            const T cosine = roots.cosine(turn), sine = roots.sine(turn);
            a += cosine * sum_r[k], b += cosine * sum_i[k];
            c += sine * dif_i[k], d += sine * dif_r[k];
        }
        r_q = a + c, i_q = b - d;
        r_other = a - c, i_other = b + d;
    }
};

template <class T, int Most, class V, class Roots>
GLEAM_DEVICE_INLINE void transform_odd(int n, V* r, V* i, const Roots& roots) {
    const OddPoints<V, Most> points(n, r, i);
    GLEAM_UNROLL
    for (int q = 1; q <= n / 2; ++q) points.template frequencies<T>(n, q, roots, r[q], i[q], r[n - q], i[n - q]);
    r[0] = points.first_r, i[0] = points.first_i;
}

}  // namespace gleam::kernels::device
