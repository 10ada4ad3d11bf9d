// What the backends' power iterations have in common (Operations::leading_eigenvectors): no memory, no libraries.
#pragma once

#include <cstdint>
#include <limits>

namespace gleam::kernels::device {

// Where entry (c, d), d <= c, of a Hermitian matrix lies among those of its lower triangle.
constexpr std::int64_t triangle_entry(std::int64_t c, std::int64_t d) { return c * (c + 1) / 2 + d; }

// Whether a vector is still on its way after a step of this length in l2, the one before being as long as `before` (0: none).
// Steps shrink by a constant factor in the end, so what lies ahead is their geometric series. Below some rounding errors nothing
// is left to gain. For numbers, and for vectors of them.
template <class T, class V>
constexpr auto still_moves(V step, V before) {
    constexpr bool single = sizeof(T) == sizeof(float);
    constexpr T near = single ? T(2e-5) : T(1e-12), rounding = 8 * std::numeric_limits<T>::epsilon();
    return (step > rounding) & (step * step > near * (before - step));
}

}  // namespace gleam::kernels::device
