// What a rank of a pipeline is connected to.
//
// Ranks hold consecutive stages of a network. Between neighbours lies an edge: images go forward along it, one batch after
// another, at most two at a time. All else that ranks tell one another is mail: short, rare, and in order between any two of
// them. How both travel is the transport's business (threads.hpp, and MPI in a plug-in of its own); what is computed does not
// depend on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.hpp"

namespace gleam::greedy {

// The receiving end of an edge. All of it throws CommunicationError when the other side is lost or keeps silent for too long.
class Inbox {
public:
    virtual ~Inbox() = default;
    // Waits for what comes next; false when it is the end.
    virtual bool more() = 0;
    // The image that comes next, which must be that of batch `label` and of the shape of `like`. It may be read until
    // give_back().
    virtual Tensor take(std::int64_t label, const Tensor& like) = 0;
    virtual void give_back() = 0;
};

// The sending end.
class Outbox {
public:
    virtual ~Outbox() = default;
    // Memory for the next image, like `like`; waits until the receiver has given an earlier one back.
    virtual Tensor claim(const Tensor& like) = 0;
    // Sends it, as that of batch `label`.
    virtual void commit(std::int64_t label) = 0;
    // Says that no more images come.
    virtual void end() = 0;
};

using Letter = std::vector<std::byte>;

class Mail {
public:
    virtual ~Mail() = default;
    virtual void send(int to, Letter letter) = 0;  // does not wait
    virtual Letter receive(int from) = 0;          // waits
};

// Null ends where the pipeline begins and where it ends.
struct Ports {
    int rank = 0, count = 1;
    Inbox* in = nullptr;
    Outbox* out = nullptr;
    Mail* mail = nullptr;

    bool first() const { return rank == 0; }
    bool last() const { return rank + 1 == count; }
};

}  // namespace gleam::greedy
