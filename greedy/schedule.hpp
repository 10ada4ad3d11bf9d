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

    // One optimiser step of every stage on one batch.
    virtual void step(const Batch& batch, const kernels::OptimizerTerms& terms) = 0;

    // How many losses a step computes: one per stage (greedy) or one (end to end).
    virtual int loss_count() const = 0;

    // The losses of the last step, each before its update; waits for the device.
    std::vector<double> losses();

protected:
    void zero_gradients(Stage& stage) { memory_.ops().fill_zero(stage.parameters().gradients()); }

    Network& network_;
    StepMemory& memory_;
    modules::Loss loss_;
};

enum class Strategy : std::uint8_t { greedy, end_to_end };

std::unique_ptr<Schedule> make_schedule(Strategy strategy, Network& network, StepMemory& memory, modules::Loss loss);

// Runs the whole chain without keeping anything for a backward pass. `out`: like batch.zero_filled.
void reconstruct(const Network& network, StepMemory& memory, const Batch& batch, const Tensor& out);

}  // namespace gleam::greedy
