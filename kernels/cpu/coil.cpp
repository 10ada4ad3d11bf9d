// Coil sensitivities, sampling mask and Fourier transform.
//
// sense_normal does, per coil and while the coil image is in cache,   t = F^-1 (mask' F (S_c x)),   and then, per pixel,
// out = alpha sum_c conj(S_c) t_c + beta x + gamma b. The shifts of the centred transform need no work at all: a shift of the
// image is a phase of k-space, which cancels around the diagonal mask; the shift of k-space and both scales live in mask'.
#include <omp.h>

#include <cstring>

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/fourier.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {
namespace {

// [N, T, C, Z, Y, X] taken apart, with where the maps or mask of (sample, frame) start.
struct Geometry {
    std::int64_t batch, frames, coils, pixels;

    explicit Geometry(const Shape& s) : batch(s[0]), frames(s[1]), coils(s[2]), pixels(s[3] * s[4] * s[5]) {}

    // Which (sample, frame) entry of a tensor with one frame or all frames belongs to entry `i` of one with all.
    std::int64_t shared_entry(std::int64_t i, const Shape& other) const { return other[1] == frames ? i : i / frames * other[1]; }
};

template <class T>
void multiply(std::int64_t n, const std::complex<T>* a, const std::complex<T>* b, std::complex<T>* out) {
    const T *p = reinterpret_cast<const T*>(a), *q = reinterpret_cast<const T*>(b);
    T* o = reinterpret_cast<T*>(out);
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        const T re = p[2 * i] * q[2 * i] - p[2 * i + 1] * q[2 * i + 1];
        const T im = p[2 * i] * q[2 * i + 1] + p[2 * i + 1] * q[2 * i];
        o[2 * i] = re;
        o[2 * i + 1] = im;
    }
}

template <class T>
void multiply_real(std::int64_t n, const T* mask, std::complex<T>* y) {
    T* o = reinterpret_cast<T*>(y);
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        o[2 * i] *= mask[i];
        o[2 * i + 1] *= mask[i];
    }
}

// out += conj(s) y
template <class T>
void conjugate_multiply_acc(std::int64_t n, const std::complex<T>* s, const std::complex<T>* y, std::complex<T>* out) {
    const T *p = reinterpret_cast<const T*>(s), *q = reinterpret_cast<const T*>(y);
    T* o = reinterpret_cast<T*>(out);
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        o[2 * i] += p[2 * i] * q[2 * i] + p[2 * i + 1] * q[2 * i + 1];
        o[2 * i + 1] += p[2 * i] * q[2 * i + 1] - p[2 * i + 1] * q[2 * i];
    }
}

// out[first..last) of one (sample, frame): coils summed in order, in blocks that stay in the first cache level.
template <class T>
void combine_pixels(const std::complex<T>* y, std::int64_t y_stride, const std::complex<T>* maps, std::int64_t coils,
                    std::int64_t pixels, std::int64_t first, std::int64_t last, std::complex<T>* out) {
    constexpr std::int64_t block = 1024;
    for (std::int64_t a = first; a < last; a += block) {
        const std::int64_t n = std::min(block, last - a);
        std::fill_n(out + a, n, std::complex<T>(0));
        for (std::int64_t c = 0; c < coils; ++c) conjugate_multiply_acc(n, maps + c * pixels + a, y + c * y_stride + a, out + a);
    }
}

Volume volume_of(const Shape& s, int rank) { return Volume{rank == 3 ? s[-3] : 1, s[-2], s[-1]}; }

}  // namespace

void CpuOperations::do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using C = std::complex<decltype(zero)>;
        const Geometry g(out.shape);
#pragma omp parallel for collapse(2) schedule(static)
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            for (std::int64_t c = 0; c < g.coils; ++c)
                multiply(g.pixels, x.as<C>() + i * g.pixels,
                         maps.as<C>() + (g.shared_entry(i, maps.shape) * g.coils + c) * g.pixels,
                         out.as<C>() + (i * g.coils + c) * g.pixels);
    });
}

void CpuOperations::do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) {
    with_real(y.dtype, [&](auto zero) {
        using C = std::complex<decltype(zero)>;
        const Geometry g(y.shape);
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            parallel_ranges(g.pixels, 4096, [&](std::int64_t first, std::int64_t last) {
                combine_pixels(y.as<C>() + i * g.coils * g.pixels, g.pixels,
                               maps.as<C>() + g.shared_entry(i, maps.shape) * g.coils * g.pixels, g.coils, g.pixels, first, last,
                               out.as<C>() + i * g.pixels);
            });
    });
}

void CpuOperations::do_mask_multiply(const Tensor& mask, const Tensor& y) {
    with_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Geometry g(y.shape);
#pragma omp parallel for collapse(2) schedule(static)
        for (std::int64_t i = 0; i < g.batch * g.frames; ++i)
            for (std::int64_t c = 0; c < g.coils; ++c)
                multiply_real(g.pixels, mask.as<T>() + g.shared_entry(i, mask.shape) * g.pixels,
                              y.as<std::complex<T>>() + (i * g.coils + c) * g.pixels);
    });
}

void CpuOperations::do_fft(FftDirection direction, int rank, const Tensor& x, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Volume v = volume_of(x.shape, rank);
        if (v.elements() == 0) return;
        const std::int64_t volumes = x.elements() / v.elements(), stride = volume_stride<T>(v);
        const int threads = static_cast<int>(std::min<std::int64_t>(threads_, volumes));
        const Lease scratch = workspace.acquire("fft", static_cast<std::size_t>(threads * stride) * sizeof(std::complex<T>));
        const auto& plan = FourierPlan<T>::get(v, direction);
        if (planning()) return;
        const T scale = T(1 / std::sqrt(static_cast<double>(v.elements())));
#pragma omp parallel for schedule(static) num_threads(threads)
        for (std::int64_t i = 0; i < volumes; ++i) {
            auto* data = x.as<std::complex<T>>() + i * v.elements();
            auto* shifted = static_cast<std::complex<T>*>(scratch.data()) + omp_get_thread_num() * stride;
            shifted_copy(v, true, scale, data, shifted);
            plan.execute(shifted);
            shifted_copy(v, false, T(1), shifted, data);
        }
    });
}

void CpuOperations::do_normal_mask(const Tensor& mask, int rank, const Tensor& out) {
    with_real(mask.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Volume v = volume_of(mask.shape, rank);
        const T scale = T(1.0 / static_cast<double>(v.elements()));
        for (std::int64_t first = 0; first < mask.elements(); first += v.elements())
            for (std::int64_t z = 0; z < v.z; ++z)
                for (std::int64_t y = 0; y < v.y; ++y)
                    for (std::int64_t x = 0; x < v.x; ++x) {
                        const T m =
                            mask.as<T>()[first + ((z + v.z / 2) % v.z * v.y + (y + v.y / 2) % v.y) * v.x + (x + v.x / 2) % v.x];
                        out.as<T>()[first + (z * v.y + y) * v.x + x] = scale * m * m;
                    }
    });
}

void CpuOperations::do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                    const NormalTerms& terms, const Tensor& out, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = std::complex<T>;
        Shape coil_shape = x.shape;
        coil_shape[2] = maps.shape[2];
        const Geometry g(coil_shape);
        const Volume v = volume_of(x.shape, rank);
        const std::int64_t slabs = g.pixels / v.elements();  // > 1 only for stacks of 2D slices
        const std::int64_t slab_stride = volume_stride<T>(v), stride = slabs * slab_stride;
        // As many (sample, frame) entries at a time as it takes to give every thread a coil.
        const std::int64_t entries = g.batch * g.frames, group = std::min(entries, (threads_ + g.coils - 1) / g.coils);
        const Lease scratch = workspace.acquire("sense_normal", static_cast<std::size_t>(group * g.coils * stride) * sizeof(C));
        const auto& forward = FourierPlan<T>::get(v, FftDirection::forward);
        const auto& inverse = FourierPlan<T>::get(v, FftDirection::inverse);
        if (planning()) return;
        C* const coils = static_cast<C*>(scratch.data());

        for (std::int64_t begin = 0; begin < entries; begin += group) {
            const std::int64_t count = std::min(group, entries - begin);
#pragma omp parallel for schedule(static)
            for (std::int64_t job = 0; job < count * g.coils * slabs; ++job) {
                const std::int64_t slab = job % slabs, c = job / slabs % g.coils, i = begin + job / slabs / g.coils;
                const std::int64_t at = slab * v.elements();
                C* t = coils + ((i - begin) * g.coils + c) * stride + slab * slab_stride;
                multiply(v.elements(), x.as<C>() + i * g.pixels + at,
                         maps.as<C>() + (g.shared_entry(i, maps.shape) * g.coils + c) * g.pixels + at, t);
                forward.execute(t);
                multiply_real(v.elements(), normal_mask.as<T>() + g.shared_entry(i, normal_mask.shape) * g.pixels + at, t);
                inverse.execute(t);
            }
            for (std::int64_t i = begin; i < begin + count; ++i)
                for (std::int64_t slab = 0; slab < slabs; ++slab) {
                    const std::int64_t at = i * g.pixels + slab * v.elements();
                    const C* t = coils + (i - begin) * g.coils * stride + slab * slab_stride;
                    const C* s = maps.as<C>() + g.shared_entry(i, maps.shape) * g.coils * g.pixels + slab * v.elements();
                    parallel_ranges(v.elements(), 2048, [&](std::int64_t first, std::int64_t last) {
                        constexpr std::int64_t block = 1024;
                        C sum[block];
                        for (std::int64_t a = first; a < last; a += block) {
                            const std::int64_t n = std::min(block, last - a);
                            combine_pixels(t + a, stride, s + a, g.coils, g.pixels, 0, n, sum);
                            const T alpha = T(terms.alpha), beta = T(terms.beta), gamma = T(terms.gamma);
                            const C *xa = x.as<C>() + at + a, *ba = terms.b ? terms.b->as<C>() + at + a : nullptr;
                            C* o = out.as<C>() + at + a;
                            for (std::int64_t j = 0; j < n; ++j)
                                o[j] = alpha * sum[j] + beta * xa[j] + (ba ? gamma * ba[j] : C(0));
                        }
                    });
                }
        }
    });
}

}  // namespace gleam::kernels::cpu
