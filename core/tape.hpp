// The autograd of one module: values, their gradients, and a list of what to do backwards.
//
// A differentiable function (modules/functions.hpp) computes its output and records a closure that holds exactly what its
// backward pass consumes. A value nobody holds any more gives its bytes back at once, so what backward does not need is not kept,
// and the arena sees the true lifetimes. Gradients of a real loss by a complex x follow dL/dRe + i dL/dIm.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/arena.hpp"
#include "core/tensor.hpp"

namespace gleam {

// A tensor together with the right to its bytes; a null lease means somebody outside owns them.
struct Buffer {
    Tensor tensor;
    Lease lease;
};
using BufferPtr = std::shared_ptr<Buffer>;

// Where the contributions to one value's gradient meet. Empty until the first arrives.
struct Gradient {
    BufferPtr buffer;
};
using GradientPtr = std::shared_ptr<Gradient>;

// A value on the tape. Copies name the same value.
class Var {
public:
    Var() = default;
    Var(BufferPtr value, GradientPtr gradient) : value_(std::move(value)), gradient_(std::move(gradient)) {}

    const Tensor& tensor() const { return value_->tensor; }
    const BufferPtr& buffer() const { return value_; }
    const GradientPtr& gradient() const { return gradient_; }
    bool needs_gradient() const { return gradient_ != nullptr; }
    // Nobody else holds its bytes: a result may take their place.
    bool replaceable() const { return value_.use_count() == 1 && value_->lease; }

    // The same bytes under another shape or element type; gradients flow through under this view's shape.
    Var viewed(const Tensor& view) const;

private:
    BufferPtr value_;
    GradientPtr gradient_;
};

class Tape {
public:
    // `activations` serves values and gradients; with `recording` false nothing is kept for a backward pass (inference).
    Tape(Arena& activations, bool recording) : activations_(activations), recording_(recording) {}

    bool recording() const { return recording_; }
    Arena& activations() { return activations_; }

    // New memory for a value or gradient.
    BufferPtr allocate(const char* name, DType dtype, const Shape& shape, Device device);

    // A value somebody else owns, through which no gradient flows: data, or the detached output of another module.
    Var constant(const Tensor& t) const { return Var(std::make_shared<Buffer>(Buffer{t, {}}), nullptr); }
    // A value somebody else owns whose gradient is wanted (tests).
    Var leaf(const Tensor& t) const;
    // A freshly computed value; it has a gradient when any input had one or `has_parameters`, and the tape records.
    Var result(BufferPtr value, bool differentiable) const;

    // Notes what to do with the gradient of `output`. No-op when the output has none.
    using Backward = std::function<void(const BufferPtr& output_gradient)>;
    void record(const Var& output, Backward backward);

    // Runs the recorded closures, last first, after `output` was given `gradient`; each is destroyed right after its use.
    void backward(const Var& output, BufferPtr gradient);

    void clear() { records_.clear(); }

private:
    struct Record {
        GradientPtr output;
        Tensor like;  // shape and type of the output; its gradient may have come in under those of another view
        Backward backward;
    };
    Arena& activations_;
    bool recording_;
    std::vector<Record> records_;
};

}  // namespace gleam
