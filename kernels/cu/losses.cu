// Losses that are sums over pixels; structural similarity is in ssim.cu.
//
//   value += (weight / n) sum_i L(x_i, t_i),   gradient_i += (weight / n) dL/dx_i        (formulas: kernels/terms.hpp)
//
// Threads   16 bytes of x, target and gradient each: two pixels in single precision. Sums by the two launches of reduce.hpp, the
//           gradient in the first of them.
// Bytes     per pixel, complex64: 16, with the gradient 32; 10 to 40 operations. Bound by memory.
// Limits    none on sizes.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/reduce.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cu {
namespace {

// Numbers are parts of pixels: chunks and packs hold whole pixels.
template <class Loss, class T>
__global__ void __launch_bounds__(reduce_threads)
    loss_kernel(Chunks chunks, bool aligned, T scale, const T* x, const T* target, T* gradient, double* sums) {
    constexpr int N = pack_numbers<T>;
    double sum = 0;
    for (std::int64_t i = chunks.begin(blockIdx.x) + threadIdx.x * N; i < chunks.end(blockIdx.x); i += reduce_threads * N) {
        const std::int64_t there = chunks.n - i;
        const bool whole = aligned && there >= N;
        T a[N], b[N], g[N] = {};
        load(x + i, whole, there, a);
        load(target + i, whole, there, b);
        if (gradient) load(gradient + i, whole, there, g);
        for (int j = 0; j < N; j += 2) {
            if (j >= there) break;
            const device::LossAt<T> loss = Loss::at(a[j], a[j + 1], b[j], b[j + 1]);
            sum += static_cast<double>(loss.value);
            g[j] += scale * loss.re;
            g[j + 1] += scale * loss.im;
        }
        if (gradient) store(gradient + i, whole, there, g);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class T, class F>
void with_loss(LossKind kind, F&& f) {
    switch (kind) {
        case LossKind::l1:
            return f(device::AbsoluteLoss<T>{});
        case LossKind::l2:
            return f(device::SquaredLoss<T>{});
        case LossKind::magnitude_l1:
            return f(device::MagnitudeLoss<T>{});
        case LossKind::perpendicular:
            return f(device::PerpendicularLoss<T>{});
        case LossKind::ssim:
            return;
    }
}

}  // namespace

void GpuOperations::do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient,
                                const Tensor& value, Arena& workspace) {
    if (term.kind == LossKind::ssim) return ssim_loss_acc(term.weight, x, target, gradient, value, workspace);
    if (planning()) return;
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        with_loss<T>(term.kind, [&](auto loss) {
            const Chunks chunks(reals(x));
            const double scale = term.weight / static_cast<double>(x.elements());
            simt::launch(loss_kernel<decltype(loss), T>, {"loss_acc", chunks.blocks(1), {reduce_threads}}, stream(), chunks,
                         in_packs({&x, &target, gradient}), T(scale), device_data<const T>(x), device_data<const T>(target),
                         data_or_null<T>(gradient), scratch());
            combine_chunks(stream(), 1, chunks.count, scratch(), Add{}, AddScaled{scale}, device_data<double>(value));
        });
    });
}

}  // namespace gleam::kernels::cu
