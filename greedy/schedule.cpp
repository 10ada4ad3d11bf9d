#include "greedy/schedule.hpp"

namespace gleam::greedy {
namespace {

// Greedy, module-wise learning: every stage has its own loss against the same target and its own update; what it hands on is the
// image it computed before that update, and no gradient returns. So no stage sees another's update within a step, and all updates
// may wait until the end.
class Greedy final : public Schedule {
public:
    using Schedule::Schedule;

    int loss_count() const override { return static_cast<int>(network_.stages().size()); }

    void accumulate(const Batch& batch, double share) override {
        Tensor x = batch.zero_filled;
        for (int s = 0; s < loss_count(); ++s) {
            const Stage& stage = network_.stages()[static_cast<std::size_t>(s)];
            const Tensor handed_on = memory_.handoff(s % 2, x);
            memory_.segment("stage " + std::to_string(s), true, [&](modules::Context& context) {
                const Var y = stage.forward(context, context.tape.constant(x), batch);
                memory_.ops().copy(y.tensor(), handed_on);
                modules::backpropagate(context, y, loss_, share, batch.target, memory_.loss(s));
            });
            x = handed_on;
        }
    }
};

// Conventional training: one tape through all stages, one loss on the last image.
class EndToEnd final : public Schedule {
public:
    using Schedule::Schedule;

    int loss_count() const override { return 1; }

    void accumulate(const Batch& batch, double share) override {
        memory_.segment("end to end", true, [&](modules::Context& context) {
            Var x = context.tape.constant(batch.zero_filled);
            for (const Stage& stage : network_.stages()) x = stage.forward(context, x, batch);
            modules::backpropagate(context, x, loss_, share, batch.target, memory_.loss(0));
        });
    }
};

double read(kernels::Operations& ops, const Tensor& scalar) {
    double value = 0;
    ops.copy(scalar, view_of(&value, Shape{1}));
    return value;
}

}  // namespace

void Schedule::begin() {
    for (Stage& stage : network_.stages()) memory_.ops().fill_zero(stage.parameters().gradients());
    for (int s = 0; s < loss_count(); ++s) memory_.ops().fill_zero(memory_.loss(s));
}

void Schedule::update(const UpdateTerms& terms) {
    int number = 0;
    for (Stage& stage : network_.stages()) stage.update(memory_.ops(), terms, memory_.gradient_norm(number++));
}

std::vector<double> Schedule::losses() {
    std::vector<double> values;
    for (int s = 0; s < loss_count(); ++s) values.push_back(read(memory_.ops(), memory_.loss(s)));
    return values;
}

std::vector<double> Schedule::gradient_norms() {
    std::vector<double> values;
    for (std::size_t s = 0; s < network_.stages().size(); ++s)
        values.push_back(read(memory_.ops(), memory_.gradient_norm(static_cast<int>(s))));
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
