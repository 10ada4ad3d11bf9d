#include "modules/functions.hpp"

namespace gleam::modules {
namespace {

Tensor like(const Tensor& t) { return Tensor{nullptr, t.dtype, t.shape, t.device}; }

}  // namespace

void contribute(Context& c, const GradientPtr& gradient, BufferPtr contribution) {
    if (!gradient->buffer) {
        gradient->buffer = std::move(contribution);
        return;
    }
    const Tensor& sum = gradient->buffer->tensor;
    if (gradient->buffer.use_count() == 1) {
        c.ops.add_acc(contribution->tensor.viewed_as(sum), sum);
    } else {
        BufferPtr fresh = c.tape.allocate("gradient sum", sum.dtype, sum.shape, sum.device);
        c.ops.linear_combination(1, sum, 1, contribution->tensor.viewed_as(sum), fresh->tensor);
        gradient->buffer = std::move(fresh);
    }
}

namespace {

// The adjoint is that of the border alone: the gradient that comes in includes the activation's.
Var add_border(Context& c, const Var& x, const kernels::Border& border) {
    Shape shape = x.tensor().shape;
    for (int i = 0; i < 3; ++i) shape[1 + i] += 2 * border.width[static_cast<std::size_t>(i)];
    BufferPtr value = c.tape.allocate("bordered", x.tensor().dtype, shape, x.tensor().device);
    c.ops.border(x.tensor(), border, value->tensor);
    Var out = c.tape.result(std::move(value), x.needs_gradient());
    kernels::Border backward = border;
    backward.slope = 1;
    c.tape.record(
        out, [c, border = backward, gradient = x.gradient(), inner = like(x.tensor())](const BufferPtr& incoming) mutable {
            const bool own = gradient->buffer && gradient->buffer.use_count() == 1;
            if (own) {  // fold straight into the sum
                c.ops.border_adjoint(incoming->tensor, nullptr, border, true, gradient->buffer->tensor.viewed_as(inner));
                return;
            }
            BufferPtr folded = c.tape.allocate("gradient of border", inner.dtype, inner.shape, inner.device);
            c.ops.border_adjoint(incoming->tensor, nullptr, border, false, folded->tensor);
            contribute(c, gradient, std::move(folded));
        });
    return out;
}

// With `slope`, x is an activation's output that nobody else reads: its gradient, times the slope where x is not positive, takes
// its place.
Var convolve(Context& c, const Var& x, const Parameter& weights, const Parameter* bias, const kernels::Padding& padding,
             Output output, std::optional<double> slope) {
    const Shape& w = weights.value.shape;
    Shape shape = x.tensor().shape;
    for (int i = 0; i < 3; ++i) shape[1 + i] += 2 * padding[static_cast<std::size_t>(i)] - w[2 + i] + 1;
    shape[4] = output.features ? c.ops.channels(output.dtype, w[0]) : w[0];
    BufferPtr value = c.tape.allocate("convolved", output.dtype, shape, x.tensor().device);
    c.ops.convolution(x.tensor(), weights.value, bias ? &bias->value : nullptr, padding, value->tensor, c.workspace);
    Var out = c.tape.result(std::move(value), true);
    c.tape.record(out, [c, padding, slope, weights, dbias = bias ? bias->gradient : Tensor{}, has_bias = bias != nullptr,
                        input = x.buffer(), gradient = x.gradient()](const BufferPtr& incoming) mutable {
        c.ops.convolution_weights_acc(input->tensor, incoming->tensor, padding, weights.gradient, has_bias ? &dbias : nullptr,
                                      c.workspace);
        BufferPtr back = std::move(input);
        if (!gradient) return;
        if (!slope) {
            const Tensor inner = like(back->tensor);
            back.reset();  // its bytes may serve the gradient that comes next
            back = c.tape.allocate("gradient of convolution", inner.dtype, inner.shape, inner.device);
        }
        c.ops.convolution_data(incoming->tensor, weights.value, padding, slope, back->tensor, c.workspace);
        contribute(c, gradient, std::move(back));
    });
    return out;
}

}  // namespace

Var convolution(Context& c, const Var& x, const Parameter& weights, const Parameter* bias, const kernels::Padding& padding,
                Output output) {
    return convolve(c, x, weights, bias, padding, output, std::nullopt);
}

Var bordered_convolution(Context& c, Var x, const kernels::Border& border, const Parameter& weights, const Parameter* bias,
                         Output output) {
    const Var bordered = add_border(c, x, border);
    x = Var();  // its bytes may serve the result
    return convolve(c, bordered, weights, bias, {0, 0, 0}, output, border.slope);
}

Var activate(Context& c, Var x, double slope) {
    const Tensor& t = x.tensor();
    BufferPtr value = x.replaceable() ? x.buffer() : c.tape.allocate("activated", t.dtype, t.shape, t.device);
    BufferPtr signs;
    if (c.tape.recording() && x.needs_gradient())
        signs = c.tape.allocate("signs", DType::u32, Shape{kernels::sign_words(t.elements())}, t.device);
    c.ops.activate(t, slope, value->tensor, signs ? &signs->tensor : nullptr);
    Var out = c.tape.result(std::move(value), x.needs_gradient());
    c.tape.record(out, [c, signs, slope, gradient = x.gradient()](const BufferPtr& incoming) mutable {
        const Tensor& dy = incoming->tensor;
        const bool own = incoming.use_count() == 1 && incoming->lease;
        BufferPtr back = own ? incoming : c.tape.allocate("gradient of activation", dy.dtype, dy.shape, dy.device);
        c.ops.activate_adjoint(dy, signs->tensor, slope, back->tensor);
        contribute(c, gradient, std::move(back));
    });
    return out;
}

Var normalize(Context& c, Var x, double epsilon) {
    const Tensor& t = x.tensor();
    BufferPtr value = x.replaceable() ? x.buffer() : c.tape.allocate("normalized", t.dtype, t.shape, t.device);
    BufferPtr deviation = c.tape.allocate("inverse deviation", DType::f64, Shape{t.shape[0], t.shape[4]}, t.device);
    c.ops.normalize(t, epsilon, value->tensor, deviation->tensor);
    Var out = c.tape.result(value, x.needs_gradient());
    c.tape.record(out, [c, value, deviation, gradient = x.gradient()](const BufferPtr& incoming) mutable {
        const Tensor& y = value->tensor;
        BufferPtr back = c.tape.allocate("gradient of normalization", y.dtype, y.shape, y.device);
        c.ops.normalize_adjoint(incoming->tensor, y, deviation->tensor, back->tensor);
        contribute(c, gradient, std::move(back));
    });
    return out;
}

Var add(Context& c, Var a, const Var& b) {
    BufferPtr value =
        a.replaceable() ? a.buffer() : c.tape.allocate("sum", a.tensor().dtype, a.tensor().shape, a.tensor().device);
    c.ops.linear_combination(1, a.tensor(), 1, b.tensor(), value->tensor);
    Var out = c.tape.result(std::move(value), a.needs_gradient() || b.needs_gradient());
    c.tape.record(out, [c, a = a.gradient(), b = b.gradient()](const BufferPtr& incoming) mutable {
        for (const GradientPtr& gradient : {a, b})
            if (gradient) contribute(c, gradient, incoming);
    });
    return out;
}

void add_loss(Context& c, const Tensor& image, const Loss& loss, double share, const Tensor& target, const Tensor& gradient,
              const Tensor& value) {
    for (const kernels::LossTerm& term : loss)
        c.ops.loss_acc({term.kind, share * term.weight}, image, target, &gradient, value, c.workspace);
}

void backpropagate(Context& c, const Var& x, const Loss& loss, double share, const Tensor& target, const Tensor& value) {
    const Tensor& image = x.tensor();
    BufferPtr gradient = c.tape.allocate("loss gradient", image.dtype, image.shape, image.device);
    c.ops.fill_zero(gradient->tensor);
    add_loss(c, image, loss, share, target, gradient->tensor, value);
    c.tape.backward(x, std::move(gradient));
}

}  // namespace gleam::modules
