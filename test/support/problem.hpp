// A small training problem on the CPU: random maps of unit norm, a random mask, and images, ready as a Batch.
#pragma once

#include "greedy/schedule.hpp"
#include "test/support/numbers.hpp"

namespace gleam::test {

template <class T>
struct TrainingProblem {
    using C = std::complex<T>;
    std::unique_ptr<kernels::Operations> ops = kernels::make_cpu_operations();
    Array<C> maps, zero_filled, target;
    Array<T> folded;

    explicit TrainingProblem(std::int64_t batch = 1, std::int64_t coils = 3, std::int64_t height = 12, std::int64_t width = 10)
        : maps(random_array<C>(Shape{batch, 1, coils, 1, height, width}, 1)),
          zero_filled(random_array<C>(Shape{batch, 1, 1, 1, height, width}, 2)),
          target(random_array<C>(zero_filled.shape, 3)),
          folded(zero_filled.shape) {
        const std::int64_t pixels = height * width;
        for (std::int64_t n = 0; n < batch; ++n)
            for (std::int64_t i = 0; i < pixels; ++i) {
                T sum = 0;
                for (std::int64_t c = 0; c < coils; ++c) sum += std::norm(maps[(n * coils + c) * pixels + i]);
                for (std::int64_t c = 0; c < coils; ++c) maps[(n * coils + c) * pixels + i] /= std::sqrt(sum);
            }
        Array<T> mask(zero_filled.shape);
        Philox random(1, Purpose::test);
        for (auto& m : mask.values) m = random.uniform() < 0.4 ? T(1) : T(0);
        ops->normal_mask(mask.view(), 2, folded.view());
    }

    greedy::Batch batch() const {
        return {modules::SenseOperator{maps.view(), folded.view(), 2}, folded.view(), zero_filled.view(), target.view()};
    }
};

// A network with its memory, planned and granted for one problem, ready to step.
struct TrainingRun {
    greedy::Network network;
    greedy::StepMemory memory;
    std::unique_ptr<greedy::Schedule> schedule;

    TrainingRun(kernels::Operations& ops, const greedy::NetworkOptions& options, greedy::Strategy strategy,
                const greedy::Batch& batch, modules::Loss loss = {{kernels::LossKind::l1, 1}},
                const ParameterBuffers& buffers = {.gradients = true, .moments = 2})
        : network(options, ops.device(), buffers),
          memory(ops, options.tf32),
          schedule(greedy::make_schedule(strategy, network, memory, std::move(loss))) {
        ops.set_planning(true);
        greedy::UpdateTerms terms;
        terms.optimizer.kind = buffers.moments == 2 ? kernels::OptimizerKind::adam : kernels::OptimizerKind::sgd;
        terms.optimizer.momentum = buffers.moments == 1 ? 0.9 : 0;
        terms.clip_norm = 1;
        schedule->step(batch, terms);
        greedy::reconstruct(network, memory, batch, batch.zero_filled);
        ops.set_planning(false);
        network.materialize(ops, 11);
        memory.grant();
    }

    std::vector<double> step(const greedy::Batch& batch, std::int64_t number, double learning_rate = 1e-3) {
        schedule->step(batch, {.optimizer = {.learning_rate = learning_rate, .weight_decay = 1e-4, .step = number}});
        return schedule->losses();
    }
};

inline greedy::NetworkOptions small_network(int unrolls, int stages, DType dtype = DType::f32) {
    greedy::NetworkOptions options;
    options.unrolls = unrolls, options.stages = stages, options.dtype = dtype;
    options.unroll.regularizer.features = 5;
    return options;
}

}  // namespace gleam::test
