// Power iteration for the coil maps of ESPIRiT: the eigenvector of the largest eigenvalue of a small matrix at every point.
//
//   leading_eigenvectors  v = G v / |G v|, from the column of G's largest diagonal entry until v comes to rest
//   deflate               G -= value v v^H
//
// Threads   leading_eigenvectors: one per point, neighbours next to each other, each until its own vector rests. v and G v lie in
//           shared memory, coil by coil, so that a warp's accesses meet no bank twice; a thread touches its own numbers alone.
//           deflate: one per point and pair.
// Bytes     per point, C coils, complex64: 4 C (C + 1) of the matrix (from the second-level cache after the first iteration),
//           8 C + 4 written; an iteration is 4 C^2 multiplications and additions each. deflate: 8 C (C + 1) + 16.
// Limits    2 C numbers of 32 threads must fit the shared memory of a block: 454 coils in single precision, 227 in double.
#include <cmath>

#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/complex.hpp"
#include "kernels/device/eigenvectors.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::triangle_entry;

constexpr unsigned deflate_threads = 256;

// What one point's iteration works on: its matrix in global memory, v and g in shared memory, one coil `threads` further than the
// one before.
template <class T>
struct PowerIteration {
    std::int64_t coils, points;
    const Complex<T>* matrix;
    Complex<T>*v, *g;
    unsigned threads;

    GLEAM_DEVICE Complex<T> entry(std::int64_t c, std::int64_t d) const {
        return c >= d ? matrix[triangle_entry(c, d) * points] : conjugate(matrix[triangle_entry(d, c) * points]);
    }
    GLEAM_DEVICE static Complex<T> conjugate(const Complex<T>& a) { return {a.re, -a.im}; }

    // g = G e_j, for the coil j that sees most
    GLEAM_DEVICE void start() {
        std::int64_t strongest = 0;
        T most = matrix[0].re;
        for (std::int64_t c = 1; c < coils; ++c) {
            const T seen = matrix[triangle_entry(c, c) * points].re;
            if (seen > most) strongest = c, most = seen;
        }
        for (std::int64_t c = 0; c < coils; ++c) {
            g[c * threads] = entry(c, strongest);
            if (c == strongest) g[c * threads].im = 0;
            v[c * threads] = {0, 0};
        }
    }

    // g = G v, every entry of the triangle read once
    GLEAM_DEVICE void multiply() {
        for (std::int64_t c = 0; c < coils; ++c) {
            const Complex<T> own = v[c * threads];
            Complex<T> sum{0, 0};
            for (std::int64_t d = 0; d < c; ++d) {
                const Complex<T> m = matrix[triangle_entry(c, d) * points];
                sum += m * v[d * threads];
                g[d * threads] += device::conjugate_product(m, own);
            }
            g[c * threads] = sum + matrix[triangle_entry(c, c) * points].re * own;
        }
    }

    // v = g / |g|; returns |g|, and in `moved` how far v went.
    GLEAM_DEVICE T advance(T& moved) {
        T norm2 = 0;
        for (std::int64_t c = 0; c < coils; ++c)
            norm2 += g[c * threads].re * g[c * threads].re + g[c * threads].im * g[c * threads].im;
        const T norm = std::sqrt(norm2), inverse = norm2 > 0 ? 1 / norm : T(0);
        T change = 0;
        for (std::int64_t c = 0; c < coils; ++c) {
            const Complex<T> next = inverse * g[c * threads], step = next - v[c * threads];
            change += step.re * step.re + step.im * step.im;
            v[c * threads] = next;
        }
        moved = std::sqrt(change);
        return norm;
    }
};

template <class T>
__global__ void eigenvector_kernel(int iterations, std::int64_t coils, std::int64_t points, const Complex<T>* matrices,
                                   Complex<T>* vectors, T* values) {
    auto* const shared = simt::dynamic_shared<Complex<T>>();
    for (std::int64_t point : simt::Range(points)) {
        PowerIteration<T> iteration{
            coils, points, matrices + point, shared + threadIdx.x, shared + coils * blockDim.x + threadIdx.x, blockDim.x};
        iteration.start();
        T before = 0, step = 0, value = iteration.advance(step);
        for (int i = 0; i < iterations && device::still_moves<T>(step, before); ++i) {
            before = step;
            iteration.multiply();
            value = iteration.advance(step);
        }
        for (std::int64_t c = 0; c < coils; ++c) vectors[c * points + point] = iteration.v[c * blockDim.x];
        values[point] = value;
    }
}

template <class T>
__global__ void deflate_kernel(std::int64_t coils, std::int64_t points, const Complex<T>* vectors, const T* values,
                               Complex<T>* matrices) {
    for (std::int64_t c = blockIdx.y; c < coils; c += gridDim.y)
        for (std::int64_t point : simt::Range(points)) {
            const Complex<T> a = values[point] * vectors[c * points + point];
            for (std::int64_t d = 0; d <= c; ++d) {
                const Complex<T> b = device::conjugate_product(vectors[d * points + point], a);
                Complex<T>& entry = matrices[triangle_entry(c, d) * points + point];
                entry = entry - b;
            }
        }
}

}  // namespace

void GpuOperations::do_leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) {
    with_real(values.dtype, [&](auto zero) {
        using C = Complex<decltype(zero)>;
        const std::int64_t coils = vectors.shape[0], points = vectors.shape[1];
        const auto shared = [&](unsigned threads) { return 2 * static_cast<std::size_t>(coils) * threads * sizeof(C); };
        unsigned threads = 128;
        while (threads > warp_lanes && shared(threads) > static_shared_limit) threads /= 2;
        if (shared(threads) > shared_limit)
            throw DeviceError("leading_eigenvectors", std::to_string(coils) + " coils do not fit the memory of a block",
                              "compress the coils first");
        simt::launch(eigenvector_kernel<decltype(zero)>,
                     {"leading_eigenvectors", {blocks_for(points, threads)}, {threads}, shared(threads)}, stream(), iterations,
                     coils, points, device_data<const C>(matrices), device_data<C>(vectors), device_data<decltype(zero)>(values));
    });
}

void GpuOperations::do_deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) {
    with_real(values.dtype, [&](auto zero) {
        using C = Complex<decltype(zero)>;
        const std::int64_t coils = vectors.shape[0], points = vectors.shape[1];
        simt::launch(deflate_kernel<decltype(zero)>,
                     {"deflate", {blocks_for(points, deflate_threads), static_cast<unsigned>(coils)}, {deflate_threads}},
                     stream(), coils, points, device_data<const C>(vectors), device_data<const decltype(zero)>(values),
                     device_data<C>(matrices));
    });
}

}  // namespace gleam::kernels::cu
