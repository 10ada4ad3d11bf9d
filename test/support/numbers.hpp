// Test data: tensors that own their memory, filled from a fixed seed, and inner products in double.
#pragma once

#include <cmath>
#include <complex>

#include "core/array.hpp"
#include "core/philox.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::test {

// Standard normal numbers (both parts of complex ones).
template <class T>
Array<T> random_array(const Shape& shape, std::uint32_t stream) {
    Array<T> a(shape);
    Philox random(2024, Purpose::test, 0, stream);
    for (auto& v : a.values) {
        if constexpr (is_complex(dtype_of<T>)) {
            using R = typename T::value_type;
            const R re = static_cast<R>(random.normal());
            v = T(re, static_cast<R>(random.normal()));
        } else {
            v = static_cast<T>(random.normal());
        }
    }
    return a;
}

// <a, b> = sum conj(a) b
template <class T>
std::complex<double> inner(const Array<T>& a, const Array<T>& b) {
    std::complex<double> sum = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += std::conj(std::complex<double>(a[i])) * std::complex<double>(b[i]);
    return sum;
}

template <class T>
double norm(const Array<T>& a) {
    return std::sqrt(inner(a, a).real());
}

// |<Ax, y> - <x, A^H y>| / (|Ax| |y|)
template <class T>
double adjoint_error(const Array<T>& x, const Array<T>& ax, const Array<T>& y, const Array<T>& ahy) {
    return std::abs(inner(ax, y) - inner(x, ahy)) / (norm(ax) * norm(y) + 1e-300);
}

// |a - b| / |b|
template <class T>
double relative_error(const Array<T>& a, const Array<T>& b) {
    Array<T> d = a;
    for (std::int64_t i = 0; i < d.elements(); ++i) d[i] -= b[i];
    return norm(d) / (norm(b) + 1e-300);
}

// Bounds of the adjoint test: 1e-5 in single, 1e-12 in double precision.
template <class T>
constexpr double adjoint_bound() {
    return real_of(dtype_of<T>) == DType::f64 ? 1e-12 : 1e-5;
}

// A CPU backend with memory on demand, for operations outside a step.
struct Bench {
    std::unique_ptr<kernels::Operations> ops = kernels::make_cpu_operations();
    Arena workspace{"workspace"};
    Bench() { workspace.serve_on_demand(ops->allocator()); }
};

}  // namespace gleam::test
