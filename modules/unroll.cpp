#include "modules/unroll.hpp"

namespace gleam::modules {
namespace {

// A complex image [N, T, 1, Z, Y, X] as a network sees it: real, channels-last [N*T, Z, Y, X, 2]. The same bytes.
Tensor network_view(const Tensor& image) {
    const Shape& s = image.shape;
    Tensor view = image;
    view.dtype = real_of(image.dtype);
    view.shape = Shape{s[0] * s[1] * s[2], s[3], s[4], s[5], 2};
    return view;
}

}  // namespace

Unroll::Unroll(const UnrollOptions& options, ParameterPack& pack, int number)
    : step_(options.step),
      regularizer_(options.regularizer, pack, "unroll" + std::to_string(number) + "/resnet", static_cast<std::uint32_t>(number)) {}

Var Unroll::forward(Context& c, const ParameterPack& pack, const Var& x, const SenseOperator& sense,
                    const Tensor& zero_filled) const {
    const Var z = gradient_step(c, x, sense, zero_filled, step_);
    const Var out = regularizer_.forward(c, pack, z.viewed(network_view(z.tensor())));
    return out.viewed(out.tensor().viewed_as(x.tensor()));
}

}  // namespace gleam::modules
