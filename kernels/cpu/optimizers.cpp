// Updates of flat parameter buffers, and the length of their gradients.
#include <cmath>

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cpu {
namespace {

// update(i) for every number i of a flat buffer
template <class F>
void for_each_parameter(const Tensor& flat, F&& update) {
    parallel_ranges(flat.elements(), elementwise_grain, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) update(i);
    });
}

}  // namespace

void CpuOperations::do_clip(double limit, const Tensor& gradient, const Tensor& norm) {
    with_real(gradient.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* g = gradient.as<T>();
        const double length = std::sqrt(ordered_sum(gradient.elements(), [&](std::int64_t first, std::int64_t last) {
            double sum = 0;
            for (std::int64_t i = first; i < last; ++i) sum += double(g[i]) * double(g[i]);
            return sum;
        }));
        *norm.as<double>() = length;
        if (!(length > limit)) return;
        const T factor = T(limit / length);
        for_each_parameter(gradient, [&](std::int64_t i) { g[i] *= factor; });
    });
}

void CpuOperations::do_optimizer_step(const OptimizerTerms& t, const Tensor& gradient, const Tensor& values,
                                      std::span<const Tensor> moments) {
    with_real(values.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* g = gradient.as<T>();
        T* p = values.as<T>();
        T* m = moments.empty() ? nullptr : moments[0].as<T>();
        if (t.kind != OptimizerKind::sgd) {
            const auto update = device::adam_element<T>(t);
            T* v = moments[1].as<T>();
            return for_each_parameter(values, [&](std::int64_t i) { update(g[i], p[i], m[i], v[i]); });
        }
        const device::SgdElement<T> update{T(t.learning_rate), T(t.momentum), T(t.weight_decay)};
        if (m) return for_each_parameter(values, [&](std::int64_t i) { update(g[i], p[i], m[i]); });
        for_each_parameter(values, [&](std::int64_t i) { update(g[i], p[i]); });
    });
}

}  // namespace gleam::kernels::cpu
