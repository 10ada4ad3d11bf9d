// What the backends' power iterations have in common (Operations::leading_eigenvectors): no memory, no libraries.
#pragma once

#include <cstdint>

namespace gleam::kernels::device {

// Where entry (c, d), d <= c, of a Hermitian matrix lies among those of its lower triangle.
constexpr std::int64_t triangle_entry(std::int64_t c, std::int64_t d) { return c * (c + 1) / 2 + d; }

// A vector that moves by no more than this in a step, in l2, has come to rest: some hundred rounding errors.
template <class T>
constexpr T at_rest() {
    return sizeof(T) == sizeof(float) ? T(3e-5) : T(1e-12);
}

}  // namespace gleam::kernels::device
