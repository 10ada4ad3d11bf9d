// The differentiable functions of physics, vectors and scalars (modules/functions.hpp).
#include "modules/functions.hpp"

namespace gleam::modules {
namespace {

Tensor scalar_like(const Tensor& x, bool whole_batch) {
    return Tensor{nullptr, DType::f64, Shape{whole_batch ? 1 : x.shape[0]}, x.device};
}

BufferPtr allocate_like(Context& c, const char* name, const Tensor& t) {
    return c.tape.allocate(name, t.dtype, t.shape, t.device);
}

// gradient += factor (numerator / denominator) x
void contribute_quotient(Context& c, const GradientPtr& gradient, double factor, const Tensor& numerator,
                         const Tensor* denominator, const Tensor& x) {
    if (!gradient) return;
    BufferPtr back = allocate_like(c, "gradient", x);
    c.ops.add_quotient(factor, numerator, denominator, x, nullptr, back->tensor);
    contribute(c, gradient, std::move(back));
}

// d learned += factor <g, x>, where the scalar multiplied x and the result's gradient is g
void contribute_to_parameter(Context& c, const Scalar& s, double sign, const Tensor& g, const Tensor& x) {
    const BufferPtr t = allocate_like(c, "inner product", scalar_like(x, true));
    c.ops.dot(g, x, t->tensor);
    c.ops.add_quotient_scalars_acc(sign * s.factor, s.learned->value, nullptr, t->tensor, &s.learned->gradient, nullptr);
}

}  // namespace

Var sense_normal(Context& c, const SenseOperator& sense, const Var& x, const SenseNormalTerms& terms) {
    BufferPtr value = allocate_like(c, "normal operator", x.tensor());
    const Tensor* beta_factor = terms.beta.learned ? &terms.beta.learned->value : nullptr;
    sense.normal(c.ops, x.tensor(),
                 {terms.alpha, terms.beta.factor, terms.gamma, terms.b ? &terms.b->tensor() : nullptr, beta_factor, terms.active},
                 value->tensor, c.workspace);
    const GradientPtr of_b = terms.b ? terms.b->gradient() : nullptr;
    Var out = c.tape.result(std::move(value), x.needs_gradient() || of_b || terms.beta.learned);
    c.tape.record(out, [c, sense, alpha = terms.alpha, beta = terms.beta, gamma = terms.gamma, of_b, of_x = x.gradient(),
                        input = terms.beta.learned ? x.buffer() : nullptr](const BufferPtr& incoming) mutable {
        const Tensor& g = incoming->tensor;
        if (beta.learned) contribute_to_parameter(c, beta, 1, g, input->tensor);
        if (of_x) {
            BufferPtr back = allocate_like(c, "gradient of normal operator", g);
            sense.normal(c.ops, g, {alpha, beta.factor, 0, nullptr, beta.learned ? &beta.learned->value : nullptr}, back->tensor,
                         c.workspace);
            contribute(c, of_x, std::move(back));
        }
        if (of_b && gamma == 1) contribute(c, of_b, incoming);
        if (of_b && gamma != 1) {
            BufferPtr scaled = allocate_like(c, "gradient of right-hand side", g);
            c.ops.linear_combination(gamma, g, 0, g, scaled->tensor);
            contribute(c, of_b, std::move(scaled));
        }
    });
    return out;
}

Var gradient_step(Context& c, const Var& x, const SenseOperator& sense, const Tensor& zero_filled, const Scalar& step) {
    const Var b = c.tape.constant(zero_filled);
    if (!step.learned) return sense_normal(c, sense, x, {-step.factor, {1}, step.factor, &b});
    const Var residual = sense_normal(c, sense, x, {1, {0}, -1, &b});
    return add_multiple(c, {-step.factor, step.learned}, residual, x);
}

Var add_multiple(Context& c, const Scalar& s, const Var& x, Var y) {
    BufferPtr value = y.replaceable() ? y.buffer() : allocate_like(c, "sum", y.tensor());
    if (s.learned)
        c.ops.add_quotient(s.factor, s.learned->value, nullptr, x.tensor(), &y.tensor(), value->tensor);
    else
        c.ops.linear_combination(s.factor, x.tensor(), 1, y.tensor(), value->tensor);
    Var out = c.tape.result(std::move(value), x.needs_gradient() || y.needs_gradient() || s.learned);
    c.tape.record(out, [c, s, of_x = x.gradient(), of_y = y.gradient(),
                        input = s.learned ? x.buffer() : nullptr](const BufferPtr& incoming) mutable {
        const Tensor& g = incoming->tensor;
        if (s.learned) {
            contribute_to_parameter(c, s, 1, g, input->tensor);
            contribute_quotient(c, of_x, s.factor, s.learned->value, nullptr, g);
        } else if (of_x) {
            BufferPtr back = allocate_like(c, "gradient of multiple", g);
            c.ops.linear_combination(s.factor, g, 0, g, back->tensor);
            contribute(c, of_x, std::move(back));
        }
        if (of_y) contribute(c, of_y, incoming);
    });
    return out;
}

Var inner(Context& c, const Var& x, const Var& y, bool whole_batch) {
    BufferPtr value = allocate_like(c, "inner product", scalar_like(x.tensor(), whole_batch));
    c.ops.dot(x.tensor(), y.tensor(), value->tensor);
    Var out = c.tape.result(std::move(value), x.needs_gradient() || y.needs_gradient());
    c.tape.record(
        out, [c, of_x = x.gradient(), of_y = y.gradient(), x = x.buffer(), y = y.buffer()](const BufferPtr& incoming) mutable {
            contribute_quotient(c, of_x, 1, incoming->tensor, nullptr, y->tensor);
            contribute_quotient(c, of_y, 1, incoming->tensor, nullptr, x->tensor);
        });
    return out;
}

Var add_quotient(Context& c, double factor, const Var& numerator, const Var& denominator, Var x, Var y) {
    BufferPtr value = y.replaceable()                          ? y.buffer()
                      : !c.tape.recording() && x.replaceable() ? x.buffer()
                                                              : allocate_like(c, "vector", x.tensor());
    const bool differentiable =
        x.needs_gradient() || y.needs_gradient() || numerator.needs_gradient() || denominator.needs_gradient();
    c.ops.add_quotient(factor, numerator.tensor(), &denominator.tensor(), x.tensor(), &y.tensor(), value->tensor);
    Var out = c.tape.result(std::move(value), differentiable);
    c.tape.record(out, [c, factor, numerator, denominator, of_x = x.gradient(), of_y = y.gradient(),
                        x = x.buffer()](const BufferPtr& incoming) mutable {
        const Tensor &g = incoming->tensor, &below = denominator.tensor();
        const Tensor scalars = numerator.tensor();
        const BufferPtr t = allocate_like(c, "inner product", scalars);
        const BufferPtr above_gradient = allocate_like(c, "gradient of scalar", scalars);
        const BufferPtr below_gradient = allocate_like(c, "gradient of scalar", scalars);
        c.ops.dot(g, x->tensor, t->tensor);
        c.ops.fill_zero(above_gradient->tensor);
        c.ops.fill_zero(below_gradient->tensor);
        c.ops.add_quotient_scalars_acc(factor, scalars, &below, t->tensor, &above_gradient->tensor, &below_gradient->tensor);
        if (numerator.gradient()) contribute(c, numerator.gradient(), above_gradient);
        if (denominator.gradient()) contribute(c, denominator.gradient(), below_gradient);
        contribute_quotient(c, of_x, factor, scalars, &below, g);
        if (of_y) contribute(c, of_y, incoming);
    });
    return out;
}

}  // namespace gleam::modules
