// Losses that are sums over elements; structural similarity is in ssim.cpp.
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/ssim.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class Element, class T>
void elementwise_loss_acc(double weight, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value) {
    const T *a = static_cast<const T*>(x.data), *b = static_cast<const T*>(target.data);
    T* g = gradient ? static_cast<T*>(gradient->data) : nullptr;
    const double scale = weight / static_cast<double>(x.elements());
    const double sum = ordered_sum(x.elements(), [&](std::int64_t first, std::int64_t last) {
        double partial = 0;
        for (std::int64_t i = first; i < last; ++i) {
            const device::LossAt<T> loss = Element::at(a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]);
            partial += static_cast<double>(loss.value);
            if (g) {
                g[2 * i] += T(scale) * loss.re;
                g[2 * i + 1] += T(scale) * loss.im;
            }
        }
        return partial;
    });
    *value.as<double>() += scale * sum;
}

}  // namespace

void CpuOperations::do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient,
                                const Tensor& value, Arena& workspace) {
    if (term.kind == LossKind::ssim) return ssim_loss_acc(term.weight, x, target, gradient, value, workspace, planning());
    if (planning()) return;
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        switch (term.kind) {
            case LossKind::l1:
                return elementwise_loss_acc<device::AbsoluteLoss<T>, T>(term.weight, x, target, gradient, value);
            case LossKind::l2:
                return elementwise_loss_acc<device::SquaredLoss<T>, T>(term.weight, x, target, gradient, value);
            case LossKind::magnitude_l1:
                return elementwise_loss_acc<device::MagnitudeLoss<T>, T>(term.weight, x, target, gradient, value);
            case LossKind::perpendicular:
                return elementwise_loss_acc<device::PerpendicularLoss<T>, T>(term.weight, x, target, gradient, value);
            case LossKind::ssim:
                return;
        }
    });
}

}  // namespace gleam::kernels::cpu
