// The small records that say how an operation is to be done.
#pragma once

#include <array>
#include <cstdint>

#include "core/tensor.hpp"

namespace gleam::kernels {

enum class FftDirection : std::uint8_t { forward, inverse };

enum class BorderMode : std::uint8_t { zero, reflect, replicate };

// A border of `width` = {d, h, w} elements on each side; with `relu`, of max(x, 0) instead of x.
struct Border {
    BorderMode mode = BorderMode::reflect;
    std::array<int, 3> width{0, 1, 1};
    bool relu = false;
};

using Padding = std::array<int, 3>;  // zeros on each side of {d, h, w} that a convolution reads without storing

// A loss between images x and t, both complex; each is a mean over all elements.
//   l1             |x - t|
//   l2             |x - t|^2
//   magnitude_l1   | |x| - |t| |
//   ssim           1 - structural similarity of the magnitudes, as modules/metrics.hpp scores it: per plane (y, x), with the
//   largest
//                  |t| of the sample as dynamic range
//   perpendicular  p + | |x| - |t| |, where p = P if the phases of x and t differ by at most pi/2, else 2 |t| - P, and
//                  P = |Re x Im t - Im x Re t| / |x|, which is |t| times the sine of that difference, and 0 where x is 0: the
//                  symmetric loss of Terpstra et al. (Medical Image Analysis 80:102509, 2022)
// Where a loss has a kink its gradient is that of the smooth side with the value 0: |z| has gradient 0 at z = 0.
enum class LossKind : std::uint8_t { l1, l2, magnitude_l1, ssim, perpendicular };

struct LossTerm {
    LossKind kind = LossKind::l1;
    double weight = 1;
};

// out = alpha A^H A x + beta x + gamma b   (b may be null when gamma is 0)
struct NormalTerms {
    double alpha = 1, beta = 0, gamma = 0;
    const Tensor* b = nullptr;
};

// How parameters p follow from their gradient g, as in torch.optim. `weight_decay` is added to the gradient (g += weight_decay p)
// except by adamw, which shrinks the parameters themselves (p -= learning_rate weight_decay p).
//   sgd           m = momentum m + g, p -= learning_rate m         heavy ball; without momentum, p -= learning_rate g
//   adam, adamw   Kingma & Ba 2015, bias-corrected;  Loshchilov & Hutter 2019
enum class OptimizerKind : std::uint8_t { sgd, adam, adamw };

struct OptimizerTerms {
    OptimizerKind kind = OptimizerKind::adam;
    double learning_rate = 1e-4, weight_decay = 0;
    double momentum = 0;
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    std::int64_t step = 1;  // counts from 1

    // Buffers of the parameters' size that the method carries from step to step.
    int moments() const { return kind != OptimizerKind::sgd ? 2 : momentum != 0 ? 1 : 0; }
};

}  // namespace gleam::kernels
