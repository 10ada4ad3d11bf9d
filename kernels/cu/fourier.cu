// The centred Fourier transform by the library's plain one, and multiplication by a mask: one kernel.
//
// With N points along an axis and h = floor(N / 2),
//   X_k = N^-1/2 sum_n x_n exp(-2 pi i (n - h)(k - h) / N)
//       = N^-1/2 exp(-2 pi i h h / N) exp(2 pi i h k / N) sum_n [x_n exp(2 pi i h n / N)] exp(-2 pi i n k / N):
// phases of the image, the plain transform, phases of k-space; the inverse has the opposite signs. For even N the phases are
// (-1)^n and the factor is (-1)^h, so signs of real numbers do where all axes are even.
//
//   modulate  y *= mask, or y *= scale phase(z) phase(y) phase(x), in place
//
// Threads   one per two pixels beside one another (complex64, even rows) or per pixel, in blocks of a piece of a row by some rows
//           (blockIdx.x, blockIdx.y). Each goes through some of the volumes that the factor is common to, with the factor in
//           registers (blockIdx.z: plane, which volumes, entry).
// Access    16 bytes, or one complex number.
// Bytes     complex64: 16 per pixel, and the mask once for several coils. FLOPs: 2, or 6 where an axis is odd.
// Limits    none on sizes but less than 2^31 entries: 64-bit indices, axes y and z of the grid take turns.
#include <algorithm>
#include <cmath>

#include "kernels/cu/coil_launches.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/roots.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::unit_root;

constexpr unsigned threads = 256;
constexpr std::int64_t volumes_at_once = 8;

// By what a volume is multiplied: the mask, signs, or phases.
enum class Factor : std::uint8_t { mask, sign, phase };

// `entries` times `volumes` volumes [nz, ny, nx]; the volumes of an entry have their factors in common.
struct Modulated {
    CoilPixels p;  // of which entry, coils and pixels are used
    MaskPixels m;  // with a mask
    std::int64_t nz, ny, nx;
    int direction;  // of the phases: 1, -1, or 0 where there are none

    Modulated(const CoilPixels& pixels, const MaskPixels& mask, const std::array<std::int64_t, 3>& extent, int phases)
        : p(pixels), m(mask), nz(extent[0]), ny(extent[1]), nx(extent[2]), direction(phases) {}
};

// exp(2 pi i floor(n / 2) k / n); the product is reduced in integers, of 32 bits where they hold it
template <class T>
__device__ Complex<T> centre_phase(std::int64_t k, std::int64_t n) {
    if (n < 46341) {
        const auto small = static_cast<unsigned>(n);
        return unit_root<T>(static_cast<int>(small / 2 * static_cast<unsigned>(k) % small), static_cast<int>(n));
    }
    return unit_root<T>(n / 2 * k % n, n);
}

template <class T, int N, Factor F>
__global__ void __launch_bounds__(threads, 1)
    modulate_kernel(Modulated g, Complex<T> scale, const T* mask, const double* active, Complex<T>* data) {
    using Numbers = simt::Pack<Complex<T>, N>;
    const std::int64_t x = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * N;
    if (x >= g.nx) return;
    const std::int64_t groups = (g.p.coils + volumes_at_once - 1) / volumes_at_once;
    Complex<T> along_x[N];
    if constexpr (F == Factor::phase) {
        GLEAM_UNROLL
        for (int k = 0; k < N; ++k) along_x[k] = scale * centre_phase<T>(x + k, g.nx);
    }
    for (std::int64_t turn = blockIdx.z; turn < g.p.entries * groups * g.nz; turn += gridDim.z) {
        const std::int64_t z = turn % g.nz, group = turn / g.nz % groups, i = turn / g.nz / groups;
        if (!g.p.computed(active, i)) continue;
        const std::int64_t first = group * volumes_at_once;
        const std::int64_t last = first + volumes_at_once < g.p.coils ? first + volumes_at_once : g.p.coils;
        for (std::int64_t y = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; y < g.ny;
             y += static_cast<std::int64_t>(gridDim.y) * blockDim.y) {
            T real[N];
            Complex<T> phase[N];
            if constexpr (F == Factor::mask) {
                const T* row = mask + g.m.entry(g.p.first + i) + z * g.m.sz + y * g.m.sy;
                GLEAM_UNROLL
                for (int k = 0; k < N; ++k) real[k] = row[(x + k) * g.m.sx];
            } else if constexpr (F == Factor::sign) {
                GLEAM_UNROLL
                for (int k = 0; k < N; ++k) real[k] = g.direction != 0 && ((x + k + y + z) & 1) != 0 ? -scale.re : scale.re;
            } else {
                const Complex<T> plane = centre_phase<T>(z, g.nz) * centre_phase<T>(y, g.ny);
                GLEAM_UNROLL
                for (int k = 0; k < N; ++k) {
                    phase[k] = along_x[k] * plane;
                    if (g.direction < 0) phase[k].im = -phase[k].im;
                }
            }
            Complex<T>* at = data + ((i * g.p.coils + first) * g.p.pixels + (z * g.ny + y) * g.nx + x);
            GLEAM_UNROLL_BY(4)
            for (std::int64_t c = first; c < last; ++c, at += g.p.pixels) {
                Numbers v = *reinterpret_cast<const Numbers*>(at);
                GLEAM_UNROLL
                for (int k = 0; k < N; ++k) {
                    if constexpr (F == Factor::phase)
                        v.v[k] = phase[k] * v.v[k];
                    else
                        v.v[k] = real[k] * v.v[k];
                }
                *reinterpret_cast<Numbers*>(at) = v;
            }
        }
    }
}

template <class T, Factor F>
void modulate(Stream stream, const char* name, const Modulated& g, std::complex<double> scale, const Tensor* mask,
              const Tensor* active, const Tensor& data) {
    const auto launch = [&](auto kernel, std::int64_t n) {
        const std::int64_t items = (g.nx + n - 1) / n;
        unsigned width = 1;
        while (width < warp_lanes && width < items) width *= 2;
        const unsigned height = threads / width;
        const std::int64_t groups = (g.p.coils + volumes_at_once - 1) / volumes_at_once;
        const Extent blocks{blocks_for(items, width, grid_limit.x), turns((g.ny + height - 1) / height),
                            turns(g.p.entries * groups * g.nz)};
        simt::launch(kernel, {name, blocks, {width, height}}, stream, g,
                     Complex<T>{static_cast<T>(scale.real()), static_cast<T>(scale.imag())}, optional_data<const T>(mask),
                     optional_data<const double>(active), device_data<Complex<T>>(data));
    };
    if constexpr (sizeof(T) == 4)
        if (g.nx % 2 == 0) return launch(modulate_kernel<T, 2, F>, 2);
    launch(modulate_kernel<T, 1, F>, 1);
}

// exp(-2 pi i h h / N) of every axis, h = floor(N / 2)
std::complex<double> centre_factor(const std::array<std::int64_t, 3>& extent) {
    std::complex<double> factor = 1;
    for (const std::int64_t n : extent) {
        const Complex<double> root = unit_root<double>(n / 2 * (n / 2) % n, n);
        factor *= std::complex<double>(root.re, -root.im);
    }
    return factor;
}

}  // namespace

void mask_coils(Stream stream, const CoilPixels& p, const Tensor& mask, const std::array<std::int64_t, 3>& volume,
                const Tensor* active, const Tensor& coils) {
    with_real(coils.dtype, [&](auto zero) {
        modulate<decltype(zero), Factor::mask>(stream, "mask_multiply", {p, MaskPixels(mask.shape, p.frames), volume, 0}, 1,
                                               &mask, active, coils);
    });
}

void GpuOperations::do_fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) {
    const std::array<std::int64_t, 3> extent{fourier.rank == 3 ? x.shape[-3] : 1, x.shape[-2], x.shape[-1]};
    const std::int64_t pixels = extent[0] * extent[1] * extent[2];
    if (pixels == 0 || x.elements() == 0) return;
    const std::int64_t volumes = x.elements() / pixels;
    const auto multiply = [&](int phases, std::complex<double> scale) {
        with_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            const Shape all{1, 1, volumes, extent[0], extent[1], extent[2]};
            const Modulated g(CoilPixels(all, all), MaskPixels(all, 1), extent, phases);
            const bool even = std::all_of(extent.begin(), extent.end(), [](std::int64_t n) { return n == 1 || n % 2 == 0; });
            if (phases == 0 || even) return modulate<T, Factor::sign>(stream(), "fft", g, scale, nullptr, nullptr, x);
            modulate<T, Factor::phase>(stream(), "fft", g, scale, nullptr, nullptr, x);
        });
    };
    const int sign = !fourier.centred ? 0 : direction == FftDirection::forward ? 1 : -1;
    if (!planning() && sign != 0) multiply(sign, 1);
    backend_->fourier(direction, {volumes, extent, {true, true, true}}, x, workspace, planning());
    if (planning()) return;
    // In the opposite direction, modulate() conjugates the factor, too.
    const std::complex<double> factor = sign == 0 ? 1 : centre_factor(extent);
    multiply(sign, factor / std::sqrt(static_cast<double>(pixels)));
}

}  // namespace gleam::kernels::cu
