// The small records that say how an operation is to be done.
#pragma once

#include <array>
#include <cstdint>

#include "core/philox.hpp"
#include "core/tensor.hpp"

namespace gleam::kernels {

enum class FftDirection : std::uint8_t { forward, inverse };

// Which axes are transformed, the last `rank` of k-space (2: y x; 3: z y x), and where the origins lie: in the middle of image
// and k-space (index floor(n/2)), or at index 0 where `centred` is false.
struct Fourier {
    int rank = 2;
    bool centred = true;
    constexpr Fourier(int rank_of_transform = 2, bool in_the_middle = true) : rank(rank_of_transform), centred(in_the_middle) {}
};

enum class WaveletDirection : std::uint8_t { forward, inverse };

// zero: 0 0 | a b c | 0 0   reflect: c b | a b c | b a   replicate: a a | a b c | c c   circular: b c | a b c | a b
enum class BorderMode : std::uint8_t { zero, reflect, replicate, circular };

constexpr std::array<BorderMode, 3> on_every_axis(BorderMode mode) { return {mode, mode, mode}; }

// A border of `width` elements on each side of the axes {d, h, w}; x is max(x, 0) + slope min(x, 0) on the way: as it is with
// slope 1, after ReLU with slope 0, after a leaky ReLU in between.
struct Border {
    std::array<BorderMode, 3> mode = on_every_axis(BorderMode::reflect);
    std::array<int, 3> width{0, 1, 1};
    double slope = 1;

    bool activates() const { return slope != 1; }
};

// The signs of n numbers, a bit each, take so many words of 32: bit i % 32 of word i / 32 is set where number i is positive.
constexpr std::int64_t sign_words(std::int64_t n) { return (n + 31) / 32; }

using Padding = std::array<int, 3>;  // zeros on each side of {d, h, w} that a convolution reads without storing

// Names a stream of random numbers, from its start (core/philox.hpp).
struct RandomStream {
    std::uint64_t seed = 0;
    Purpose purpose = Purpose::test;
    std::uint32_t epoch = 0, sample = 0, part = 0;

    constexpr Philox philox() const { return {seed, purpose, epoch, sample, part}; }
};

enum class Distribution : std::uint8_t { uniform, normal };

// Numbers are offset + scale u, where u is uniform in [0, 1) or standard normal.
struct RandomTerms {
    Distribution distribution = Distribution::uniform;
    double offset = 0, scale = 1;
};

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
// At a kink, as |z| has at z = 0, the term that has it adds nothing to the gradient.
enum class LossKind : std::uint8_t { l1, l2, magnitude_l1, ssim, perpendicular };

struct LossTerm {
    LossKind kind = LossKind::l1;
    double weight = 1;
};

// out = alpha A^H A x + beta x + gamma b   (b may be null when gamma is 0)
struct NormalTerms {
    double alpha = 1, beta = 0, gamma = 0;
    const Tensor* b = nullptr;
    const Tensor* beta_factor = nullptr;  // real [1] on the device: multiplies beta (a learned weight)
    const Tensor* active = nullptr;       // f64 [N] or [1]: where it is 0, the sample is not computed and its output is 0
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
