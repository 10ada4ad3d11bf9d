// Ranks as threads of one process: images are handed over where they lie, without a copy.
#pragma once

#include <memory>

#include "greedy/parallel/ports.hpp"
#include "kernels/operations.hpp"

namespace gleam::greedy {

// The connections of all ranks. Each rank's thread opens its own ports; when one of them fails, all others that wait, or are
// going to, end with a CommunicationError that names it. There is no deadline: a step takes what it takes, and threads do not get
// lost without the process. On a GPU, which all of them share, work waits for work: the host does not.
class ThreadTransport {
public:
    ThreadTransport(int ranks, int replicas);
    ~ThreadTransport();

    Mail& mail(int rank);
    // The ports of a rank that computes with `ops`. They live as long as this object, and `ops` lives longer.
    Ports open(const Position& position, kernels::Operations& ops, const ConnectionSizes& sizes);
    // Says that a rank has failed, and why.
    void fail(int rank, const std::string& why);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace gleam::greedy
