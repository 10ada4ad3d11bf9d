// How processes that know nothing but the address of the first one find each other: it listens there, every other one connects to
// it, says who it is and where it listens itself, and is told where all others do. In the end each is connected with each.
#pragma once

#include <vector>

#include "greedy/parallel/tcp/socket.hpp"

namespace gleam::greedy::tcp {

struct Member {
    Address rendezvous;  // where rank 0 listens
    int rank = 0, count = 1;
    std::string job;  // processes of another job, which say another name, are sent away
};

// A connection with every other process, by its rank; the own place is empty. CommunicationError, which names who is missing,
// when not all are there in time.
std::vector<Socket> meet(const Member& self, std::chrono::milliseconds patience);

}  // namespace gleam::greedy::tcp
