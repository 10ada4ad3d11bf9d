// Coil sensitivities.
//
//   expand    out_c = sum_e S_ce x_e
//   combine   out_e = sum_c conj(S_ce) y_c,  or  alpha (that) + beta x_e + gamma b_e
//   normal_mask  ifftshift(mask^2) / n
//
// Threads   expand: one per two pixels (one set), or per pixel; each takes several coils, the image in registers (blockIdx.y:
// which
//           coils, blockIdx.z: sample and frame). combine: one per 16 bytes of the image, over all coils in order.
//           Neighbouring threads have neighbouring numbers.
// Access    16 bytes: of complex64 two pixels where their number is even (one set), two sets of a pixel where theirs is even;
//           else one complex number.
// Bytes     per pixel and coil, complex64: expand 8 E (map) + 8 (out), combine 8 (coil) + 8 E (map), E sets; besides, per pixel,
//           expand 8 E for the image (again for every four coils, from the second-level cache), combine 8 E for the output and 8
//           E each for x and b where beta and gamma are not 0. FLOPs per pixel and coil: 8 E, either.
// Limits    none on sizes but less than 2^31 entries: 64-bit indices, axes y and z of the grid take turns.
#include "kernels/cu/coil_launches.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::conjugate_product;

constexpr unsigned threads = 128;  // and 1 in __launch_bounds__: ptxas would spill a register or two to fit more blocks

template <class T, int N>
using Numbers = simt::Pack<Complex<T>, N>;

// N: complex numbers per access, all of one pixel unless OneSet.
template <class T, int N, bool OneSet>
__global__ void __launch_bounds__(threads, 1)
    expand_kernel(CoilPixels p, const double* active, const Numbers<T, N>* x, const Numbers<T, N>* maps, Complex<T>* out) {
    const std::int64_t packs = p.sets / N, items = OneSet ? p.pixels / N : p.pixels;
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z) {
        if (!p.computed(active, i)) continue;
        const Numbers<T, N>*image = x + p.image(i) / N, *map = maps + p.map(i) / N;
        Complex<T>* coils = out + i * p.coils * p.pixels;
        for (std::int64_t item : simt::Range(items)) {
            if constexpr (OneSet) {
                const Numbers<T, N> own = image[item];
                for (std::int64_t c = blockIdx.y; c < p.coils; c += gridDim.y) {
                    const Numbers<T, N> s = map[c * items + item];
                    Numbers<T, N> product;
                    GLEAM_UNROLL
                    for (int k = 0; k < N; ++k) product.v[k] = s.v[k] * own.v[k];
                    reinterpret_cast<Numbers<T, N>*>(coils)[c * items + item] = product;
                }
            } else {
                for (std::int64_t c = blockIdx.y; c < p.coils; c += gridDim.y) {
                    Complex<T> sum{0, 0};
                    for (std::int64_t e = 0; e < packs; ++e) {
                        const Numbers<T, N> s = map[(c * items + item) * packs + e], own = image[item * packs + e];
                        GLEAM_UNROLL
                        for (int k = 0; k < N; ++k) sum += s.v[k] * own.v[k];
                    }
                    coils[c * items + item] = sum;
                }
            }
        }
    }
}

// The sums over all coils, in order, of N numbers of an image.
template <class T, int N, bool OneSet>
__device__ Numbers<T, N> combined(const CoilPixels& p, const Complex<T>* coils, const Numbers<T, N>* map, std::int64_t item,
                                  std::int64_t items) {
    const std::int64_t packs = p.sets / N, pixel = OneSet ? item : packs == 1 ? item : item / packs;
    Numbers<T, N> sum{};
    GLEAM_UNROLL_BY(4)
    for (std::int64_t c = 0; c < p.coils; ++c) {
        const Numbers<T, N> s = map[c * items + item];
        if constexpr (OneSet) {
            const Numbers<T, N> y = reinterpret_cast<const Numbers<T, N>*>(coils)[c * items + item];
            GLEAM_UNROLL
            for (int k = 0; k < N; ++k) sum.v[k] += conjugate_product(s.v[k], y.v[k]);
        } else {
            const Complex<T> y = coils[c * p.pixels + pixel];
            GLEAM_UNROLL
            for (int k = 0; k < N; ++k) sum.v[k] += conjugate_product(s.v[k], y);
        }
    }
    return sum;
}

template <class T, int N, bool OneSet>
__global__ void __launch_bounds__(threads, 1)
    combine_kernel(CoilPixels p, NormalWeights<T> terms, const T* beta_factor, const double* active, const Complex<T>* y,
                   const Numbers<T, N>* maps, const Numbers<T, N>* x, const Numbers<T, N>* b, Numbers<T, N>* out) {
    const std::int64_t items = p.pixels * p.sets / N;
    const NormalWeights<T> weights = terms.scaled(beta_factor);
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z) {
        const bool computed = p.computed(active, i);
        const std::int64_t image = p.image(i) / N;
        for (std::int64_t item : simt::Range(items)) {
            Numbers<T, N> sum{};
            if (computed) {
                sum = combined<T, N, OneSet>(p, y + i * p.coils * p.pixels, maps + p.map(i) / N, item, items);
                const Numbers<T, N> own = x ? x[image + item] : Numbers<T, N>{}, other = b ? b[image + item] : Numbers<T, N>{};
                GLEAM_UNROLL
                for (int k = 0; k < N; ++k) sum.v[k] = weights(sum.v[k], own.v[k], other.v[k]);
            }
            out[image + item] = sum;
        }
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

// Calls f(zero of the real type, how many numbers are accessed at once, whether there is one set), both constants.
template <class F>
void with_access(DType type, const CoilPixels& p, F&& f) {
    using One = std::integral_constant<int, 1>;
    using Two = std::integral_constant<int, 2>;
    if (real_of(type) == DType::f64)
        return p.sets == 1 ? f(double{}, One(), std::true_type()) : f(double{}, One(), std::false_type());
    if (p.sets == 1) return p.pixels % 2 == 0 ? f(float{}, Two(), std::true_type()) : f(float{}, One(), std::true_type());
    return p.sets % 2 == 0 ? f(float{}, Two(), std::false_type()) : f(float{}, One(), std::false_type());
}

}  // namespace

void expand_coils(Stream stream, const CoilPixels& p, const Tensor& x, const Tensor& maps, const Tensor* active,
                  const Tensor& coils) {
    with_access(x.dtype, p, [&]<class T, class N, class OneSet>(T, N, OneSet) {
        using Access = const Numbers<T, N::value>;
        const std::int64_t items = p.pixels / (OneSet::value ? N::value : 1);
        simt::launch(expand_kernel<T, N::value, OneSet::value>, {"coil_expand", p.blocks(items, threads), {threads}}, stream, p,
                     optional_data<const double>(active), in_packs<Access>(device_data<const Complex<T>>(x)),
                     in_packs<Access>(device_data<const Complex<T>>(maps)), device_data<Complex<T>>(coils));
    });
}

void combine_coils(Stream stream, const CoilPixels& p, const Tensor& coils, const Tensor& maps, const NormalTerms& terms,
                   const Tensor& x, const Tensor& out) {
    with_access(out.dtype, p, [&]<class T, class N, class OneSet>(T, N, OneSet) {
        using Access = Numbers<T, N::value>;
        const NormalWeights<T> weights{T(terms.alpha), T(terms.beta), T(terms.gamma)};
        const Extent blocks{blocks_for(p.pixels * p.sets / N::value, threads), 1, turns(p.entries)};
        simt::launch(combine_kernel<T, N::value, OneSet::value>, {"coil_combine", blocks, {threads}}, stream, p, weights,
                     optional_data<const T>(terms.beta_factor), optional_data<const double>(terms.active),
                     device_data<const Complex<T>>(coils), in_packs<const Access>(device_data<const Complex<T>>(maps)),
                     in_packs<const Access>(optional_data<const Complex<T>>(terms.beta != 0 ? &x : nullptr)),
                     in_packs<const Access>(optional_data<const Complex<T>>(terms.gamma != 0 ? terms.b : nullptr)),
                     in_packs<Access>(device_data<Complex<T>>(out)));
    });
}

void GpuOperations::do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) {
    expand_coils(stream(), CoilPixels(out.shape, maps.shape), x, maps, nullptr, out);
}

void GpuOperations::do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) {
    combine_coils(stream(), CoilPixels(y.shape, maps.shape), y, maps, NormalTerms{}, Tensor{}, out);
}

void GpuOperations::do_mask_multiply(const Tensor& mask, const Tensor& y) {
    mask_coils(stream(), CoilPixels(y.shape, y.shape), mask, {y.shape[3], y.shape[4], y.shape[5]}, nullptr, y);
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
