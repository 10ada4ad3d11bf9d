// Greedy training as a pipeline: every rank trains consecutive modules, on batch after batch.
//
// What a module hands on is the image it computed before its update, and nothing comes back. So a module needs, for its t-th
// batch, the image its predecessor made of that batch and its own weights after batch t - 1, and no more: any schedule in which
// every module sees the batches in order computes the same, to the bit. The first rank may be some batches ahead of the last one.
//
// With replicas there are several pipelines, each on batches of its own; before a stage is updated, its gradients are averaged
// over them. So R replicas of batch B do what one does of batch R B.
//
// The last rank of the first pipeline leads: it has the final image, scores validations, writes metrics and checkpoints. What
// belongs to one step or one checkpoint is the same for all: they take the same number of steps and save after the same one.
#pragma once

#include "greedy/parallel/start.hpp"
#include "greedy/trainer.hpp"

namespace gleam::greedy {

// parallel.deadline
std::chrono::milliseconds deadline_of(const JobConfig& job);

struct Training {
    Outcome outcome = Outcome::interrupted;
    std::int64_t steps = 0;  // done in all
    bool leads = true;       // this process, if there are several
};

// Trains with job.parallel.ranks x job.parallel.replicas ranks, each a thread of this process with a device of its own kind.
// Errors are those of the rank that failed first.
Training train_in_ranks(const JobConfig& job, bool resume);

// Trains as one process of several, which are the ranks: as many of a pipeline as replicas leave. What goes wrong here ends all
// of them, after a message, with its exit code.
Training train_as_process(JobConfig job, bool resume, Processes& processes);

}  // namespace gleam::greedy
