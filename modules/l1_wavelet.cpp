#include "modules/l1_wavelet.hpp"

#include <cmath>
#include <utility>

#include "core/philox.hpp"

namespace gleam::modules {
namespace {

using kernels::WaveletDirection;

std::array<std::int64_t, 3> random_shift(Philox& random, const Shape& image) {
    std::array<std::int64_t, 3> shift{};
    for (int axis = 0; axis < 3; ++axis)
        shift[static_cast<std::size_t>(axis)] = random.below(static_cast<std::uint32_t>(image[3 + axis]));
    return shift;
}

}  // namespace

void l1_wavelet(kernels::Operations& ops, const SenseOperator& sense, const Tensor& b, const L1WaveletOptions& options,
                const Tensor& x, Arena& workspace) {
    const Lease next_lease = workspace.acquire("l1 wavelet next", b.bytes()),
                point_lease = workspace.acquire("l1 wavelet point", b.bytes());
    Tensor current = x, next = b, z = b;  // z: where the gradient is taken, ahead of the current image
    next.data = next_lease.data();
    z.data = point_lease.data();

    Philox random(0, Purpose::shift);
    ops.fill_zero(current);
    ops.fill_zero(z);
    double t = 1;
    for (int i = 0; i < options.iterations; ++i) {
        const auto shift = options.random_shift ? random_shift(random, b.shape) : std::array<std::int64_t, 3>{};
        sense.normal(ops, z, {-1, 1, 1, &b}, next, workspace);  // z - (A^H A z - A^H y)
        ops.wavelet(WaveletDirection::forward, sense.rank, shift, next, workspace);
        ops.soft_threshold(options.lambda, next);
        ops.wavelet(WaveletDirection::inverse, sense.rank, shift, next, workspace);
        const double t_next = (1 + std::sqrt(1 + 4 * t * t)) / 2, ahead = (t - 1) / t_next;
        ops.linear_combination(1 + ahead, next, -ahead, current, z);
        std::swap(current, next);
        t = t_next;
    }
    if (options.iterations % 2 != 0) ops.copy(current, x);  // the images took turns in x
}

}  // namespace gleam::modules
