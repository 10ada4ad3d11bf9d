// Training strategies as schedules over the same stages. A schedule says where gradients stop, that is which unrolls form a
// GradientPath, and in which order these run; how a path keeps or recomputes what its backward pass needs is a choice of its own.
// A further strategy is a further class here; stages, paths, memory and trainer do not change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "greedy/gradient_path.hpp"
#include "greedy/network.hpp"
#include "greedy/parallel/ports.hpp"
#include "greedy/parallel/timeline.hpp"
#include "greedy/step_memory.hpp"

namespace gleam::greedy {

// Where the images of a part of a network come from and go to, if not from the batch and to nobody; who trains the same stages;
// and the label of the next image. Waiting for any of them is noted in `timeline`, if there is one.
struct Links {
    Inbox* in = nullptr;
    Outbox* out = nullptr;
    Peers* peers = nullptr;
    std::int64_t label = 0;
    Timeline* timeline = nullptr;

    Tensor take(const Tensor& like) const {
        const Timeline::Span span(timeline, SpanKind::wait);
        return in->take(label, like);
    }
    Tensor claim(const Tensor& like) const {
        const Timeline::Span span(timeline, SpanKind::room);
        return out->claim(like);
    }
    void average(const Tensor& values) const {
        const Timeline::Span span(timeline, SpanKind::reduce);
        peers->average(values);
    }
};

class Schedule {
public:
    Schedule(Network& network, StepMemory& memory, modules::Loss loss)
        : network_(network), memory_(memory), loss_(std::move(loss)) {}
    virtual ~Schedule() = default;

    // A training step on `count` batches, whose losses and gradients are averaged.
    void step(int count, const std::function<Batch()>& next, const UpdateTerms& terms);
    void step(const Batch& batch, const UpdateTerms& terms) {
        step(
            1, [&] { return batch; }, terms);
    }

    // The same in parts, for networks whose stages have gradients of their own: begin(), accumulate() per batch, update().
    void begin();  // gradients and losses from zero
    // One forward and backward pass of all stages: adds `share` times the losses and gradients of this batch.
    void accumulate(const Batch& batch, double share);
    // The update of every stage by its gradient.
    void update(const UpdateTerms& terms);

    // Of a network whose other stages (of greedy training), or replicas of whose stages, are elsewhere. `links` outlives its use.
    void connect(Links& links) { links_ = &links; }

    // How many losses a step computes, so how many modules it trains: one per stage (greedy) or one (end to end).
    int loss_count() const { return static_cast<int>(paths_.size()); }

    // The losses of the last step, each before its update, and the lengths of the stages' gradients before they were limited
    // (which are only known where they are); wait for the device.
    std::vector<double> losses();
    std::vector<double> gradient_norms();
    // For every unroll whose input the last batch's backward pass recovered: how far the unroll is from giving its output again,
    // relative to that (l2).
    std::map<int, double> recovery_errors();
    // Has every image that is computed with once more shown to `observer`.
    void observe(const GradientPath::Observer& observer);

protected:
    // accumulate(); with `terms` every stage begins, and is updated, by itself.
    virtual void pass(const Batch& batch, double share, const UpdateTerms* terms) = 0;
    void begin_stage(int number);
    void update_stage(int number, const UpdateTerms& terms);
    int stage_count() const { return static_cast<int>(network_.stages().size()); }

    bool connected() const { return links_ && !memory_.ops().planning(); }

    Network& network_;
    StepMemory& memory_;
    modules::Loss loss_;
    Links* links_ = nullptr;
    std::vector<GradientPath> paths_;  // one for every loss
};

// Where gradients stop, and what is computed twice between.
struct Strategy {
    bool greedily = true;  // a loss for every stage, and no gradient between stages; else one loss at the end
    Recomputation recomputation = {};

    static const Strategy greedy, end_to_end;
};
inline const Strategy Strategy::greedy{true};
inline const Strategy Strategy::end_to_end{false};

std::unique_ptr<Schedule> make_schedule(const Strategy& strategy, Network& network, StepMemory& memory, modules::Loss loss);

// Runs the whole chain without keeping anything for a backward pass. `out`: like batch.zero_filled. With `links`, the chain
// begins and ends where these say; `out` is written by the last one only.
void reconstruct(const Network& network, StepMemory& memory, const Batch& batch, const Tensor& out, Links* links = nullptr);

}  // namespace gleam::greedy
