#include "modules/unroll.hpp"

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

}  // namespace gleam::modules
