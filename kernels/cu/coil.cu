// Coil sensitivities and the sampling mask.
//
//   coil_expand    out_c = sum_e S_ce x_e                coil_combine   out_e = sum_c conj(S_ce) y_c
//   mask_multiply  y_c *= mask                           normal_mask    ifftshift(mask^2) / n
//
// Threads   coil_expand, mask_multiply: one per pixel of a coil image (blockIdx.y: coil, blockIdx.z: sample and frame), so that
//           map and output are read and written once and in order; the image is read again for every coil, from the second-level
//           cache. coil_combine: one per pixel, over all coils in order, with the sets in registers, at most max_sets at a time.
// Bytes     per pixel and coil, complex64: expand 8 (map) E + 8 (out), combine 8 (coil) + 8 (map) E, mask 16 + mask;
//           besides 8 E per pixel for the image, once.
// Limits    none on sizes: 64-bit indices, axes y and z of the grid take turns.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/pixels.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/complex.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::conjugate_product;

constexpr unsigned threads = 256;

template <class T>
__global__ void expand_kernel(CoilPixels p, const Complex<T>* x, const Complex<T>* maps, Complex<T>* out) {
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z)
        for (std::int64_t c = blockIdx.y; c < p.coils; c += gridDim.y) {
            const Complex<T>* image = x + i * p.pixels * p.sets;
            const Complex<T>* map = maps + (p.map_entry(i) * p.coils + c) * p.pixels * p.sets;
            Complex<T>* coil = out + (i * p.coils + c) * p.pixels;
            for (std::int64_t pixel : simt::Range(p.pixels)) {
                Complex<T> sum = map[pixel * p.sets] * image[pixel * p.sets];
                for (std::int64_t e = 1; e < p.sets; ++e) sum += map[pixel * p.sets + e] * image[pixel * p.sets + e];
                coil[pixel] = sum;
            }
        }
}

template <class T>
__global__ void combine_kernel(CoilPixels p, const Complex<T>* y, const Complex<T>* maps, Complex<T>* out) {
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z) {
        const Complex<T>* coils = y + i * p.coils * p.pixels;
        const Complex<T>* map = maps + p.map_entry(i) * p.coils * p.pixels * p.sets;
        Complex<T>* image = out + i * p.pixels * p.sets;
        for (std::int64_t v : simt::Range(p.pixels * p.sets)) {
            const std::int64_t pixel = p.sets == 1 ? v : v / p.sets;
            Complex<T> sum{0, 0};
            for (std::int64_t c = 0; c < p.coils; ++c)
                sum += conjugate_product(map[c * p.pixels * p.sets + v], coils[c * p.pixels + pixel]);
            image[v] = sum;
        }
    }
}

template <class T>
__global__ void mask_kernel(CoilPixels p, MaskPixels m, const T* mask, Complex<T>* y) {
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z)
        for (std::int64_t c = blockIdx.y; c < p.coils; c += gridDim.y) {
            Complex<T>* coil = y + (i * p.coils + c) * p.pixels;
            for (std::int64_t pixel : simt::Range(p.pixels)) coil[pixel] = mask[m.at(i, pixel)] * coil[pixel];
        }
}

template <class T>
__global__ void normal_mask_kernel(std::int64_t volumes, std::int64_t nz, std::int64_t ny, std::int64_t nx, bool centred, T scale,
                                   const T* mask, T* out) {
    const std::int64_t sz = centred ? nz / 2 : 0, sy = centred ? ny / 2 : 0, sx = centred ? nx / 2 : 0;
    for (std::int64_t i : simt::Range(volumes * nz * ny * nx)) {
        const std::int64_t x = i % nx, y = i / nx % ny, z = i / nx / ny % nz, volume = i / nx / ny / nz;
        const T m = mask[((volume * nz + (z + sz) % nz) * ny + (y + sy) % ny) * nx + (x + sx) % nx];
        out[i] = scale * m * m;
    }
}

}  // namespace

void GpuOperations::do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using C = Complex<decltype(zero)>;
        const CoilPixels p(out.shape, maps.shape);
        simt::launch(expand_kernel<decltype(zero)>, {"coil_expand", p.blocks(threads), {threads}}, stream(), p,
                     device_data<const C>(x), device_data<const C>(maps), device_data<C>(out));
    });
}

void GpuOperations::do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) {
    with_real(y.dtype, [&](auto zero) {
        using C = Complex<decltype(zero)>;
        const CoilPixels p(y.shape, maps.shape);
        simt::launch(combine_kernel<decltype(zero)>,
                     {"coil_combine", {blocks_for(p.pixels * p.sets, threads), 1, turns(p.entries)}, {threads}}, stream(), p,
                     device_data<const C>(y), device_data<const C>(maps), device_data<C>(out));
    });
}

void GpuOperations::do_mask_multiply(const Tensor& mask, const Tensor& y) {
    with_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const CoilPixels p(y.shape, y.shape);
        simt::launch(mask_kernel<T>, {"mask_multiply", p.blocks(threads), {threads}}, stream(), p,
                     MaskPixels(mask.shape, y.shape), device_data<const T>(mask), device_data<Complex<T>>(y));
    });
}

void GpuOperations::do_normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) {
    with_real(mask.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t z = fourier.rank == 3 ? mask.shape[-3] : 1, y = mask.shape[-2], x = mask.shape[-1];
        const T scale = T(1.0 / static_cast<double>(z * y * x));
        simt::launch(normal_mask_kernel<T>, {"normal_mask", {blocks_for(mask.elements(), threads)}, {threads}}, stream(),
                     mask.elements() / (z * y * x), z, y, x, fourier.centred, scale, device_data<const T>(mask),
                     device_data<T>(out));
    });
}

}  // namespace gleam::kernels::cu
