// The normal operator of SENSE where at most two axes are transformed (sense_normal.cpp).
#include <omp.h>

#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/sense_normal.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
struct Planes {
    static constexpr std::int64_t lanes = Lanes<T>::count, pair = pair_size<T>;

    const SenseArrays<T>& a;
    const SenseAxis<T>&slow, &slab;
    const SenseAxis<T>& x = a.axes[2];
    std::int64_t columns = tiles<T>(x.points), rows = tiles<T>(slow.points);
    std::int64_t coil_size = rows * x.points * pair, mask_size = rows * x.points * lanes;

    bool both() const { return slow.transform && x.transform; }
    std::int64_t mask_planes() const { return slab.mask_stride ? slab.points : 1; }
    // Room for lines, for what they are combined into, and for the mask in the order of a transform
    std::int64_t line_size() const { return slow.points * pair * (1 + a.sets) + rows * lanes; }
    // Of two transforms: whole planes to every thread where there are many, else the coils of as many planes as it takes to give
    // each a coil.
    std::int64_t planes() const { return a.g.batch * a.g.frames * slab.points; }
    bool whole(std::int64_t threads) const { return planes() % threads == 0 || planes() >= 4 * threads; }
    std::int64_t group(std::int64_t threads) const {
        return whole(threads) ? threads : std::min<std::int64_t>(planes(), (threads + a.g.coils - 1) / a.g.coils);
    }
    std::int64_t masks() const { return a.mask.shape[0] * a.mask.shape[1] * mask_planes(); }
    std::int64_t scratch(std::int64_t threads) const {
        const std::int64_t shared = masks() * mask_size + group(threads) * a.g.coils * coil_size;
        return threads * line_size() + (both() ? shared : 0);
    }
    std::int64_t width(std::int64_t column) const { return std::min(lanes, x.points - column * lanes); }
    const T* mask_plane(std::int64_t i, std::int64_t k) const { return a.mask_of(a.mask_entry(i)) + k * slab.mask_stride; }
    std::int64_t pixel(std::int64_t k, std::int64_t s, std::int64_t column) const {
        return k * slab.stride + s * slow.stride + column * lanes;
    }

    // F^-1 mask' along x of F along `slow` of one coil, as tiles
    void transform_coil(std::int64_t i, std::int64_t k, std::int64_t c, const T* packed, T* lines, T* coil) const {
        const auto* map = a.map_of(i, c);
        for (std::int64_t column = 0; column < columns; ++column) {
            for (std::int64_t s = 0; s < slow.points; ++s)
                store_pair(lines + s * pair, a.expand(i, map, pixel(k, s, column), width(column)));
            slow.transform->forward(lines);
            store_tiles(lines, slow.points, column * lanes, x.points, coil);
        }
        for (std::int64_t row = 0; row < rows; ++row)
            x.transform->multiply(coil + row * x.points * pair, packed + row * x.points * lanes, true);
    }

    // From the tiles of all coils, for one column of them
    void combine_column(std::int64_t i, std::int64_t k, std::int64_t column, const T* coils, T* lines) const {
        T* sum = lines + slow.points * pair;
        std::fill_n(sum, slow.points * a.sets * pair, T(0));
        for (std::int64_t c = 0; c < a.g.coils; ++c) {
            load_tiles(coils + c * coil_size, slow.points, column * lanes, x.points, lines);
            slow.transform->inverse(lines);
            const auto* map = a.map_of(i, c);
            for (std::int64_t s = 0; s < slow.points; ++s)
                a.combine_acc(map, pixel(k, s, column), width(column), load_pair(lines + s * pair), sum + s * a.sets * pair);
        }
        for (std::int64_t s = 0; s < slow.points; ++s) a.finish(i, pixel(k, s, column), width(column), sum + s * a.sets * pair);
    }

    // Transforms along `slow` only, or none
    void along_slow(std::int64_t i, std::int64_t k, std::int64_t column, T* lines) const {
        T* sum = lines + slow.points * pair;
        std::fill_n(sum, slow.points * a.sets * pair, T(0));
        const T* mask = mask_plane(i, k);
        T* factors = sum + slow.points * a.sets * pair;
        for (std::int64_t s = 0; s < slow.points; ++s) factors[s] = mask[slow.in_mask(s)];
        for (std::int64_t c = 0; c < a.g.coils; ++c) {
            const auto* map = a.map_of(i, c);
            for (std::int64_t s = 0; s < slow.points; ++s)
                store_pair(lines + s * pair, a.expand(i, map, pixel(k, s, column), width(column)));
            if (slow.transform)
                slow.transform->multiply(lines, factors, false);
            else
                for (std::int64_t at = 0; at < slow.points * pair; ++at) lines[at] *= mask[0];
            for (std::int64_t s = 0; s < slow.points; ++s)
                a.combine_acc(map, pixel(k, s, column), width(column), load_pair(lines + s * pair), sum + s * a.sets * pair);
        }
        for (std::int64_t s = 0; s < slow.points; ++s) a.finish(i, pixel(k, s, column), width(column), sum + s * a.sets * pair);
    }
};

// Columns of lines are independent of one another.
template <class T>
void one_axis(const Planes<T>& p, int threads, T* scratch) {
    const std::int64_t entries = p.a.g.batch * p.a.g.frames;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t job = 0; job < entries * p.slab.points * p.columns; ++job) {
        const std::int64_t column = job % p.columns, k = job / p.columns % p.slab.points, i = job / p.columns / p.slab.points;
        if (p.a.active(i)) p.along_slow(i, k, column, scratch + omp_get_thread_num() * p.line_size());
    }
}

template <class T>
void two_axes(const Planes<T>& p, int threads, T* scratch) {
    const SenseArrays<T>& a = p.a;
    const std::int64_t slabs = p.slab.points, planes = p.planes(), group = p.group(threads), masks = p.masks();
    const bool whole = p.whole(threads);
    T *const line_data = scratch, *const packed = line_data + threads * p.line_size(),
             *const coils = packed + masks * p.mask_size;
    const auto lines = [&] { return line_data + omp_get_thread_num() * p.line_size(); };
    const auto mask = [&](std::int64_t plane) {
        const std::int64_t i = plane / slabs, k = p.slab.mask_stride ? plane % slabs : 0;
        return packed + (a.mask_entry(i) * p.mask_planes() + k) * p.mask_size;
    };

#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (std::int64_t m = 0; m < masks; ++m)
            pack_mask(a.mask_of(m / p.mask_planes()) + m % p.mask_planes() * p.slab.mask_stride, p.slow, p.x,
                      packed + m * p.mask_size);
        if (whole) {
#pragma omp for schedule(static)
            for (std::int64_t plane = 0; plane < planes; ++plane) {
                const std::int64_t i = plane / slabs, k = plane % slabs;
                T* own = coils + omp_get_thread_num() * a.g.coils * p.coil_size;
                if (!a.active(i)) continue;
                for (std::int64_t c = 0; c < a.g.coils; ++c)
                    p.transform_coil(i, k, c, mask(plane), lines(), own + c * p.coil_size);
                for (std::int64_t column = 0; column < p.columns; ++column) p.combine_column(i, k, column, own, lines());
            }
        } else {
            for (std::int64_t begin = 0; begin < planes; begin += group) {
                const std::int64_t count = std::min(group, planes - begin);
#pragma omp for schedule(static)
                for (std::int64_t job = 0; job < count * a.g.coils; ++job) {
                    const std::int64_t plane = begin + job / a.g.coils, i = plane / slabs;
                    if (a.active(i))
                        p.transform_coil(i, plane % slabs, job % a.g.coils, mask(plane), lines(), coils + job * p.coil_size);
                }
#pragma omp for schedule(static)
                for (std::int64_t job = 0; job < count * p.columns; ++job) {
                    const std::int64_t one = job / p.columns, plane = begin + one, i = plane / slabs;
                    if (a.active(i))
                        p.combine_column(i, plane % slabs, job % p.columns, coils + one * a.g.coils * p.coil_size, lines());
                }
            }
        }
    }
}

}  // namespace

template <class T>
void store_tiles(const T* lines, std::int64_t points, std::int64_t column, std::int64_t width, T* plane) {
    constexpr std::int64_t lanes = Lanes<T>::count, pair = pair_size<T>;
    typename Lanes<T>::Vector re[lanes], im[lanes];
    for (std::int64_t row = 0; row < tiles<T>(points); ++row) {
        const std::int64_t first = row * lanes, height = std::min(lanes, points - first);
        for (std::int64_t l = 0; l < lanes; ++l) {
            const Pair<T> t = l < height ? load_pair(lines + (first + l) * pair) : Pair<T>{};
            re[l] = t.re, im[l] = t.im;
        }
        transpose<T>(re), transpose<T>(im);
        T* out = plane + (row * width + column) * pair;
        for (std::int64_t l = 0; l < std::min(lanes, width - column); ++l) store_pair<T>(out + l * pair, {re[l], im[l]});
    }
}

template <class T>
void load_tiles(const T* plane, std::int64_t points, std::int64_t column, std::int64_t width, T* lines) {
    constexpr std::int64_t lanes = Lanes<T>::count, pair = pair_size<T>;
    typename Lanes<T>::Vector re[lanes], im[lanes];
    const std::int64_t across = std::min(lanes, width - column);
    for (std::int64_t row = 0; row < tiles<T>(points); ++row) {
        const std::int64_t first = row * lanes, height = std::min(lanes, points - first);
        const T* in = plane + (row * width + column) * pair;
        for (std::int64_t l = 0; l < lanes; ++l) {
            const Pair<T> t = l < across ? load_pair(in + l * pair) : Pair<T>{};
            re[l] = t.re, im[l] = t.im;
        }
        transpose<T>(re), transpose<T>(im);
        for (std::int64_t l = 0; l < height; ++l) store_pair<T>(lines + (first + l) * pair, {re[l], im[l]});
    }
}

template <class T>
void pack_mask(const T* mask, const SenseAxis<T>& slow, const SenseAxis<T>& x, T* packed) {
    constexpr std::int64_t lanes = Lanes<T>::count;
    for (std::int64_t row = 0; row < tiles<T>(slow.points); ++row)
        for (std::int64_t l = 0; l < lanes; ++l) {
            const std::int64_t s = row * lanes + l;
            T* out = packed + row * x.points * lanes + l;
            const T* in = s < slow.points ? mask + slow.in_mask(s) : nullptr;
            for (std::int64_t p = 0; p < x.points; ++p) out[p * lanes] = in ? in[x.in_mask(p)] : T(0);
        }
}

template <class T>
std::int64_t planes_scratch(const SenseArrays<T>& a, const SenseAxis<T>& slow, const SenseAxis<T>& slab, int threads) {
    return Planes<T>{a, slow, slab}.scratch(threads);
}

template <class T>
void sense_normal_planes(const SenseArrays<T>& a, const SenseAxis<T>& slow, const SenseAxis<T>& slab, int threads, T* scratch) {
    const Planes<T> p{a, slow, slab};
    a.clear_inactive();
    if (p.both())
        two_axes(p, threads, scratch);
    else
        one_axis(p, threads, scratch);
}

template std::int64_t planes_scratch(const SenseArrays<float>&, const SenseAxis<float>&, const SenseAxis<float>&, int);
template std::int64_t planes_scratch(const SenseArrays<double>&, const SenseAxis<double>&, const SenseAxis<double>&, int);
template void sense_normal_planes(const SenseArrays<float>&, const SenseAxis<float>&, const SenseAxis<float>&, int, float*);
template void sense_normal_planes(const SenseArrays<double>&, const SenseAxis<double>&, const SenseAxis<double>&, int, double*);
template void store_tiles(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void store_tiles(const double*, std::int64_t, std::int64_t, std::int64_t, double*);
template void load_tiles(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void load_tiles(const double*, std::int64_t, std::int64_t, std::int64_t, double*);
template void pack_mask(const float*, const SenseAxis<float>&, const SenseAxis<float>&, float*);
template void pack_mask(const double*, const SenseAxis<double>&, const SenseAxis<double>&, double*);

}  // namespace gleam::kernels::cpu
