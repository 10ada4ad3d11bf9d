// How long a pipeline will take, from what its modules cost: pure arithmetic, no machine involved.
//
// A rank computes batch after batch; an image goes to the next rank through one of two slots. For such a line, with costs that do
// not change, two slots are enough: T batches take as long as the first one needs to go through all ranks, and T - 1 times the
// slowest one, exactly. Whenever all ranks wait for the last one (a cut: its verdict on a validation) the line runs empty, and
// the way of the first batch through the others has to be waited for again. Saving a checkpoint is no cut: mail waits for nobody.
#pragma once

#include <cstdint>
#include <vector>

namespace gleam::greedy {

// What a forecast is made from.
struct PipelineCosts {
    std::vector<double> modules;         // seconds of one training step of each
    std::vector<double> gradient_bytes;  // of each; replicas average them after every step
    double image_bytes = 0;              // of all images that an edge carries per step
    double bandwidth = 0;                // of an edge and between replicas, bytes per second; 0: infinite
    int replicas = 1;
    std::int64_t steps = 1;
    std::int64_t between_cuts = 0;  // steps; 0: none but the end
    // Processors that all ranks of all replicas share, and how many of them a rank keeps busy; 0: each has its own.
    double cores = 0, busy_per_rank = 1;
};

struct Forecast {
    std::vector<double> ranks;  // seconds of a step on each: its modules and, with replicas, averaging their gradients
    double one_rank = 0;        // seconds of a step by one rank alone
    double slowest = 0;         // the modules of the slowest rank
    double step = 0;            // seconds from one step to the next: the slowest of ranks, edges and shared processors
    double fill = 0;            // seconds before the last rank has work: again after every cut
    double run = 0;             // seconds of all steps
    double drains = 0;          // of these, what filling and draining cost
    std::int64_t cuts = 1;      // how often the pipeline runs empty, the end included
    double speedup = 0;         // samples per second of the whole run, against one rank

    // How long ranks have nothing to do whenever the pipeline starts and runs empty, in steps: at most the number of ranks
    // less 1.
    double bubble_steps() const { return step > 0 ? fill / step : 0; }
    double drain_share() const { return run > 0 ? drains / run : 0; }
    // While it is full: 1 when nothing but the slowest rank's modules sets the pace.
    double efficiency_of_slowest() const { return step > 0 ? slowest / step : 0; }
    // The same against all ranks computing all the time: less where modules are placed unevenly.
    double efficiency_of_ranks() const { return step > 0 ? one_rank / (step * static_cast<double>(ranks.size())) : 0; }
};

// `firsts`: the first module of every rank, as place_modules() gives them.
Forecast forecast(const PipelineCosts& costs, const std::vector<int>& firsts);

// The ways to split `workers` into ranks x replicas with at most as many ranks as modules: the numbers of ranks, most first.
std::vector<int> possible_ranks(int workers, int modules);

}  // namespace gleam::greedy
