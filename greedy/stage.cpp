#include "greedy/stage.hpp"

namespace gleam::greedy {

Stage::Stage(const modules::UnrollOptions& options, int first, int count, bool share_weights, DType dtype, Device device,
             const ParameterBuffers& buffers)
    : first_(first), parameters_(dtype, device) {
    for (int i = 0; i < count; ++i) {
        if (i > 0 && share_weights)
            unrolls_.push_back(unrolls_.front());
        else
            unrolls_.emplace_back(options, parameters_, first + i);
    }
    parameters_.bind(nullptr, buffers);  // shapes are known from here on; memory comes with Network::materialize
}

Var Stage::forward(modules::Context& context, Var x, const Batch& batch) const {
    for (int i = 0; i < unrolls(); ++i) x = forward(context, x, batch, i);
    return x;
}

Var Stage::forward(modules::Context& context, const Var& x, const Batch& batch, int i) const {
    return unroll(i).forward(context, parameters_, x, batch.sense, batch.zero_filled);
}

void Stage::update(kernels::Operations& ops, const UpdateTerms& terms, const Tensor& norm) {
    const ParameterPack& p = parameters_;
    if (terms.clip_norm > 0) ops.clip(terms.clip_norm, p.gradients(), norm);
    ops.optimizer_step(terms.optimizer, p.gradients(), p.values(), p.moments());
    if (p.buffers().average)
        ops.linear_combination(terms.average_decay, p.average(), 1 - terms.average_decay, p.values(), p.average());
}

}  // namespace gleam::greedy
