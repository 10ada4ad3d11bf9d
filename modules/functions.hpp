// Differentiable functions: each computes its output now and records on the tape what its backward pass will do.
#pragma once

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

// x with a border [N, D, H, W, K] -> [N, D+2d, H+2h, W+2w, K], after ReLU if asked.
Var border(Context& context, const Var& x, const kernels::Border& border);

// w * x + bias; keeps x for the backward pass and nothing else.
Var convolution(Context& context, const Var& x, const Parameter& weights, const Parameter* bias, const kernels::Padding& padding);

// a + b; in the place of a when the caller moves it in and nothing else holds it.
Var add(Context& context, Var a, const Var& b);

// x - step (A^H A x - zero_filled): the data-consistency step of proximal gradient descent (docs/concepts.md). A must be the
// operator whose adjoint made `zero_filled`. Backward: g - step A^H A g, since A^H A is its own adjoint.
Var gradient_step(Context& context, const Var& x, const SenseOperator& sense, const Tensor& zero_filled, double step);

// A weighted sum of losses.
using Loss = std::vector<kernels::LossTerm>;

// The local loss of a module: `share` times its value is added to `value` (f64 [1]), then the whole tape runs backwards from x
// with `share` times its gradient.
void backpropagate(Context& context, const Var& x, const Loss& loss, double share, const Tensor& target, const Tensor& value);

}  // namespace gleam::modules
