// Memory, vector arithmetic and scalars.
#include <omp.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernels/cpu/convolution_engine.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/fourier.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/device/elementwise.hpp"

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

// Scalar n of [N], or the one of [1].
double scalar(const Tensor& t, std::int64_t n) {
    return with_real(t.dtype, [&](auto zero) { return static_cast<double>(t.as<decltype(zero)>()[t.elements() == 1 ? 0 : n]); });
}

}  // namespace

// Aligned by hand: what the C library has aligned and freed it does not give to the next block of the same size, for which it
// wants more. What lies in front of the data is where the block begins.
void* CpuAllocator::do_allocate(std::size_t bytes) {
    void* const block = std::malloc(aligned(bytes) + sizeof(void*) + memory_alignment - 1);
    if (!block) return nullptr;
    const auto first = reinterpret_cast<std::uintptr_t>(block) + sizeof(void*);
    void* const data = reinterpret_cast<void*>(aligned(first));
    static_cast<void**>(data)[-1] = block;
    return data;
}

void CpuAllocator::do_release(void* p) noexcept { std::free(static_cast<void**>(p)[-1]); }

CpuOperations::CpuOperations() : convolutions_(std::make_unique<ConvolutionEngine>()), threads_(omp_get_max_threads()) {}
CpuOperations::~CpuOperations() = default;

void CpuOperations::do_copy(const Tensor& x, const Tensor& out) {
    if (x.dtype == out.dtype) {
        std::memcpy(out.data, x.data, x.bytes());
        return;
    }
    with_feature(x.dtype, [&](auto from) {
        with_feature(out.dtype, [&](auto to) {
            std::transform(real_data<decltype(from)>(x), real_data<decltype(from)>(x) + reals(x), real_data<decltype(to)>(out),
                           [](auto v) { return static_cast<decltype(to)>(v); });
        });
    });
}

void CpuOperations::do_fill_zero(const Tensor& out) { std::memset(out.data, 0, out.bytes()); }

void CpuOperations::do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using A = Arithmetic<T>;
        const T *p = real_data<T>(x), *q = real_data<T>(y);
        T* o = real_data<T>(out);
        const device::Combination<A> combined{A(a), A(b)};
        parallel_ranges(reals(x), elementwise_grain, [&](std::int64_t first, std::int64_t last) {
#pragma omp simd
            for (std::int64_t i = first; i < last; ++i) o[i] = T(combined(A(p[i]), A(q[i])));
        });
    });
}

void CpuOperations::do_dot(const Tensor& x, const Tensor& y, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t groups = out.elements(), per_sample = reals(x) / groups;
        for (std::int64_t n = 0; n < groups; ++n) {
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

void CpuOperations::do_add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x,
                                    const Tensor* y, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t per_sample = reals(x) / x.shape[0];
        for (std::int64_t n = 0; n < x.shape[0]; ++n) {
            const double below = denominator ? scalar(*denominator, n) : 1;
            const T a = T(factor * device::quotient(scalar(numerator, n), below));
            const T *p = real_data<T>(x) + n * per_sample, *q = y ? real_data<T>(*y) + n * per_sample : nullptr;
            T* o = real_data<T>(out) + n * per_sample;
            parallel_ranges(per_sample, elementwise_grain, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = first; i < last; ++i) o[i] = (q ? q[i] : T(0)) + a * p[i];
            });
        }
    });
}

void CpuOperations::do_add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator,
                                                const Tensor& t, const Tensor* d_numerator, const Tensor* d_denominator) {
    for (std::int64_t n = 0; n < t.elements(); ++n) {
        const device::QuotientDerivatives d(factor, scalar(numerator, n), denominator ? scalar(*denominator, n) : 1,
                                            t.as<double>()[n]);
        if (d_numerator)
            with_real(d_numerator->dtype,
                      [&](auto zero) { d_numerator->as<decltype(zero)>()[n] += decltype(zero)(d.by_numerator); });
        if (d_denominator) d_denominator->as<double>()[n] += d.by_denominator;
    }
}

void CpuOperations::do_drop_below(double limit, const Tensor& reference, const Tensor& x) {
    for (std::int64_t n = 0; n < x.elements(); ++n)
        if (x.as<double>()[n] <= limit * reference.as<double>()[n]) x.as<double>()[n] = 0;
}

}  // namespace cpu
}  // namespace gleam::kernels
