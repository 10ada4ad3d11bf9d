// The normal operator of SENSE (sense_normal.cpp) with the transforms of FFTW: for lengths with large prime factors.
#include "kernels/cpu/coil_loops.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/sense_normal.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
struct SenseNormal {
    using C = std::complex<T>;

    const Tensor &x, &maps, &mask, &out;
    const NormalTerms& terms;
    CoilGeometry g;
    std::int64_t sets;
    Volume volume;       // of one transform
    Layout layout;       // of its scratch memory
    std::int64_t slabs;  // transforms per coil image: more than one only for stacks of 2D slices
    const FourierPlan<T>*forward, *inverse;

    SenseNormal(const Tensor& image, const Tensor& coil_maps, const Tensor& normal_mask, int rank, const NormalTerms& t,
                const Tensor& result, const Shape& coil_images)
        : x(image),
          maps(coil_maps),
          mask(normal_mask),
          out(result),
          terms(t),
          g(coil_images),
          sets(map_sets(image.shape)),
          volume(volume_of(coil_images, rank)),
          layout(padded<T>(volume)),
          slabs(g.pixels / volume.elements()) {
        const Axes axes{rank == 3 && mask.shape[3] > 1, mask.shape[4] > 1, mask.shape[5] > 1};
        forward = &FourierPlan<T>::get(volume, axes, FftDirection::forward);
        inverse = &FourierPlan<T>::get(volume, axes, FftDirection::inverse);
    }

    std::int64_t coil_stride() const { return slabs * layout.volume; }
    std::int64_t rows() const { return volume.z * volume.y; }
    std::int64_t row_offset(std::int64_t row) const { return row / volume.y * layout.plane + row % volume.y * layout.row; }
    const C* maps_of(std::int64_t i, std::int64_t coil) const {
        return maps.as<C>() + (g.shared_entry(i, maps.shape) * g.coils + coil) * g.pixels * sets;
    }
    bool active(std::int64_t i) const {
        if (!terms.active) return true;
        return terms.active->as<double>()[terms.active->elements() == 1 ? 0 : i / g.frames] != 0;
    }

    // t = F^-1 (mask' F (S_c x)) for one slab of one coil of (sample, frame) i
    void coil_image(std::int64_t i, std::int64_t coil, std::int64_t slab, C* t) const {
        const std::int64_t at = slab * volume.elements();
        const C *image = x.as<C>() + (i * g.pixels + at) * sets, *s = maps_of(i, coil) + at * sets;
        for (std::int64_t row = 0; row < rows(); ++row)
            expand_pixels(volume.x, sets, image + row * volume.x * sets, s + row * volume.x * sets, t + row_offset(row));
        forward->execute(t);
        mask_volume(volume, layout, slab, MaskView<T>(mask, g.shared_entry(i, mask.shape)), t);
        inverse->execute(t);
    }

    // One row of one slab of the result, from the coil images of (sample, frame) i
    void combine(std::int64_t i, std::int64_t slab, const C* coils, std::int64_t row, T beta) const {
        const std::int64_t start = slab * volume.elements() + row * volume.x;
        const C* t = coils + slab * layout.volume + row_offset(row);
        const bool computed = active(i);
        for_pixel_blocks(0, volume.x, sets, [&](std::int64_t a, std::int64_t n) {
            const std::int64_t place = (i * g.pixels + start + a) * sets;
            C* o = out.as<C>() + place;
            if (!computed) {
                std::fill_n(o, n * sets, C(0));
                return;
            }
            C sum[1024];
            std::fill_n(sum, n * sets, C(0));
            for (std::int64_t c = 0; c < g.coils; ++c)
                combine_pixels_acc(n, sets, maps_of(i, c) + (start + a) * sets, t + c * coil_stride() + a, sum);
            const T alpha = T(terms.alpha), gamma = T(terms.gamma);
            const C *p = x.as<C>() + place, *b = terms.b ? terms.b->as<C>() + place : nullptr;
            for (std::int64_t j = 0; j < n * sets; ++j) o[j] = alpha * sum[j] + beta * p[j] + (b ? gamma * b[j] : C(0));
        });
    }
};

}  // namespace

void sense_normal_by_library(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                             const Tensor& out, int threads, bool planning, std::size_t least, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = std::complex<T>;
        const SenseNormal<T> normal(x, maps, normal_mask, rank, terms, out,
                                    {x.shape[0], x.shape[1], maps.shape[2], x.shape[3], x.shape[4], x.shape[5]});
        const CoilGeometry& g = normal.g;
        // As many (sample, frame) entries at a time as it takes to give every thread a coil.
        const std::int64_t entries = g.batch * g.frames, group = std::min(entries, (threads + g.coils - 1) / g.coils);
        const std::int64_t entry_stride = g.coils * normal.coil_stride();
        const std::size_t bytes = static_cast<std::size_t>(group * entry_stride) * sizeof(C);
        const Lease scratch = workspace.acquire("sense_normal", std::max(bytes, least));
        if (planning) return;
        C* const coils = static_cast<C*>(scratch.data());
        const T beta = T(terms.beta) * (terms.beta_factor ? *terms.beta_factor->as<T>() : T(1));

        for (std::int64_t begin = 0; begin < entries; begin += group) {
            const std::int64_t count = std::min(group, entries - begin);
#pragma omp parallel for schedule(static)
            for (std::int64_t job = 0; job < count * g.coils * normal.slabs; ++job) {
                const std::int64_t slab = job % normal.slabs, c = job / normal.slabs % g.coils, i = job / normal.slabs / g.coils;
                if (!normal.active(begin + i)) continue;
                normal.coil_image(begin + i, c, slab,
                                  coils + i * entry_stride + c * normal.coil_stride() + slab * normal.layout.volume);
            }
            for (std::int64_t i = 0; i < count; ++i)
                for (std::int64_t slab = 0; slab < normal.slabs; ++slab)
                    parallel_ranges(normal.rows(), 1 + 2048 / normal.volume.x, [&](std::int64_t first, std::int64_t last) {
                        for (std::int64_t row = first; row < last; ++row)
                            normal.combine(begin + i, slab, coils + i * entry_stride, row, beta);
                    });
        }
    });
}

}  // namespace gleam::kernels::cpu
