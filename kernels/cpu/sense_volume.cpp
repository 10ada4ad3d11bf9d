// The normal operator of SENSE where z and y are transformed, and x or not (sense_normal.cpp).
#include <omp.h>

#include "kernels/cpu/sense_normal.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
struct Volumes {
    static constexpr std::int64_t lanes = Lanes<T>::count, pair = pair_size<T>;

    const SenseArrays<T>& a;
    const SenseAxis<T>&z = a.axes[0], &y = a.axes[1], &x = a.axes[2];
    std::int64_t columns = tiles<T>(x.points), rows = tiles<T>(y.points);
    // A coil image lies as [y, column, z] pairs: what lines along z read and write is in one piece. An odd distance of the lines
    // keeps a plane from falling onto a few lines of the cache.
    std::int64_t line_distance = (z.points | 1) * pair;
    std::int64_t coil_size = y.points * columns * line_distance;
    std::int64_t mask_size = x.transform ? rows * x.points * lanes : y.points;  // of one z
    std::int64_t line_size = std::max(z.points * (1 + a.sets), y.points) * pair;
    std::int64_t plane_size = x.transform ? rows * x.points * pair : 0;
    std::int64_t thread_size = line_size + plane_size;

    std::int64_t width(std::int64_t column) const { return std::min(lanes, x.points - column * lanes); }
    std::int64_t pixel(std::int64_t k, std::int64_t j, std::int64_t column) const {
        return k * z.stride + j * y.stride + column * lanes;
    }
    T* line(T* coil, std::int64_t j, std::int64_t column) const { return coil + (j * columns + column) * line_distance; }

    // F along z of the lines at one y
    void forward(std::int64_t i, std::int64_t c, std::int64_t j, T* coil) const {
        const auto* map = a.map_of(i, c);
        for (std::int64_t column = 0; column < columns; ++column) {
            T* lines = line(coil, j, column);
            for (std::int64_t k = 0; k < z.points; ++k)
                store_pair(lines + k * pair, a.expand(i, map, pixel(k, j, column), width(column)));
            z.transform->forward(lines);
        }
    }

    void gather(const T* plane, std::int64_t column, T* lines) const {
        for (std::int64_t j = 0; j < y.points; ++j)
            store_pair(lines + j * pair, load_pair(plane + (j * columns + column) * line_distance));
    }
    void scatter(const T* lines, std::int64_t column, T* plane) const {
        for (std::int64_t j = 0; j < y.points; ++j)
            store_pair(plane + (j * columns + column) * line_distance, load_pair(lines + j * pair));
    }

    // F^-1 mask' F along y and x of one plane
    void mask_plane(const T* mask, std::int64_t k, T* own, T* coil) const {
        T *lines = own, *tile_plane = own + line_size, *plane = coil + k * pair;
        for (std::int64_t column = 0; column < columns; ++column) {
            gather(plane, column, lines);
            if (x.transform) {
                y.transform->forward(lines);
                store_tiles(lines, y.points, column * lanes, x.points, tile_plane);
            } else {
                y.transform->multiply(lines, mask, false);
                scatter(lines, column, plane);
            }
        }
        if (!x.transform) return;
        for (std::int64_t row = 0; row < rows; ++row)
            x.transform->multiply(tile_plane + row * x.points * pair, mask + row * x.points * lanes, true);
        for (std::int64_t column = 0; column < columns; ++column) {
            load_tiles(tile_plane, y.points, column * lanes, x.points, lines);
            y.transform->inverse(lines);
            scatter(lines, column, plane);
        }
    }

    // From coils [first, last), which lie in `coils`, to what is summed up so far in `out`, or to the result with the last one.
    void combine(std::int64_t i, std::int64_t first, std::int64_t last, std::int64_t j, T* coils, T* own) const {
        T* sum = own;
        for (std::int64_t column = 0; column < columns; ++column) {
            if (first == 0)
                std::fill_n(sum, z.points * a.sets * pair, T(0));
            else
                exchange_sums<false>(i, j, column, sum);
            for (std::int64_t c = first; c < last; ++c) {
                T* lines = line(coils + (c - first) * coil_size, j, column);
                z.transform->inverse(lines);
                const auto* map = a.map_of(i, c);
                for (std::int64_t k = 0; k < z.points; ++k)
                    a.combine_acc(map, pixel(k, j, column), width(column), load_pair(lines + k * pair), sum + k * a.sets * pair);
            }
            if (last < a.g.coils) {
                exchange_sums<true>(i, j, column, sum);
                continue;
            }
            for (std::int64_t k = 0; k < z.points; ++k) a.finish(i, pixel(k, j, column), width(column), sum + k * a.sets * pair);
        }
    }

    template <bool Store>
    void exchange_sums(std::int64_t i, std::int64_t j, std::int64_t column, T* sum) const {
        for (std::int64_t k = 0; k < z.points; ++k)
            for (std::int64_t e = 0; e < a.sets; ++e) {
                auto* at = a.out.template as<std::complex<T>>() + (i * a.g.pixels + pixel(k, j, column)) * a.sets + e;
                T* pairs = sum + (k * a.sets + e) * pair;
                if (Store)
                    store_pixels(at, width(column), a.sets, load_pair(pairs));
                else
                    store_pair(pairs, load_pixels(at, width(column), a.sets));
            }
    }

    void pack(const T* mask, std::int64_t k, T* packed) const {
        mask += z.in_mask(k);
        if (x.transform) return pack_mask(mask, y, x, packed);
        for (std::int64_t j = 0; j < y.points; ++j) packed[j] = mask[y.in_mask(j)];
    }
};

// How many coils at a time: large coil images one by one; of small ones more, so that threads wait for one another less often.
template <class T>
std::int64_t coil_group(const Volumes<T>& v) {
    constexpr std::int64_t enough = 1 << 22;  // bytes
    return std::clamp<std::int64_t>(enough / (v.coil_size * static_cast<std::int64_t>(sizeof(T))), 1, v.a.g.coils);
}
template <class T>
std::int64_t packed_masks(const Volumes<T>& v) {
    return (v.z.points * v.mask_size + 15) / 16 * 16;
}

}  // namespace

template <class T>
std::int64_t volumes_scratch(const SenseArrays<T>& a, int threads) {
    const Volumes<T> v{a};
    return threads * v.thread_size + packed_masks(v) + coil_group(v) * v.coil_size;
}

template <class T>
void sense_normal_volumes(const SenseArrays<T>& a, int threads, T* scratch) {
    const Volumes<T> v{a};
    const std::int64_t group = coil_group(v);
    T *const own_data = scratch, *const packed = own_data + threads * v.thread_size, *const coils = packed + packed_masks(v);
    std::int64_t packed_entry = -1;
#pragma omp parallel num_threads(threads) firstprivate(packed_entry)
    {
        T* const own = own_data + omp_get_thread_num() * v.thread_size;
        for (std::int64_t i = 0; i < a.g.batch * a.g.frames; ++i) {
            if (!a.active(i)) {
#pragma omp single
                a.clear(i);
                continue;
            }
            if (packed_entry != a.mask_entry(i)) {
                packed_entry = a.mask_entry(i);
#pragma omp for schedule(static)
                for (std::int64_t k = 0; k < v.z.points; ++k) v.pack(a.mask_of(packed_entry), k, packed + k * v.mask_size);
            }
            for (std::int64_t first = 0; first < a.g.coils; first += group) {
                const std::int64_t last = std::min(first + group, a.g.coils);
#pragma omp for collapse(2) schedule(static)
                for (std::int64_t c = first; c < last; ++c)
                    for (std::int64_t j = 0; j < v.y.points; ++j) v.forward(i, c, j, coils + (c - first) * v.coil_size);
#pragma omp for collapse(2) schedule(static)
                for (std::int64_t c = first; c < last; ++c)
                    for (std::int64_t k = 0; k < v.z.points; ++k)
                        v.mask_plane(packed + k * v.mask_size, k, own, coils + (c - first) * v.coil_size);
#pragma omp for schedule(static)
                for (std::int64_t j = 0; j < v.y.points; ++j) v.combine(i, first, last, j, coils, own);
            }
        }
    }
}

template std::int64_t volumes_scratch(const SenseArrays<float>&, int);
template std::int64_t volumes_scratch(const SenseArrays<double>&, int);
template void sense_normal_volumes(const SenseArrays<float>&, int, float*);
template void sense_normal_volumes(const SenseArrays<double>&, int, double*);

}  // namespace gleam::kernels::cpu
