// The small records that say how an operation is to be done.
#pragma once

#include <array>
#include <cstdint>

#include "core/tensor.hpp"

namespace gleam::kernels {

enum class FftDirection : std::uint8_t { forward, inverse };

enum class WaveletDirection : std::uint8_t { forward, inverse };

enum class BorderMode : std::uint8_t { zero, reflect, replicate };

// A border of `width` = {d, h, w} elements on each side; with `relu`, of max(x, 0) instead of x.
struct Border {
    BorderMode mode = BorderMode::reflect;
    std::array<int, 3> width{0, 1, 1};
    bool relu = false;
};

using Padding = std::array<int, 3>;  // zeros on each side of {d, h, w} that a convolution reads without storing

enum class LossKind : std::uint8_t { l1, l2 };

// out = alpha A^H A x + beta x + gamma b   (b may be null when gamma is 0)
struct NormalTerms {
    double alpha = 1, beta = 0, gamma = 0;
    const Tensor* b = nullptr;
};

// Adam with coupled weight decay (g += weight_decay * value), bias-corrected; `step` counts from 1.
struct AdamTerms {
    double learning_rate = 1e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
    std::int64_t step = 1;
};

}  // namespace gleam::kernels
