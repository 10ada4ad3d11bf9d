// What the ways to compute the normal operator of SENSE share; for sense_normal.cpp, which explains them.
#pragma once

#include <algorithm>
#include <array>

#include "core/arena.hpp"
#include "kernels/cpu/coil_loops.hpp"
#include "kernels/cpu/lanes.hpp"
#include "kernels/cpu/line_fourier.hpp"

namespace gleam::kernels::cpu {

// An axis of the volume: its points, how far apart they lie in the image (in pixels) and in the mask (0 where it is constant),
// and the transform along it, null where there is none.
template <class T>
struct SenseAxis {
    std::int64_t points = 1, stride = 0, mask_stride = 0;
    const LineFourier<T>* transform = nullptr;

    // Where the mask holds what belongs to a place in the order that the transform leaves.
    std::int64_t in_mask(std::int64_t place) const { return transform ? transform->frequency(place) * mask_stride : 0; }
};

template <class T>
constexpr std::int64_t tiles(std::int64_t points) {
    return (points + Lanes<T>::count - 1) / Lanes<T>::count;
}
template <class T>
constexpr std::int64_t pair_size = 2 * Lanes<T>::count;  // in T

// The arrays of one call, pixel by pixel. `i` counts (sample, frame) entries.
template <class T>
struct SenseArrays {
    using C = std::complex<T>;

    const Tensor &x, &maps, &mask, &out;
    const NormalTerms& terms;
    CoilGeometry g;
    std::int64_t sets;
    T beta = 0;
    std::array<SenseAxis<T>, 3> axes;  // z, y, x; x has stride 1

    SenseArrays(const Tensor& image, const Tensor& coil_maps, const Tensor& normal_mask, const NormalTerms& t,
                const Tensor& result)
        : x(image),
          maps(coil_maps),
          mask(normal_mask),
          out(result),
          terms(t),
          g(Shape{image.shape[0], image.shape[1], coil_maps.shape[2], image.shape[3], image.shape[4], image.shape[5]}),
          sets(map_sets(image.shape)) {}

    bool active(std::int64_t i) const {
        if (!terms.active) return true;
        return terms.active->as<double>()[terms.active->elements() == 1 ? 0 : i / g.frames] != 0;
    }
    std::int64_t mask_entry(std::int64_t i) const { return g.shared_entry(i, mask.shape); }
    const T* mask_of(std::int64_t entry) const { return mask.as<T>() + entry * mask.shape[3] * mask.shape[4] * mask.shape[5]; }
    const C* map_of(std::int64_t i, std::int64_t coil) const {
        return maps.as<C>() + (g.shared_entry(i, maps.shape) * g.coils + coil) * g.pixels * sets;
    }

    // Asks for the pixels of a map that are needed when the lines of the next column come. Columns lie across memory, which the
    // processor does not foresee.
    void prefetch(const C* map, std::int64_t pixel) const {
        constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(C));
        const std::int64_t first = (pixel + Lanes<T>::count) * sets;
        if (first + Lanes<T>::count * sets > g.pixels * sets) return;
        for (std::int64_t at = first; at < first + Lanes<T>::count * sets; at += line) __builtin_prefetch(map + at, 0, 2);
    }

    // sum_e S_ce x_e at n pixels beside one another
    Pair<T> expand(std::int64_t i, const C* map, std::int64_t pixel, std::int64_t n) const {
        prefetch(map, pixel);
        Pair<T> t{};
        for (std::int64_t e = 0; e < sets; ++e) {
            const Pair<T> p = load_pixels(x.as<C>() + (i * g.pixels + pixel) * sets + e, n, sets),
                          s = load_pixels(map + pixel * sets + e, n, sets);
            t.re += p.re * s.re - p.im * s.im;
            t.im += p.re * s.im + p.im * s.re;
        }
        return t;
    }

    // sum_e += conj(S_ce) t; `sum` holds a pair for every set
    void combine_acc(const C* map, std::int64_t pixel, std::int64_t n, const Pair<T>& t, T* sum) const {
        prefetch(map, pixel);
        for (std::int64_t e = 0; e < sets; ++e, sum += pair_size<T>) {
            const Pair<T> s = load_pixels(map + pixel * sets + e, n, sets);
            Pair<T> a = load_pair(sum);
            a.re += s.re * t.re + s.im * t.im;
            a.im += s.re * t.im - s.im * t.re;
            store_pair(sum, a);
        }
    }

    // out_e = alpha sum_e + beta x_e + gamma b_e
    void finish(std::int64_t i, std::int64_t pixel, std::int64_t n, const T* sum) const {
        const T alpha = T(terms.alpha), gamma = T(terms.gamma);
        for (std::int64_t e = 0; e < sets; ++e, sum += pair_size<T>) {
            const std::int64_t at = (i * g.pixels + pixel) * sets + e;
            const Pair<T> a = load_pair(sum), p = load_pixels(x.as<C>() + at, n, sets);
            Pair<T> o{alpha * a.re + beta * p.re, alpha * a.im + beta * p.im};
            if (terms.b) {
                const Pair<T> b = load_pixels(terms.b->as<C>() + at, n, sets);
                o.re += gamma * b.re, o.im += gamma * b.im;
            }
            store_pixels(out.as<C>() + at, n, sets, o);
        }
    }

    void clear(std::int64_t i) const { std::fill_n(out.as<C>() + i * g.pixels * sets, g.pixels * sets, C(0)); }
    void clear_inactive() const {
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            if (!active(i)) clear(i);
    }
};

// Three ways, each with the scratch memory it needs, in T.
//
// Transforms along x but not y, and along z or not: bands of rows, as far as they fit the cache.
template <class T>
bool rows_suit(const SenseArrays<T>& a);
template <class T>
std::int64_t rows_scratch(const SenseArrays<T>& a, int threads);
template <class T>
void sense_normal_rows(const SenseArrays<T>& a, int threads, T* scratch);

// All k-space axes but one or two: planes (or lines) of `slow` and x, `slab` after `slab` along the axis that is not transformed.
template <class T>
std::int64_t planes_scratch(const SenseArrays<T>& a, const SenseAxis<T>& slow, const SenseAxis<T>& slab, int threads);
template <class T>
void sense_normal_planes(const SenseArrays<T>& a, const SenseAxis<T>& slow, const SenseAxis<T>& slab, int threads, T* scratch);

// Volumes with transforms along z and y, and x or not.
template <class T>
std::int64_t volumes_scratch(const SenseArrays<T>& a, int threads);
template <class T>
void sense_normal_volumes(const SenseArrays<T>& a, int threads, T* scratch);

// The same with the transforms of FFTW, for lengths that LineFourier does not take. Books `least` bytes at least.
void sense_normal_by_library(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                             const Tensor& out, int threads, bool planning, std::size_t least, Arena& workspace);

// Tiles of one plane [slow, x]: what a transform along `slow` of lanes along x leaves becomes lines along x of lanes along
// `slow`.
//   tile (row of tiles b, x):  a pair whose lane l is point b lanes + l of `slow`
template <class T>
void store_tiles(const T* lines, std::int64_t points, std::int64_t column, std::int64_t width, T* plane);
template <class T>
void load_tiles(const T* plane, std::int64_t points, std::int64_t column, std::int64_t width, T* lines);

// The mask of one plane in the order of its tiles: [row of tiles, x, lane], zeros beyond.
template <class T>
void pack_mask(const T* mask, const SenseAxis<T>& slow, const SenseAxis<T>& x, T* packed);

}  // namespace gleam::kernels::cpu
