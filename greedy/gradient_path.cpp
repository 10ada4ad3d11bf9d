#include "greedy/gradient_path.hpp"

#include <fmt/format.h>

namespace gleam::greedy {
namespace {

// What the work of a segment depends on beside its name.
std::string variant_of(const Tensor& x, const Tensor* handed_on, const Batch& batch, double share) {
    return fmt::format("{} to {}, {} of {} {}, mask {}, share {}", x.data, handed_on ? handed_on->data : nullptr,
                       batch.sense.maps.data, x.shape.str(), batch.sense.maps.shape.str(), batch.sense.normal_mask.shape.str(),
                       share);
}

}  // namespace

GradientPath::GradientPath(std::string name, const std::vector<const Stage*>& stages, const Recomputation& recomputation,
                           StepMemory& memory, int first_slot)
    : name_(std::move(name)), memory_(memory), iterations_(recomputation.iterations), gradient_slot_(first_slot) {
    for (const Stage* stage : stages)
        for (int i = 0; i < stage->unrolls(); ++i) {
            const bool full = !pieces_.empty() && recomputation.unrolls > 0 &&
                              pieces_.back().unrolls.size() == static_cast<std::size_t>(recomputation.unrolls);
            const int number = stage->first_unroll() + i;
            if (pieces_.empty() || full) pieces_.push_back({{}, number, recomputation.recovers(number), 0});
            pieces_.back().unrolls.emplace_back(stage, i);
        }
    int slot = first_slot + 1;
    for (Piece& piece : pieces_)
        if (!piece.recovered && &piece != &pieces_.front()) piece.slot = slot++;
    travel_slot_ = slot;
}

std::vector<int> GradientPath::recovered() const {
    std::vector<int> numbers;
    for (const Piece& piece : pieces_)
        if (piece.recovered) numbers.push_back(piece.number);
    return numbers;
}

void GradientPath::run(const Tensor& x, const Batch& batch, const modules::Loss& loss, double share, const Tensor& value,
                       const Tensor* handed_on, const Surroundings& surroundings) {
    variant_ = variant_of(x, handed_on, batch, share);
    // Forward, without a tape as far as everything is going to be computed again.
    const std::size_t last = pieces_.size() - 1;
    const std::size_t silent = pieces_[last].recovered ? last + 1 : last;
    std::vector<Tensor> inputs{x};  // of the pieces; where one is not stored, later images have taken its place
    turn_ = 0;
    for (std::size_t p = 0; p < silent; ++p) inputs.push_back(run_silently(p, inputs[p], batch));

    // The loss, and backward through the last piece if that is on a tape already.
    Tensor output = inputs.back();
    if (silent == last) {
        record(last, output, batch, surroundings, [&](modules::Context& context, const Var& y) {
            if (handed_on) memory_.ops().copy(y.tensor(), *handed_on);
            modules::backpropagate(context, y, loss, share, batch.target, value);
        });
    } else {
        if (handed_on) memory_.ops().copy(output, *handed_on);
        memory_.repeated_segment(segment("loss after", last), variant_, false, [&](modules::Context& context) {
            memory_.ops().fill_zero(gradient(output));
            modules::add_loss(context, output, loss, share, batch.target, gradient(output), value);
        });
    }

    // Backward through the others: the input of each piece is the output of the one before.
    for (std::size_t p = silent; p-- > 0;) {
        const Piece& piece = pieces_[p];
        const Tensor input = piece.recovered ? recover(p, output, batch) : inputs[p];
        record(p, input, batch, surroundings, [&](modules::Context& context, const Var& y) {
            if (piece.recovered) measure(context, piece, y.tensor(), output);
            context.tape.backward(y, std::make_shared<Buffer>(Buffer{gradient(y.tensor()), {}}));
        });
        output = input;
    }
}

Var GradientPath::forward(modules::Context& context, const Piece& piece, Var x, const Batch& batch) const {
    for (const auto& [stage, i] : piece.unrolls) x = stage->forward(context, x, batch, i);
    return x;
}

Tensor GradientPath::run_silently(std::size_t p, const Tensor& x, const Batch& batch) {
    const bool stored = p + 1 < pieces_.size() && !pieces_[p + 1].recovered;
    const Tensor out = memory_.handoff(stored ? pieces_[p + 1].slot : travel_slot_, x);
    memory_.repeated_segment(segment("forward", p), variant_, false, [&](modules::Context& context) {
        memory_.ops().copy(forward(context, pieces_[p], context.tape.constant(x), batch).tensor(), out);
    });
    return out;
}

template <class Backward>
void GradientPath::record(std::size_t p, const Tensor& x, const Batch& batch, const Surroundings& surroundings,
                          Backward&& backward) {
    if (surroundings.before) surroundings.before(static_cast<int>(p));
    if (observer_ && !memory_.ops().planning()) observer_(pieces_[p].number, x);
    memory_.repeated_segment(segment("backward", p), variant_, true, [&](modules::Context& context) {
        const Var input = p == 0 ? context.tape.constant(x) : context.tape.leaf(x);
        backward(context, forward(context, pieces_[p], input, batch));
        if (p == 0) return;
        const Tensor by_input = input.gradient()->buffer->tensor.viewed_as(x), out = gradient(x);
        if (by_input.data != out.data || !out.data) memory_.ops().copy(by_input, out);  // it may have been computed in place
    });
    if (surroundings.after) surroundings.after(static_cast<int>(p));
}

Tensor GradientPath::recover(std::size_t p, const Tensor& output, const Batch& batch) {
    turn_ = 1 - turn_;  // the output may still be in the other slot
    const Tensor out = memory_.handoff(travel_slot_ + turn_, output);
    memory_.repeated_segment(segment("inverse", p), variant_, false, [&](modules::Context& context) {
        const auto& [stage, i] = pieces_[p].unrolls.front();
        const Var x = stage->unroll(i).inverse(context, stage->parameters(), output, batch.sense, batch.zero_filled, iterations_);
        memory_.ops().copy(x.tensor(), out);
    });
    return out;
}

void GradientPath::measure(modules::Context& context, const Piece& piece, const Tensor& result, const Tensor& output) {
    kernels::Operations& ops = memory_.ops();
    const BufferPtr difference = context.tape.allocate("difference", result.dtype, result.shape, result.device);
    ops.linear_combination(1, result, -1, output, difference->tensor);
    ops.dot(difference->tensor, difference->tensor, memory_.recovery_difference(piece.number));
    ops.dot(output, output, memory_.recovery_size(piece.number));
}

}  // namespace gleam::greedy
