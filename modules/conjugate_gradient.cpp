#include "modules/conjugate_gradient.hpp"

#include <utility>

namespace gleam::modules {

void conjugate_gradient(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b,
                        const ConjugateGradientOptions& options, const Tensor& x, Arena& workspace) {
    const auto lend = [&](const char* name, const Tensor& like) {
        Lease lease = workspace.acquire(name, like.bytes());
        Tensor t = like;
        t.data = lease.data();
        return std::pair(t, std::move(lease));
    };
    const Tensor scalars{nullptr, DType::f64, Shape{b.shape[0]}, b.device};
    const auto [r, r_lease] = lend("cg residual", b);
    const auto [p, p_lease] = lend("cg direction", b);
    const auto [q, q_lease] = lend("cg normal", b);
    auto [rho, rho_lease] = lend("cg rho", scalars);
    auto [rho_new, rho_new_lease] = lend("cg rho", scalars);
    const auto [pq, pq_lease] = lend("cg curvature", scalars);

    ops.fill_zero(x);
    ops.copy(b, r);
    ops.copy(b, p);
    ops.dot(r, r, rho);
    for (int i = 0; i < options.iterations; ++i) {
        sense.normal(ops, p, {1, options.lambda, 0, nullptr}, q, workspace);
        ops.dot(p, q, pq);
        ops.cg_advance_acc(rho, pq, p, q, x, r);
        ops.dot(r, r, rho_new);
        ops.cg_direction(rho_new, rho, r, p);
        std::swap(rho, rho_new);
    }
}

}  // namespace gleam::modules
