// Training strategies as schedules over the same stages: in which order stages run forward and backward, and where gradients
// stop. A further strategy is a further class here; stages, memory and trainer do not change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "greedy/network.hpp"
#include "greedy/step_memory.hpp"

namespace gleam::greedy {

class Schedule {
public:
    Schedule(Network& network, StepMemory& memory, modules::Loss loss)
        : network_(network), memory_(memory), loss_(std::move(loss)) {}
    virtual ~Schedule() = default;

    // A training step: begin(), then accumulate() for one or more batches, then update().
    void begin();  // gradients and losses from zero
    // One forward and backward pass of all stages: adds `share` times the losses and gradients of this batch.
    virtual void accumulate(const Batch& batch, double share) = 0;
    // The update of every stage by its gradient.
    void update(const UpdateTerms& terms);

    // A training step on one batch.
    void step(const Batch& batch, const UpdateTerms& terms) {
        begin();
        accumulate(batch, 1);
        update(terms);
    }

    // How many losses a step computes: one per stage (greedy) or one (end to end).
    virtual int loss_count() const = 0;

    // The losses of the last step, each before its update, and the lengths of the stages' gradients before they were limited
    // (which are only known where they are); wait for the device.
    std::vector<double> losses();
    std::vector<double> gradient_norms();

protected:
    Network& network_;
    StepMemory& memory_;
    modules::Loss loss_;
};

enum class Strategy : std::uint8_t { greedy, end_to_end };

std::unique_ptr<Schedule> make_schedule(Strategy strategy, Network& network, StepMemory& memory, modules::Loss loss);

// Runs the whole chain without keeping anything for a backward pass. `out`: like batch.zero_filled.
void reconstruct(const Network& network, StepMemory& memory, const Batch& batch, const Tensor& out);

}  // namespace gleam::greedy
