#include "kernels/cpu/line_fourier.hpp"

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>

#include "kernels/cpu/lanes.hpp"
#include "kernels/device/line_fourier.hpp"

namespace gleam::kernels::cpu {
namespace {

using device::largest_radix;

// Of unity, [radix] of (cos, sin).
template <class T>
struct RootsIn {
    const T* at;
    [[gnu::always_inline]] T cosine(int turn) const { return at[2 * turn]; }
    [[gnu::always_inline]] T sine(int turn) const { return at[2 * turn + 1]; }
};

// This and the next must be inlined: what they get are arrays that are to stay in registers.
template <class T, int Radix, class V>
[[gnu::always_inline]] inline void transform(int radix, V* r, V* i, const T* roots) {
    if constexpr (Radix == 2) {
        device::add_and_subtract(r[0], r[1]), device::add_and_subtract(i[0], i[1]);
    } else if constexpr (Radix == 4) {
        device::transform4(r[0], i[0], r[1], i[1], r[2], i[2], r[3], i[3]);
    } else if constexpr (Radix == 8) {
        device::transform8<T>(r, i);
    } else {
        device::transform_odd<T, (Radix ? Radix : largest_radix) / 2>(Radix ? Radix : radix, r, i, RootsIn<T>{roots});
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
    if (fresh && (length == 1 || device::stages_of(length).count > 0)) it->second.reset(new LineFourier(length));
    return it->second.get();
}

template <class T>
LineFourier<T>::LineFourier(std::int64_t length) : length_(length), frequencies_(static_cast<std::size_t>(length)) {
    std::int64_t block = length;
    const auto angle = [](std::int64_t k, std::int64_t n) {
        return 2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
    };
    const device::LineStages stages = device::stages_of(length);
    for (int s = 0; s < stages.count; ++s) {
        const int radix = stages.radix[s];
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
    for (std::int64_t place = 0; place < length; ++place)
        frequencies_[static_cast<std::size_t>(place)] = stages.frequency(length, place);
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
