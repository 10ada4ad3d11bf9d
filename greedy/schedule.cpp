#include "greedy/schedule.hpp"

#include <cmath>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

// Greedy, module-wise learning: every stage has its own loss against the same target and its own update; what it hands on is the
// image it computed before that update, and no gradient returns. So no stage sees another's update within a step: an update may
// come at once, so that the next stage can have the memory of the gradient, or wait until the end.
class Greedy final : public Schedule {
public:
    Greedy(const Recomputation& recomputation, Network& network, StepMemory& memory, modules::Loss loss)
        : Schedule(network, memory, std::move(loss)) {
        for (const Stage& stage : network.stages())
            paths_.emplace_back("stage " + std::to_string(paths_.size()), std::vector{&stage}, recomputation, memory, 2);
    }

private:
    void pass(const Batch& batch, double share, const UpdateTerms* terms) override {
        Inbox* const in = connected() ? links_->in : nullptr;
        Outbox* const out = connected() ? links_->out : nullptr;
        Tensor x = in ? links_->take(batch.zero_filled) : batch.zero_filled;
        for (int s = 0; s < loss_count(); ++s) {
            const bool leaves = out && s + 1 == loss_count();
            const Tensor handed_on = leaves ? links_->claim(x) : memory_.handoff(s % 2, x);
            if (terms) begin_stage(s);
            paths_[static_cast<std::size_t>(s)].run(x, batch, loss_, share, memory_.loss(s), &handed_on);
            if (in && s == 0) in->give_back();
            if (leaves) out->commit(links_->label);  // the next rank starts while this one updates
            if (terms) update_stage(s, *terms);
            x = handed_on;
        }
        if (connected()) ++links_->label;
    }
};

// Conventional training: one gradient through all stages, one loss on the last image. Where each stage is a piece that is
// computed again, its gradient is complete before that of the stage in front of it begins: an update may come at once here, too.
class EndToEnd final : public Schedule {
public:
    EndToEnd(const Recomputation& recomputation, Network& network, StepMemory& memory, modules::Loss loss)
        : Schedule(network, memory, std::move(loss)) {
        std::vector<const Stage*> all;
        for (const Stage& stage : network.stages()) all.push_back(&stage);
        paths_.emplace_back("end to end", all, recomputation, memory, 0);
    }

private:
    void pass(const Batch& batch, double share, const UpdateTerms* terms) override {
        GradientPath::Surroundings updates;
        if (terms) {
            updates.before = [this](int stage) { begin_stage(stage); };
            updates.after = [this, terms](int stage) { update_stage(stage, *terms); };
        }
        paths_.front().run(batch.zero_filled, batch, loss_, share, memory_.loss(0), nullptr, updates);
    }
};

}  // namespace

void Schedule::step(int count, const std::function<Batch()>& next, const UpdateTerms& terms) {
    if (network_.buffers().shared_gradients) {
        if (count > 1) throw InternalError("Schedule", "gradients of several batches cannot share their memory");
        for (int s = 0; s < loss_count(); ++s) memory_.ops().fill_zero(memory_.loss(s));
        pass(next(), 1, &terms);
        return;
    }
    begin();
    for (int i = 0; i < count; ++i) accumulate(next(), 1.0 / count);
    update(terms);
}

void Schedule::begin() {
    for (int s = 0; s < loss_count(); ++s) memory_.ops().fill_zero(memory_.loss(s));
    for (int s = 0; s < stage_count(); ++s) begin_stage(s);
}

void Schedule::accumulate(const Batch& batch, double share) {
    if (network_.buffers().shared_gradients && !memory_.ops().planning())
        throw InternalError("Schedule", "gradients that share their memory need step()");
    pass(batch, share, nullptr);
}

void Schedule::update(const UpdateTerms& terms) {
    for (int s = 0; s < stage_count(); ++s) update_stage(s, terms);
}

void Schedule::begin_stage(int number) {
    memory_.ops().fill_zero(network_.stages()[static_cast<std::size_t>(number)].parameters().gradients());
}

void Schedule::update_stage(int number, const UpdateTerms& terms) {
    if (connected() && links_->peers)
        links_->average(network_.stages()[static_cast<std::size_t>(number)].parameters().gradients());
    network_.stages()[static_cast<std::size_t>(number)].update(memory_.ops(), terms, memory_.gradient_norm(number));
}

std::vector<double> Schedule::losses() {
    std::vector<Tensor> scalars;
    for (int s = 0; s < loss_count(); ++s) scalars.push_back(memory_.loss(s));
    return memory_.values(scalars);
}

std::vector<double> Schedule::gradient_norms() {
    std::vector<Tensor> scalars;
    for (int s = 0; s < stage_count(); ++s) scalars.push_back(memory_.gradient_norm(s));
    return memory_.values(scalars);
}

std::map<int, double> Schedule::recovery_errors() {
    std::vector<int> unrolls;
    std::vector<Tensor> scalars;
    for (const GradientPath& path : paths_)
        for (const int unroll : path.recovered()) {
            unrolls.push_back(unroll);
            scalars.push_back(memory_.recovery_difference(unroll));
            scalars.push_back(memory_.recovery_size(unroll));
        }
    const std::vector<double> values = memory_.values(scalars);
    std::map<int, double> errors;
    for (std::size_t i = 0; i < unrolls.size(); ++i)
        errors[unrolls[i]] = std::sqrt(values[2 * i] / std::max(values[2 * i + 1], 1e-300));
    return errors;
}

void Schedule::observe(const GradientPath::Observer& observer) {
    for (GradientPath& path : paths_) path.observe(observer);
}

std::unique_ptr<Schedule> make_schedule(const Strategy& strategy, Network& network, StepMemory& memory, modules::Loss loss) {
    if (strategy.greedily) return std::make_unique<Greedy>(strategy.recomputation, network, memory, std::move(loss));
    if (network.buffers().shared_gradients && strategy.recomputation.unrolls != network.stages().front().unrolls())
        throw InternalError("Schedule", "gradients that arrive at several stages at a time cannot share their memory");
    return std::make_unique<EndToEnd>(strategy.recomputation, network, memory, std::move(loss));
}

void reconstruct(const Network& network, StepMemory& memory, const Batch& batch, const Tensor& out, Links* links) {
    if (memory.ops().planning()) links = nullptr;
    Tensor x = links && links->in ? links->take(batch.zero_filled) : batch.zero_filled;
    int slot = 0;
    for (const Stage& stage : network.stages()) {
        const bool leaves = links && links->out && &stage == &network.stages().back();
        const Tensor handed_on = leaves ? links->claim(x) : memory.handoff(slot, x);
        memory.segment("inference " + std::to_string(stage.first_unroll()) + " " + x.shape.str(), false,
                       [&](modules::Context& context) {
                           memory.ops().copy(stage.forward(context, context.tape.constant(x), batch).tensor(), handed_on);
                       });
        if (links && links->in && &stage == &network.stages().front()) links->in->give_back();
        if (leaves) links->out->commit(links->label);
        x = handed_on;
        slot = 1 - slot;
    }
    if (!links || !links->out) memory.ops().copy(x, out);
}

}  // namespace gleam::greedy
