// Coil sensitivities, sampling mask and Fourier transform, one by one. sense_normal.cpp holds what they make together.
#include <omp.h>

#include <cmath>

#include "kernels/cpu/coil_loops.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {

void CpuOperations::do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using C = std::complex<decltype(zero)>;
        const CoilGeometry g(out.shape);
        const std::int64_t sets = map_sets(x.shape);
#pragma omp parallel for collapse(2) schedule(static)
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            for (std::int64_t c = 0; c < g.coils; ++c)
                expand_pixels(g.pixels, sets, x.as<C>() + i * g.pixels * sets,
                              maps.as<C>() + (g.shared_entry(i, maps.shape) * g.coils + c) * g.pixels * sets,
                              out.as<C>() + (i * g.coils + c) * g.pixels);
    });
}

void CpuOperations::do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) {
    with_real(y.dtype, [&](auto zero) {
        using C = std::complex<decltype(zero)>;
        const CoilGeometry g(y.shape);
        const std::int64_t sets = map_sets(out.shape);
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i) {
            const C* coils = y.as<C>() + i * g.coils * g.pixels;
            const C* s = maps.as<C>() + g.shared_entry(i, maps.shape) * g.coils * g.pixels * sets;
            C* image = out.as<C>() + i * g.pixels * sets;
            parallel_ranges(g.pixels, 4096, [&](std::int64_t first, std::int64_t last) {
                for_pixel_blocks(first, last, sets, [&](std::int64_t a, std::int64_t n) {
                    std::fill_n(image + a * sets, n * sets, C(0));
                    for (std::int64_t c = 0; c < g.coils; ++c)
                        combine_pixels_acc(n, sets, s + (c * g.pixels + a) * sets, coils + c * g.pixels + a, image + a * sets);
                });
            });
        }
    });
}

void CpuOperations::do_mask_multiply(const Tensor& mask, const Tensor& y) {
    with_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const CoilGeometry g(y.shape);
        const Volume v = volume_of(y.shape, 3);
#pragma omp parallel for collapse(2) schedule(static)
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            for (std::int64_t c = 0; c < g.coils; ++c)
                mask_volume(v, dense(v), 0, MaskView<T>(mask, g.shared_entry(i, mask.shape)),
                            y.as<std::complex<T>>() + (i * g.coils + c) * g.pixels);
    });
}

void CpuOperations::do_fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Volume v = volume_of(x.shape, fourier.rank);
        if (v.elements() == 0) return;
        const Layout outside = dense(v), inside = padded<T>(v);
        const std::int64_t volumes = x.elements() / v.elements();
        const int threads = static_cast<int>(std::min<std::int64_t>(threads_, volumes));
        const Lease scratch =
            workspace.acquire("fft", static_cast<std::size_t>(threads * inside.volume) * sizeof(std::complex<T>));
        const auto& plan = FourierPlan<T>::get(v, Axes{}, direction);
        if (planning()) return;
        const T scale = T(1 / std::sqrt(static_cast<double>(v.elements())));
#pragma omp parallel for schedule(static) num_threads(threads)
        for (std::int64_t i = 0; i < volumes; ++i) {
            auto* data = x.as<std::complex<T>>() + i * v.elements();
            auto* shifted = static_cast<std::complex<T>*>(scratch.data()) + omp_get_thread_num() * inside.volume;
            shifted_copy(v, fourier.centred ? Shift::before : Shift::none, scale, data, outside, shifted, inside);
            plan.execute(shifted);
            shifted_copy(v, fourier.centred ? Shift::after : Shift::none, T(1), shifted, inside, data, outside);
        }
    });
}

void CpuOperations::do_normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) {
    with_real(mask.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Volume v = volume_of(mask.shape, fourier.rank);
        const T scale = T(1.0 / static_cast<double>(v.elements()));
        const auto source = [&](std::int64_t i, std::int64_t n) { return fourier.centred ? (i + n / 2) % n : i; };
        for (std::int64_t first = 0; first < mask.elements(); first += v.elements())
            for (std::int64_t z = 0; z < v.z; ++z)
                for (std::int64_t y = 0; y < v.y; ++y)
                    for (std::int64_t x = 0; x < v.x; ++x) {
                        const T m = mask.as<T>()[first + (source(z, v.z) * v.y + source(y, v.y)) * v.x + source(x, v.x)];
                        out.as<T>()[first + (z * v.y + y) * v.x + x] = scale * m * m;
                    }
    });
}

}  // namespace gleam::kernels::cpu
