// One unrolled iteration of proximal gradient descent: a data-consistency step, then a learned regulariser.
#pragma once

#include "modules/resnet.hpp"

namespace gleam::modules {

struct UnrollOptions {
    double step = 2.0;  // of the gradient step; 2 is admissible because A^H A <= I for maps of unit norm
    ResNetOptions regularizer;
};

class Unroll {
public:
    // Unroll `number` of the whole network; its parameters are named unroll{number}/...
    Unroll(const UnrollOptions& options, ParameterPack& pack, int number);

    // x and the result: complex image [N, T, 1, Z, Y, X].
    Var forward(Context& context, const ParameterPack& pack, const Var& x, const SenseOperator& sense,
                const Tensor& zero_filled) const;

private:
    double step_;
    ResNet regularizer_;
};

}  // namespace gleam::modules
