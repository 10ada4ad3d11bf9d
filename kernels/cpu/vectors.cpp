// Memory, vector arithmetic and conjugate-gradient updates.
#include <omp.h>

#include <cstdlib>
#include <cstring>

#include "kernels/cpu/convolution_engine.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/fourier.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels {

std::unique_ptr<Operations> make_cpu_operations() { return std::make_unique<cpu::CpuOperations>(); }

int set_thread_count(int threads) {
    omp_set_num_threads(threads > 0 ? threads : omp_get_num_procs());
    return omp_get_max_threads();
}

int thread_count() { return omp_get_max_threads(); }

std::vector<std::pair<std::string, std::string>> cpu_libraries() {
    return {{"FFTW", cpu::fourier_library_version()}, {"oneDNN", cpu::convolution_library_version()}};
}

namespace cpu {
namespace {

// A complex tensor is twice as many real numbers.
std::int64_t reals(const Tensor& t) { return t.elements() * (is_complex(t.dtype) ? 2 : 1); }

template <class T>
T* real_data(const Tensor& t) {
    return static_cast<T*>(t.data);
}

double quotient(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

void* CpuAllocator::do_allocate(std::size_t bytes) {
    const std::size_t rounded = (bytes + memory_alignment - 1) / memory_alignment * memory_alignment;
    return std::aligned_alloc(memory_alignment, rounded);
}

void CpuAllocator::do_release(void* p) noexcept { std::free(p); }

CpuOperations::CpuOperations() : convolutions_(std::make_unique<ConvolutionEngine>()), threads_(omp_get_max_threads()) {}
CpuOperations::~CpuOperations() = default;

void CpuOperations::do_copy(const Tensor& x, const Tensor& out) { std::memcpy(out.data, x.data, x.bytes()); }

void CpuOperations::do_fill_zero(const Tensor& out) { std::memset(out.data, 0, out.bytes()); }

void CpuOperations::do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T *p = real_data<T>(x), *q = real_data<T>(y);
        T* o = real_data<T>(out);
        const T s = T(a), t = T(b);
        parallel_ranges(reals(x), elementwise_grain, [&](std::int64_t first, std::int64_t last) {
#pragma omp simd
            for (std::int64_t i = first; i < last; ++i) o[i] = s * p[i] + t * q[i];
        });
    });
}

void CpuOperations::do_dot(const Tensor& x, const Tensor& y, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t per_sample = reals(x) / x.shape[0];
        for (std::int64_t n = 0; n < x.shape[0]; ++n) {
            const T *p = real_data<T>(x) + n * per_sample, *q = real_data<T>(y) + n * per_sample;
            out.as<double>()[n] = ordered_sum(per_sample, [&](std::int64_t first, std::int64_t last) {
                double sum = 0;
#pragma omp simd reduction(+ : sum)
                for (std::int64_t i = first; i < last; ++i) sum += double(p[i]) * double(q[i]);
                return sum;
            });
        }
    });
}

void CpuOperations::do_cg_advance_acc(const Tensor& rho, const Tensor& pq, const Tensor& p, const Tensor& q, const Tensor& x,
                                      const Tensor& r) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t per_sample = reals(x) / x.shape[0];
        for (std::int64_t n = 0; n < x.shape[0]; ++n) {
            const T alpha = T(quotient(rho.as<double>()[n], pq.as<double>()[n]));
            parallel_ranges(per_sample, elementwise_grain, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = n * per_sample + first; i < n * per_sample + last; ++i) {
                    real_data<T>(x)[i] += alpha * real_data<T>(p)[i];
                    real_data<T>(r)[i] -= alpha * real_data<T>(q)[i];
                }
            });
        }
    });
}

void CpuOperations::do_cg_direction(const Tensor& rho_new, const Tensor& rho, const Tensor& r, const Tensor& p) {
    with_real(r.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t per_sample = reals(r) / r.shape[0];
        for (std::int64_t n = 0; n < r.shape[0]; ++n) {
            const T beta = T(quotient(rho_new.as<double>()[n], rho.as<double>()[n]));
            parallel_ranges(per_sample, elementwise_grain, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = n * per_sample + first; i < n * per_sample + last; ++i)
                    real_data<T>(p)[i] = real_data<T>(r)[i] + beta * real_data<T>(p)[i];
            });
        }
    });
}

}  // namespace cpu
}  // namespace gleam::kernels
