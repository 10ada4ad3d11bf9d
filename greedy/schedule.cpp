#include "greedy/schedule.hpp"

namespace gleam::greedy {
namespace {

// Greedy, module-wise learning: every stage has its own loss against the same target and its own update; what it hands on is the
// image it computed before that update, and no gradient returns.
class Greedy final : public Schedule {
public:
    using Schedule::Schedule;

    int loss_count() const override { return static_cast<int>(network_.stages().size()); }

    void step(const Batch& batch, const kernels::OptimizerTerms& terms) override {
        kernels::Operations& ops = memory_.ops();
        Tensor x = batch.zero_filled;
        for (int s = 0; s < loss_count(); ++s) {
            Stage& stage = network_.stages()[static_cast<std::size_t>(s)];
            const Tensor handed_on = memory_.handoff(s % 2, x);
            memory_.segment("stage " + std::to_string(s), true, [&](modules::Context& context) {
                const Var y = stage.forward(context, context.tape.constant(x), batch);
                ops.copy(y.tensor(), handed_on);
                zero_gradients(stage);
                ops.fill_zero(memory_.loss(s));
                modules::backpropagate(context, y, loss_, 1, batch.target, memory_.loss(s));
            });
            stage.update(ops, terms);
            x = handed_on;
        }
    }
};

// Conventional training: one tape through all stages, one loss on the last image.
class EndToEnd final : public Schedule {
public:
    using Schedule::Schedule;

    int loss_count() const override { return 1; }

    void step(const Batch& batch, const kernels::OptimizerTerms& terms) override {
        memory_.segment("end to end", true, [&](modules::Context& context) {
            Var x = context.tape.constant(batch.zero_filled);
            for (Stage& stage : network_.stages()) {
                x = stage.forward(context, x, batch);
                zero_gradients(stage);
            }
            memory_.ops().fill_zero(memory_.loss(0));
            modules::backpropagate(context, x, loss_, 1, batch.target, memory_.loss(0));
        });
        for (Stage& stage : network_.stages()) stage.update(memory_.ops(), terms);
    }
};

}  // namespace

std::vector<double> Schedule::losses() {
    std::vector<double> values(static_cast<std::size_t>(loss_count()));
    for (int s = 0; s < loss_count(); ++s)
        memory_.ops().copy(memory_.loss(s), view_of(&values[static_cast<std::size_t>(s)], Shape{1}));
    return values;
}

std::unique_ptr<Schedule> make_schedule(Strategy strategy, Network& network, StepMemory& memory, modules::Loss loss) {
    if (strategy == Strategy::greedy) return std::make_unique<Greedy>(network, memory, std::move(loss));
    return std::make_unique<EndToEnd>(network, memory, std::move(loss));
}

void reconstruct(const Network& network, StepMemory& memory, const Batch& batch, const Tensor& out) {
    Tensor x = batch.zero_filled;
    int slot = 0;
    for (const Stage& stage : network.stages()) {
        const Tensor handed_on = memory.handoff(slot, x);
        memory.segment("inference " + std::to_string(stage.first_unroll()) + " " + x.shape.str(), false,
                       [&](modules::Context& context) {
                           memory.ops().copy(stage.forward(context, context.tape.constant(x), batch).tensor(), handed_on);
                       });
        x = handed_on;
        slot = 1 - slot;
    }
    memory.ops().copy(x, out);
}

}  // namespace gleam::greedy
