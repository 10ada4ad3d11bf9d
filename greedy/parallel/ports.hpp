// What a rank of a pipeline is connected to.
//
// Ranks hold consecutive stages of a network. Between neighbours lies an edge: images go forward along it, one batch after
// another, at most two at a time. With replicas there are several such pipelines; ranks that hold the same stages average their
// gradients. All else that ranks tell one another is mail: short, rare, and in order between any two of them. How all this
// travels is the transport's business (threads.hpp, processes.hpp); what is computed does not depend on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.hpp"

namespace gleam::greedy {

// Where a rank stands among all: they are numbered along the first pipeline, then along the next.
struct Position {
    int number = 0;
    int ranks = 1, replicas = 1;  // of a pipeline, and how many of these

    int count() const { return ranks * replicas; }
    int stage() const { return number % ranks; }
    int replica() const { return number / ranks; }
    bool first() const { return stage() == 0; }
    bool last() const { return stage() + 1 == ranks; }
    // The last rank of the first pipeline writes what a run leaves behind.
    int lead() const { return ranks - 1; }
    bool leads() const { return number == lead(); }
};

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

inline constexpr std::size_t slots = 2;  // images under way along an edge

// The label of the i-th image of a validation; those of training are the numbers of their batches, from 0.
constexpr std::int64_t validation_label(std::int64_t i) { return -1 - i; }
// "batch 12" or "validation image 3", counted from 1
std::string label_text(std::int64_t label);

// The ranks that train the same stages on other batches.
class Peers {
public:
    virtual ~Peers() = default;
    // values = the mean of the values of all, summed in the order of replicas: the same bits on each of them, every time.
    virtual void average(const Tensor& values) = 0;
};

using Letter = std::vector<std::byte>;

class Mail {
public:
    virtual ~Mail() = default;
    virtual void send(int to, Letter letter) = 0;  // does not wait
    virtual Letter receive(int from) = 0;          // waits
};

// The most that a rank hands on or averages at once.
struct ConnectionSizes {
    std::size_t image = 0, gradient = 0;  // bytes
};

// Null ends where the pipeline begins and where it ends; no peers where there are no replicas.
struct Ports {
    Inbox* in = nullptr;
    Outbox* out = nullptr;
    Peers* peers = nullptr;
    Mail* mail = nullptr;
};

}  // namespace gleam::greedy
