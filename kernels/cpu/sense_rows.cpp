// The normal operator of SENSE where x is transformed and y is not, z or not (sense_normal.cpp): the lanes of a vector are rows
// of the image, one below the other.
//
// Rows lie along memory, so tiles of them have to be turned until each lane holds a row. Only the image, the sum and, once, each
// map are turned; coil images come out of their products as they are needed, and never leave the cache.
#include <omp.h>

#include "kernels/cpu/sense_normal.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
struct Rows {
    using C = std::complex<T>;
    static constexpr std::int64_t lanes = Lanes<T>::count, pair = pair_size<T>;

    const SenseArrays<T>& a;
    const SenseAxis<T>&z = a.axes[0], &y = a.axes[1], &x = a.axes[2];
    std::int64_t depth = z.transform ? z.points : 1,
                 slabs = z.points / depth;  // planes that are computed together, and the others
    std::int64_t columns = tiles<T>(x.points), bands = tiles<T>(y.points);
    // From plane to plane; odd, so that lines along z do not fall onto a few lines of the cache.
    std::int64_t distance = (columns * lanes + 1) * pair;
    std::int64_t size = depth * distance;
    std::int64_t factors_size = (depth * x.points + lanes - 1) / lanes * lanes;
    std::int64_t small_size = std::max(z.points, lanes* a.sets) * pair;

    // Of one thread, in T
    std::int64_t scratch() const { return (3 * a.sets + 1) * size + small_size + factors_size; }

    // What one thread works on: pairs of all planes, columns and sets, where not said otherwise.
    struct Memory {
        T *image, *map, *sum;
        T* coil;     // of one set
        T* small;    // a line along z, or a tile of all sets
        T* factors;  // the mask in the order of the transforms, [depth, x]
    };
    Memory memory(T* own) const {
        const std::int64_t all = a.sets * size;
        return {own, own + all, own + 2 * all, own + 3 * all, own + 3 * all + size, own + 3 * all + size + small_size};
    }

    // `height` rows from `band` on of plane k
    struct Band {
        std::int64_t i, k, first, height;
    };
    std::int64_t pixel(const Band& b, std::int64_t d, std::int64_t column, std::int64_t l) const {
        return (b.k + d) * z.stride + (b.first + l) * y.stride + column * lanes;
    }
    std::int64_t width(std::int64_t column) const { return std::min(lanes, x.points - column * lanes); }
    std::int64_t place(std::int64_t e, std::int64_t d, std::int64_t column) const {
        return e * size + d * distance + column * lanes * pair;
    }

    // A tile of set e of an image or map, turned
    void turn(const Band& b, const C* from, std::int64_t e, std::int64_t d, std::int64_t column, T* to) const {
        typename Lanes<T>::Vector re[lanes], im[lanes];
        for (std::int64_t l = 0; l < lanes; ++l) {
            const std::int64_t at = pixel(b, d, column, l);
            if (l < b.height) a.prefetch(from, at);
            const Pair<T> t = l < b.height ? load_pixels(from + at * a.sets + e, width(column), a.sets) : Pair<T>{};
            re[l] = t.re, im[l] = t.im;
        }
        transpose<T>(re), transpose<T>(im);
        for (std::int64_t l = 0; l < lanes; ++l) store_pair<T>(to + l * pair, {re[l], im[l]});
    }

    // f(d, column) for every tile
    template <class F>
    void for_each_tile(F&& f) const {
        for (std::int64_t d = 0; d < depth; ++d)
            for (std::int64_t column = 0; column < columns; ++column) f(d, column);
    }

    void pack_factors(const Band& b, T* factors) const {
        const T* mask = a.mask_of(a.mask_entry(b.i)) + b.k * z.mask_stride;
        for (std::int64_t d = 0; d < depth; ++d)
            for (std::int64_t p = 0; p < x.points; ++p) factors[d * x.points + p] = mask[z.in_mask(d) + x.in_mask(p)];
    }

    // coil = sum_e S_ce x_e; keeps the maps
    void expand(const Band& b, const C* map, const Memory& m) const {
        for_each_tile([&](std::int64_t d, std::int64_t column) {
            for (std::int64_t e = 0; e < a.sets; ++e) turn(b, map, e, d, column, m.map + place(e, d, column));
            T* to = m.coil + place(0, d, column);
            for (std::int64_t l = 0; l < lanes; ++l) {
                Pair<T> t{};
                for (std::int64_t e = 0; e < a.sets; ++e) {
                    const std::int64_t at = place(e, d, column) + l * pair;
                    const Pair<T> p = load_pair(m.image + at), s = load_pair(m.map + at);
                    t.re += p.re * s.re - p.im * s.im;
                    t.im += p.re * s.im + p.im * s.re;
                }
                store_pair(to + l * pair, t);
            }
        });
    }

    // Along z, forward or back
    void transform_depth(const Memory& m, bool inverse) const {
        for (std::int64_t p = 0; p < x.points; ++p) {
            T* const first = m.coil + p * pair;
            for (std::int64_t d = 0; d < depth; ++d) store_pair(m.small + d * pair, load_pair(first + d * distance));
            inverse ? z.transform->inverse(m.small) : z.transform->forward(m.small);
            for (std::int64_t d = 0; d < depth; ++d) store_pair(first + d * distance, load_pair(m.small + d * pair));
        }
    }

    // sum_e += conj(S_ce) coil
    void combine_acc(const Memory& m) const {
        for (std::int64_t e = 0; e < a.sets; ++e)
            for (std::int64_t d = 0; d < depth; ++d)
                for (std::int64_t p = 0; p < x.points; ++p) {
                    const std::int64_t at = d * distance + p * pair;
                    const Pair<T> t = load_pair(m.coil + at), s = load_pair(m.map + e * size + at);
                    Pair<T> sum = load_pair(m.sum + e * size + at);
                    sum.re += s.re * t.re + s.im * t.im;
                    sum.im += s.re * t.im - s.im * t.re;
                    store_pair(m.sum + e * size + at, sum);
                }
    }

    void finish(const Band& b, const Memory& m) const {
        typename Lanes<T>::Vector re[lanes], im[lanes];
        for_each_tile([&](std::int64_t d, std::int64_t column) {
            for (std::int64_t e = 0; e < a.sets; ++e) {
                for (std::int64_t l = 0; l < lanes; ++l) {
                    const Pair<T> t = load_pair(m.sum + place(e, d, column) + l * pair);
                    re[l] = t.re, im[l] = t.im;
                }
                transpose<T>(re), transpose<T>(im);
                for (std::int64_t l = 0; l < lanes; ++l) store_pair<T>(m.small + (l * a.sets + e) * pair, {re[l], im[l]});
            }
            for (std::int64_t l = 0; l < b.height; ++l)
                a.finish(b.i, pixel(b, d, column, l), width(column), m.small + l * a.sets * pair);
        });
    }

    void run(const Band& b, const Memory& m) const {
        const C* image = a.x.template as<C>() + b.i * a.g.pixels * a.sets;
        pack_factors(b, m.factors);
        for (std::int64_t e = 0; e < a.sets; ++e)
            for_each_tile(
                [&](std::int64_t d, std::int64_t column) { turn(b, image, e, d, column, m.image + place(e, d, column)); });
        std::fill_n(m.sum, a.sets * size, T(0));
        for (std::int64_t c = 0; c < a.g.coils; ++c) {
            expand(b, a.map_of(b.i, c), m);
            if (z.transform) transform_depth(m, false);
            for (std::int64_t d = 0; d < depth; ++d)
                x.transform->multiply(m.coil + d * distance, m.factors + d * x.points, false);
            if (z.transform) transform_depth(m, true);
            combine_acc(m);
        }
        finish(b, m);
    }
};

}  // namespace

template <class T>
bool rows_suit(const SenseArrays<T>& a) {
    const auto& [z, y, x] = a.axes;
    if (!x.transform || y.transform) return false;
    constexpr std::int64_t in_cache = 1 << 20;  // bytes
    const Rows<T> rows{a};
    return !z.transform || (y.points >= Lanes<T>::count && rows.scratch() * static_cast<std::int64_t>(sizeof(T)) <= in_cache);
}

template <class T>
std::int64_t rows_scratch(const SenseArrays<T>& a, int threads) {
    return threads * Rows<T>{a}.scratch();
}

template <class T>
void sense_normal_rows(const SenseArrays<T>& a, int threads, T* scratch) {
    const Rows<T> rows{a};
    a.clear_inactive();
    const std::int64_t jobs = a.g.batch * a.g.frames * rows.slabs * rows.bands;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t job = 0; job < jobs; ++job) {
        const std::int64_t first = job % rows.bands * Lanes<T>::count, k = job / rows.bands % rows.slabs,
                           i = job / rows.bands / rows.slabs;
        if (!a.active(i)) continue;
        T* own = scratch + omp_get_thread_num() * rows.scratch();
        rows.run({i, k, first, std::min<std::int64_t>(Lanes<T>::count, rows.y.points - first)}, rows.memory(own));
    }
}

template bool rows_suit(const SenseArrays<float>&);
template bool rows_suit(const SenseArrays<double>&);
template std::int64_t rows_scratch(const SenseArrays<float>&, int);
template std::int64_t rows_scratch(const SenseArrays<double>&, int);
template void sense_normal_rows(const SenseArrays<float>&, int, float*);
template void sense_normal_rows(const SenseArrays<double>&, int, double*);

}  // namespace gleam::kernels::cpu
