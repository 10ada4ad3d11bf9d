#include "modules/unroll.hpp"

#include "core/error.hpp"

namespace gleam::modules {
namespace {

// A complex image [N, T, 1, Z, Y, X(, E)] as a network sees it: real, channels-last [N, T Z, Y, X, 2 E]. The same bytes. Depth is
// time or z, whichever the physics has.
Tensor network_view(const Tensor& image) {
    const Shape& s = image.shape;
    Tensor view = image;
    view.dtype = real_of(image.dtype);
    view.shape = Shape{s[0], s[1] * s[2] * s[3], s[4], s[5], 2 * (s.rank() == 7 ? s[6] : 1)};
    return view;
}

}  // namespace

Unroll::Unroll(const UnrollOptions& options, ParameterPack& pack, int number) : options_(options) {
    const std::string name = "unroll" + std::to_string(number);
    const auto stream = static_cast<std::uint32_t>(number);
    regularizer_ = make_regularizer(options.regularizer, pack, name + "/resnet", stream);
    if (!options.learned) return;
    const bool gradient = options.consistency == DataConsistency::gradient;
    learned_ = pack.add(name + (gradient ? "/step_size" : "/lambda"), Shape{1}, 0, stream, 0,
                        gradient ? options.step : options.solver.lambda);
}

Var Unroll::regularize(Context& c, const ParameterPack& pack, const Var& x) const {
    const Var out = regularizer_->forward(c, pack, x.viewed(network_view(x.tensor())));
    return out.viewed(out.tensor().viewed_as(x.tensor()));
}

Var Unroll::forward(Context& c, const ParameterPack& pack, const Var& x, const SenseOperator& sense,
                    const Tensor& zero_filled) const {
    std::optional<Parameter> learned;
    if (learned_ >= 0) learned = pack.parameter(learned_);
    if (options_.consistency == DataConsistency::gradient)
        return regularize(c, pack, gradient_step(c, x, sense, zero_filled, {learned ? 1 : options_.step, learned}));
    const Scalar lambda{learned ? 1 : options_.solver.lambda, learned};
    const Var b = add_multiple(c, lambda, regularize(c, pack, x), c.tape.constant(zero_filled));
    return conjugate_gradient(c, sense, b, &x, options_.solver, learned ? &*learned : nullptr);
}

Var Unroll::inverse(Context& c, const ParameterPack& pack, const Tensor& out, const SenseOperator& sense,
                    const Tensor& zero_filled, int iterations) const {
    if (options_.consistency != DataConsistency::conjugate_gradient || options_.regularizer.architecture != Architecture::revnet)
        throw InternalError("inverse of an unroll", "only conjugate_gradient with revnet can be run backwards");
    Tape silent(c.tape.activations(), false);
    Context quiet{c.ops, silent, c.workspace};
    const Var from = silent.constant(out), b = silent.constant(zero_filled);
    // z = out + (A^H A out - A^H y) / lambda
    const Var z = sense_normal(quiet, sense, from, {1, {0}, -1, &b});
    if (learned_ >= 0) {
        double one = 1;
        const BufferPtr numerator = silent.allocate("one", DType::f64, Shape{1}, out.device);
        const BufferPtr lambda = silent.allocate("lambda", DType::f64, Shape{1}, out.device);
        c.ops.copy(view_of(&one, Shape{1}), numerator->tensor);
        c.ops.copy(pack.parameter(learned_).value, lambda->tensor);
        c.ops.add_quotient(1, numerator->tensor, &lambda->tensor, z.tensor(), &out, z.tensor());
    } else {
        c.ops.linear_combination(1 / options_.solver.lambda, z.tensor(), 1, out, z.tensor());
    }
    Var x = silent.result(silent.allocate("recovered", out.dtype, out.shape, out.device), false);
    c.ops.copy(z.tensor(), x.tensor());
    for (int i = 0; i < iterations; ++i) {
        const Var image = regularize(quiet, pack, x);
        c.ops.linear_combination(-1, image.tensor(), 1, x.tensor(), x.tensor());
        c.ops.add_acc(z.tensor(), x.tensor());
    }
    return x;
}

}  // namespace gleam::modules
