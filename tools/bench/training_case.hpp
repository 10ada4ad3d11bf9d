// Training steps on random numbers in memory: the networks, schedules and memory of `gleam train`, without files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "greedy/device_batch.hpp"
#include "greedy/job_network.hpp"
#include "kernels/work.hpp"

namespace CLI {
class App;
}

namespace gleam::bench {

struct TrainingCase {
    std::string architecture = "pgd";  // or modl
    std::string precision = "fp32";    // or bf16
    std::int64_t frames = 1, depth = 1, height = 128, width = 128, coils = 8;
    std::int64_t unrolls = 4, features = 32, batch = 1;

    greedy::BatchShape shape() const;
    // The configuration of a training with this network by `strategy`. Throws ConfigError when they do not fit.
    greedy::JobConfig job(const std::string& strategy) const;
    std::string description() const;
};
// Options with the names of the members; the number of unrolls is left to the caller.
void add_case_options(CLI::App& program, TrainingCase& training);

// The strategies there are for this network, greedy last.
std::vector<std::string> strategies_of(const TrainingCase& training);

// Maps of unit norm, a mask with a quarter of all points, images and targets, the same for the same case.
data::HostBatch random_batch(const TrainingCase& training);

// All that one training holds: network, schedule and memory.
class TrainingSession {
public:
    // Plans the memory of a step.
    TrainingSession(const TrainingCase& training, const std::string& strategy, kernels::Operations& ops);

    // What each arena needs; what was really lent is in `measured` after a step.
    std::vector<greedy::ArenaUse> memory() const;
    std::size_t planned_bytes() const;
    // Of one step.
    const kernels::WorkLog& work() const { return work_; }

    // Allocates all memory, gives the network its initial weights, and loads the batch.
    void start(const data::HostBatch& batch);

    void step();
    // Seconds per operation over `steps` steps, each with what the step does between it and the next; the longest first.
    std::vector<std::pair<std::string, double>> profile(int steps);
    // The losses of the last step; one for every module, or one for all.
    std::vector<double> losses() { return schedule_->losses(); }
    // What the optimiser carries along of the gradients, one stage after the other: after one step, each times the same number
    // (gradients themselves may have taken one another's place).
    std::vector<float> first_moments();

private:
    greedy::JobConfig job_;
    greedy::BatchShape shape_;
    kernels::Operations& ops_;
    greedy::Network network_;
    greedy::StepMemory memory_;
    greedy::DeviceBatch device_batch_;
    std::unique_ptr<greedy::Schedule> schedule_;
    kernels::WorkLog work_;
    greedy::Batch batch_;
    std::int64_t steps_ = 0;
};

// The loss of the untrained network's reconstruction of the batch, computed on its own: what the last loss of a first step must
// be.
double untrained_loss(const TrainingCase& training, const std::string& strategy, const data::HostBatch& batch,
                      kernels::Operations& ops);

// Relative difference (l2) of gradients.
double difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace gleam::bench
