// The length of a gradient and the update of parameters, over flat buffers.
//
//   clip            norm = |g|;  g *= limit / norm where norm > limit
//   optimizer_step  Adam, AdamW or gradient descent, as kernels/terms.hpp says, in one launch for all parameters of a module
//
// Threads   16 bytes of every buffer each. clip: the two launches of reduce.hpp, and one that does nothing where the gradient is
//           short enough, so that the host need not know.
// Bytes     per parameter of s bytes: Adam 7 s (28 in single precision) for 14 operations, a root and two divisions; descent 3 s
//           for 4, with momentum 5 s for 6; clip s for 2, and 2 s more where it shortens. All are bound by memory.
// Limits    none on sizes.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/reduce.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;
constexpr std::int64_t most_blocks = 132 * 8;

template <class T>
__global__ void shorten_kernel(std::int64_t n, bool aligned, double limit, const double* norm, T* gradient) {
    constexpr int N = pack_numbers<T>;
    const double length = *norm;
    if (!(length > limit)) return;
    const T factor = T(limit / length);
    for (std::int64_t pack : simt::Range(packs_of<T>(n))) {
        const std::int64_t i = pack * N, there = n - i;
        const bool whole = aligned && there >= N;
        T g[N];
        load(gradient + i, whole, there, g);
        for (int j = 0; j < N; ++j) g[j] *= factor;
        store(gradient + i, whole, there, g);
    }
}

// update(gradient, value, moments...) for each parameter
template <class T, int M, class Update>
__global__ void __launch_bounds__(threads)
    update_kernel(std::int64_t n, bool aligned, Update update, const T* gradient, T* values, T* first, T* second) {
    constexpr int N = pack_numbers<T>;
    for (std::int64_t pack : simt::Range(packs_of<T>(n))) {
        const std::int64_t i = pack * N, there = n - i;
        const bool whole = aligned && there >= N;
        T g[N], p[N], m[N], v[N];
        load(gradient + i, whole, there, g);
        load(values + i, whole, there, p);
        if constexpr (M > 0) load(first + i, whole, there, m);
        if constexpr (M > 1) load(second + i, whole, there, v);
        for (int j = 0; j < N; ++j) {
            if constexpr (M == 0) update(g[j], p[j]);
            if constexpr (M == 1) update(g[j], p[j], m[j]);
            if constexpr (M == 2) update(g[j], p[j], m[j], v[j]);
        }
        store(values + i, whole, there, p);
        if constexpr (M > 0) store(first + i, whole, there, m);
        if constexpr (M > 1) store(second + i, whole, there, v);
    }
}

}  // namespace

void GpuOperations::do_clip(double limit, const Tensor& gradient, const Tensor& norm) {
    inner_products(gradient, gradient, 1, true, device_data<double>(norm));
    with_real(gradient.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = gradient.elements();
        simt::launch(shorten_kernel<T>, {"clip", {blocks_for(packs_of<T>(n), threads, most_blocks)}, {threads}}, stream(), n,
                     in_packs({&gradient}), limit, device_data<const double>(norm), device_data<T>(gradient));
    });
}

void GpuOperations::do_optimizer_step(const OptimizerTerms& t, const Tensor& gradient, const Tensor& values,
                                      std::span<const Tensor> moments) {
    const Tensor *first = moments.empty() ? nullptr : &moments[0], *second = moments.size() < 2 ? nullptr : &moments[1];
    with_real(values.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto launch = [&](auto kernel, const auto& update) {
            const std::int64_t n = values.elements();
            simt::launch(kernel, {"optimizer_step", {blocks_for(packs_of<T>(n), threads, most_blocks)}, {threads}}, stream(), n,
                         in_packs({&gradient, &values, first, second}), update, device_data<const T>(gradient),
                         device_data<T>(values), data_or_null<T>(first), data_or_null<T>(second));
        };
        using Adam = device::AdamElement<T>;
        using Sgd = device::SgdElement<T>;
        const Sgd descent{T(t.learning_rate), T(t.momentum), T(t.weight_decay)};
        if (t.kind != OptimizerKind::sgd) return launch(update_kernel<T, 2, Adam>, device::adam_element<T>(t));
        if (first) return launch(update_kernel<T, 1, Sgd>, descent);
        launch(update_kernel<T, 0, Sgd>, descent);
    });
}

}  // namespace gleam::kernels::cu
