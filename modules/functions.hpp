// Differentiable functions: each computes its output now and records on the tape what its backward pass will do.
//
// Network tensors are real [N, D, H, W, K], images complex [N, T, 1, Z, Y, X(, E)] (kernels/operations.hpp). Scalars are f64 [N],
// one per sample, or [1] for the whole batch, and stay on the device. A function that takes an argument by value may compute in
// its place when nobody else holds it.
#pragma once

#include <optional>
#include <vector>

#include "core/parameters.hpp"
#include "core/tape.hpp"
#include "kernels/operations.hpp"
#include "modules/sense.hpp"

namespace gleam::modules {

// What a function needs: who computes, who remembers, who lends scratch memory. The operations and arenas outlive the tape.
struct Context {
    kernels::Operations& ops;
    Tape& tape;
    Arena& workspace;
};

// A weight such as the step size or lambda: `factor`, times a learned parameter [1] if there is one.
struct Scalar {
    double factor = 1;
    std::optional<Parameter> learned = {};
};

// ---- networks ----------------------------------------------------------------------------------------------------------------

// max(x, 0) + slope min(x, 0); keeps a bit per number for the backward pass.
Var activate(Context& context, Var x, double slope);

// What a convolution makes: an image, or features, which get as many channels as the device likes (Operations::channels).
struct Output {
    DType dtype;
    bool features;
    constexpr Output(DType type, bool are_features = false) : dtype(type), features(are_features) {}
};

// w * x + bias; keeps x for the backward pass and nothing else.
Var convolution(Context& context, const Var& x, const Parameter& weights, const Parameter* bias, const kernels::Padding& padding,
                Output output);

// w * border(x) + bias, with x activated on the way if the border says so; keeps border(x) for the backward pass and puts its
// gradient in its place.
Var bordered_convolution(Context& context, Var x, const kernels::Border& border, const Parameter& weights, const Parameter* bias,
                         Output output);

// Instance normalisation: (x - mean) / sqrt(variance + epsilon) over the pixels of each sample and channel.
Var normalize(Context& context, Var x, double epsilon);

// a + b
Var add(Context& context, Var a, const Var& b);

// ---- physics -----------------------------------------------------------------------------------------------------------------

struct SenseNormalTerms {
    double alpha = 1;
    Scalar beta{0};
    double gamma = 0;
    const Var* b = nullptr;          // null when gamma is 0
    const Tensor* active = nullptr;  // samples whose entry is 0 give 0 (kernels::NormalTerms)
};

// alpha A^H A x + beta x + gamma b. Backward by x: the same operator, since A^H A is its own adjoint.
Var sense_normal(Context& context, const SenseOperator& sense, const Var& x, const SenseNormalTerms& terms);

// The data-consistency step of proximal gradient descent, x - step (A^H A x - zero_filled) (docs/concepts.md). A must be the
// operator whose adjoint made `zero_filled`.
Var gradient_step(Context& context, const Var& x, const SenseOperator& sense, const Tensor& zero_filled, const Scalar& step);

// ---- vectors and scalars -----------------------------------------------------------------------------------------------------

// y + s x
Var add_multiple(Context& context, const Scalar& s, const Var& x, Var y);

// Re <x, y>, per sample or of the whole batch
Var inner(Context& context, const Var& x, const Var& y, bool whole_batch);

// y + factor (numerator / denominator) x; 0/0 counts as 0
Var add_quotient(Context& context, double factor, const Var& numerator, const Var& denominator, Var x, Var y);

// ---- backward ----------------------------------------------------------------------------------------------------------------

// Adds `contribution` to a gradient. The first contribution is taken as it is; a buffer that others still read is not written to.
void contribute(Context& context, const GradientPtr& gradient, BufferPtr contribution);

// A weighted sum of losses.
using Loss = std::vector<kernels::LossTerm>;

// Adds `share` times the loss of `image` to `value` (f64 [1]) and `share` times its gradient to `gradient`.
void add_loss(Context& context, const Tensor& image, const Loss& loss, double share, const Tensor& target, const Tensor& gradient,
              const Tensor& value);

// The local loss of a module: `share` times its value is added to `value` (f64 [1]), then the whole tape runs backwards from x
// with `share` times its gradient.
void backpropagate(Context& context, const Var& x, const Loss& loss, double share, const Tensor& target, const Tensor& value);

}  // namespace gleam::modules
