#include "kernels/cpu/line_fourier.hpp"

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>

#include "kernels/cpu/lanes.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr int largest_radix = 31;

// Larger ones first; the rest of the length in primes. Empty with `rest` > 1 when a prime is too large.
std::vector<int> radices_of(std::int64_t length) {
    std::vector<int> radices;
    for (const int radix : {8, 4, 2})
        while (length % radix == 0 && !(radix == 8 && length % 32 != 0 && length % 16 == 0))
            radices.push_back(radix), length /= radix;
    for (int radix = 3; radix <= largest_radix; radix += 2)
        while (length % radix == 0) radices.push_back(radix), length /= radix;
    if (length > 1) radices.clear();
    return radices;
}

// These must be inlined: what they get are arrays that are to stay in registers.
template <class V>
[[gnu::always_inline]] inline void add_and_subtract(V& a, V& b) {
    const V sum = a + b;
    b = a - b;
    a = sum;
}

template <class V>
[[gnu::always_inline]] inline void transform4(V& r0, V& i0, V& r1, V& i1, V& r2, V& i2, V& r3, V& i3) {
    add_and_subtract(r0, r2), add_and_subtract(i0, i2);
    add_and_subtract(r1, r3), add_and_subtract(i1, i3);
    add_and_subtract(r0, r1), add_and_subtract(i0, i1);
    const V r = r2 + i3, i = i2 - r3;
    const V s = r2 - i3, j = i2 + r3;
    const V r_two = r1, i_two = i1;
    r1 = r, i1 = i, r2 = r_two, i2 = i_two, r3 = s, i3 = j;
}

template <class T, class V>
[[gnu::always_inline]] inline void transform8(V* r, V* i) {
    transform4(r[0], i[0], r[2], i[2], r[4], i[4], r[6], i[6]);
    transform4(r[1], i[1], r[3], i[3], r[5], i[5], r[7], i[7]);
    const T h = T(std::numbers::sqrt2 / 2);
    const V r3 = r[3], r7 = r[7], i5 = i[5];
    r[3] = h * (r3 + i[3]), i[3] = h * (i[3] - r3);
    i[5] = -r[5], r[5] = i5;
    r[7] = h * (i[7] - r7), i[7] = -h * (i[7] + r7);
    for (int k = 0; k < 8; k += 2) add_and_subtract(r[k], r[k + 1]), add_and_subtract(i[k], i[k + 1]);
    // Frequency q stands at 2q, frequency q + 4 at 2q + 1.
    const V a[8] = {r[0], r[2], r[4], r[6], r[1], r[3], r[5], r[7]}, b[8] = {i[0], i[2], i[4], i[6], i[1], i[3], i[5], i[7]};
    for (int k = 0; k < 8; ++k) r[k] = a[k], i[k] = b[k];
}

// Any odd number of points, by sums and differences of opposite ones.
template <class T, class V>
[[gnu::always_inline]] inline void transform_odd(int n, V* r, V* i, const T* roots) {
    const int half = n / 2;
    V sum_r[largest_radix / 2 + 1], sum_i[largest_radix / 2 + 1], dif_r[largest_radix / 2 + 1], dif_i[largest_radix / 2 + 1];
    V first_r = r[0], first_i = i[0];
    for (int k = 1; k <= half; ++k) {
        sum_r[k] = r[k] + r[n - k], sum_i[k] = i[k] + i[n - k];
        dif_r[k] = r[k] - r[n - k], dif_i[k] = i[k] - i[n - k];
        first_r += sum_r[k], first_i += sum_i[k];
    }
    for (int q = 1; q <= half; ++q) {
        V a = r[0], b = i[0], c{}, d{};
        int turn = 0;
        for (int k = 1; k <= half; ++k) {
            turn += q;
            if (turn >= n) turn -= n;
            const T cosine = roots[2 * turn], sine = roots[2 * turn + 1];
            a += cosine * sum_r[k], b += cosine * sum_i[k];
            c += sine * dif_i[k], d += sine * dif_r[k];
        }
        r[q] = a + c, i[q] = b - d;
        r[n - q] = a - c, i[n - q] = b + d;
        // r[0], i[0] stay until all frequencies are there: the sums above hold what else is needed.
    }
    r[0] = first_r, i[0] = first_i;
}

template <class T, int Radix, class V>
[[gnu::always_inline]] inline void transform(int radix, V* r, V* i, const T* roots) {
    if constexpr (Radix == 2) {
        add_and_subtract(r[0], r[1]), add_and_subtract(i[0], i[1]);
    } else if constexpr (Radix == 4) {
        transform4(r[0], i[0], r[1], i[1], r[2], i[2], r[3], i[3]);
    } else if constexpr (Radix == 8) {
        transform8<T>(r, i);
    } else {
        transform_odd(Radix ? Radix : radix, r, i, roots);
    }
}

// One step at one place j of a block: transform `radix` points m apart and turn them by the twiddles. The inverse turns first.
// It is the forward step with real and imaginary parts exchanged, which is how `re` and `im` come here.
template <class T, int Radix, bool Inverse, bool Turn>
[[gnu::always_inline]] inline void step(int radix, T* re, T* im, std::int64_t distance, const T* twiddles, const T* roots) {
    using V = typename Lanes<T>::Vector;
    const int n = Radix ? Radix : radix;
    V r[Radix ? Radix : largest_radix], i[Radix ? Radix : largest_radix];
    const auto turn = [&](int k) __attribute__((always_inline)) {
        if (!Turn || k == 0) return;
        const T c = twiddles[2 * (k - 1)], s = twiddles[2 * (k - 1) + 1];
        const V turned = r[k] * c - i[k] * s;
        i[k] = r[k] * s + i[k] * c;
        r[k] = turned;
    };
    for (int k = 0; k < n; ++k) {
        r[k] = load_lanes(re + k * distance), i[k] = load_lanes(im + k * distance);
        if (Inverse) turn(k);
    }
    transform<T, Radix>(radix, r, i, roots);
    for (int k = 0; k < n; ++k) {
        if (!Inverse) turn(k);
        store_lanes<T>(re + k * distance, r[k]), store_lanes<T>(im + k * distance, i[k]);
    }
}

template <class T, int Radix, bool Inverse>
void all_steps(int radix, T* data, std::int64_t points, std::int64_t block, const T* twiddles, const T* roots) {
    constexpr std::int64_t lanes = Lanes<T>::count;
    const std::int64_t parts = block / radix, distance = parts * 2 * lanes;
    T *re = data + (Inverse ? lanes : 0), *im = data + (Inverse ? 0 : lanes);
    for (std::int64_t b = 0; b < points; b += block) {
        const std::int64_t at = b * 2 * lanes;
        step<T, Radix, Inverse, false>(radix, re + at, im + at, distance, twiddles, roots);
        for (std::int64_t j = 1; j < parts; ++j)
            step<T, Radix, Inverse, true>(radix, re + at + j * 2 * lanes, im + at + j * 2 * lanes, distance,
                                          twiddles + j * 2 * (radix - 1), roots);
    }
}

// The last stage: transforms every `radix` points beside one another, multiplies them and transforms them back.
template <class T, int Radix, bool PerLane>
void multiply_last(int radix, T* data, std::int64_t points, const T* factors, const T* roots) {
    using V = typename Lanes<T>::Vector;
    constexpr std::int64_t lanes = Lanes<T>::count, factor = PerLane ? lanes : 1;
    const int n = Radix ? Radix : radix;
    for (std::int64_t b = 0; b < points; b += n, data += n * 2 * lanes, factors += n * factor) {
        V r[Radix ? Radix : largest_radix], i[Radix ? Radix : largest_radix];
        for (int k = 0; k < n; ++k) r[k] = load_lanes(data + k * 2 * lanes), i[k] = load_lanes(data + (2 * k + 1) * lanes);
        transform<T, Radix>(radix, r, i, roots);
        for (int k = 0; k < n; ++k) {
            if constexpr (PerLane) {
                const V m = load_lanes(factors + k * lanes);
                r[k] *= m, i[k] *= m;
            } else {
                r[k] *= factors[k], i[k] *= factors[k];
            }
        }
        transform<T, Radix>(radix, i, r, roots);  // the inverse is the forward step of exchanged parts
        for (int k = 0; k < n; ++k) store_lanes<T>(data + k * 2 * lanes, r[k]), store_lanes<T>(data + (2 * k + 1) * lanes, i[k]);
    }
}

// Calls f(the radix as a constant), 0 for those that have no code of their own.
template <class F>
void with_radix(int radix, F&& f) {
    switch (radix) {
        case 2:
            return f(std::integral_constant<int, 2>());
        case 3:
            return f(std::integral_constant<int, 3>());
        case 4:
            return f(std::integral_constant<int, 4>());
        case 5:
            return f(std::integral_constant<int, 5>());
        case 8:
            return f(std::integral_constant<int, 8>());
        default:
            return f(std::integral_constant<int, 0>());
    }
}

}  // namespace

template <class T>
const LineFourier<T>* LineFourier<T>::get(std::int64_t length) {
    static std::mutex mutex;
    static std::map<std::int64_t, std::unique_ptr<LineFourier>> lines;  // kept until the program ends
    std::lock_guard lock(mutex);
    auto [it, fresh] = lines.try_emplace(length);
    if (fresh && (length == 1 || !radices_of(length).empty())) it->second.reset(new LineFourier(length));
    return it->second.get();
}

template <class T>
LineFourier<T>::LineFourier(std::int64_t length) : length_(length), frequencies_(static_cast<std::size_t>(length)) {
    std::int64_t block = length;
    const auto angle = [](std::int64_t k, std::int64_t n) {
        return 2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
    };
    for (const int radix : radices_of(length)) {
        Stage stage{radix, block, {}, {}};
        for (std::int64_t j = 0; j < block / radix; ++j)
            for (int q = 1; q < radix; ++q) {
                stage.twiddles.push_back(static_cast<T>(std::cos(angle(j * q, block))));
                stage.twiddles.push_back(static_cast<T>(-std::sin(angle(j * q, block))));
            }
        for (int q = 0; q < radix; ++q) {
            stage.roots.push_back(static_cast<T>(std::cos(angle(q, radix))));
            stage.roots.push_back(static_cast<T>(std::sin(angle(q, radix))));
        }
        block /= radix;
        stages_.push_back(std::move(stage));
    }
    // Part q of the first stage holds the frequencies q + radix * (frequency within the part).
    for (std::int64_t place = 0; place < length; ++place) {
        std::int64_t frequency = 0, weight = 1, within = place;
        for (const Stage& stage : stages_) {
            const std::int64_t part = stage.block / stage.radix;
            frequency += weight * (within / part);
            weight *= stage.radix;
            within %= part;
        }
        frequencies_[static_cast<std::size_t>(place)] = frequency;
    }
}

// Blocks that do not fit the first level of the cache are taken apart first, then each part is finished by itself.
template <class T>
void LineFourier<T>::run(T* data, std::size_t first, std::size_t last, std::int64_t points, bool inverse) const {
    if (first == last) return;
    constexpr std::int64_t in_cache = 40960 / (2 * vector_bytes);
    if (points <= in_cache) {
        for (std::size_t s = first; s < last; ++s) apply(stages_[inverse ? last - 1 - (s - first) : s], data, points, inverse);
        return;
    }
    const std::int64_t part = points / stages_[first].radix;
    if (!inverse) apply(stages_[first], data, points, false);
    for (std::int64_t at = 0; at < points; at += part) run(data + at * 2 * Lanes<T>::count, first + 1, last, part, inverse);
    if (inverse) apply(stages_[first], data, points, true);
}

template <class T>
void LineFourier<T>::apply(const Stage& stage, T* data, std::int64_t points, bool inverse) {
    with_radix(stage.radix, [&](auto radix) {
        constexpr int fixed = decltype(radix)::value;
        (inverse ? all_steps<T, fixed, true> : all_steps<T, fixed, false>)(stage.radix, data, points, stage.block,
                                                                           stage.twiddles.data(), stage.roots.data());
    });
}

template <class T>
void LineFourier<T>::multiply(T* data, const T* factors, bool per_lane) const {
    if (stages_.empty()) {  // a single point
        for (std::int64_t l = 0; l < 2 * Lanes<T>::count; ++l) data[l] *= factors[per_lane ? l % Lanes<T>::count : 0];
        return;
    }
    const std::size_t before_last = stages_.size() - 1;
    const Stage& stage = stages_.back();
    run(data, 0, before_last, length_, false);
    with_radix(stage.radix, [&](auto radix) {
        constexpr int fixed = decltype(radix)::value;
        (per_lane ? multiply_last<T, fixed, true> : multiply_last<T, fixed, false>)(stage.radix, data, length_, factors,
                                                                                    stage.roots.data());
    });
    run(data, 0, before_last, length_, true);
}

template class LineFourier<float>;
template class LineFourier<double>;

}  // namespace gleam::kernels::cpu
