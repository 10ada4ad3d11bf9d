// How images get from the memory of one process to that of another. An edge (edge.hpp) says what is sent when; headers and
// credits go by wire whatever carries the images.
#pragma once

#include <memory>

#include "core/arena.hpp"
#include "greedy/parallel/ports.hpp"
#include "kernels/operations.hpp"

namespace gleam::greedy {

// Memory of the device of `ops`; OutOfMemoryError, which says what it was for, where there is none.
Memory device_memory(kernels::Operations& ops, std::size_t bytes, const char* purpose);

// One end of an edge: the device's memory of its slots, and the way to the other end.
class Carrier {
public:
    Carrier(kernels::Operations& ops, std::size_t image_bytes);
    Carrier(const Carrier&) = delete;
    Carrier& operator=(const Carrier&) = delete;
    virtual ~Carrier() = default;

    // The image of slot `slot`, like `like`. InternalError if that is larger than was said.
    Tensor image(std::size_t slot, const Tensor& like) const;
    std::size_t slot_bytes() const { return bytes_; }

    // The sender's half. What is written into the image before start() is sent; after finish(), operations may overwrite it.
    // `what` says in errors what was being done.
    virtual void start(std::size_t slot, const Tensor& image) = 0;
    virtual void finish(std::size_t slot, const std::string& what) = 0;

    // The receiver's half. Something may come into the slot; it has been sent, and is there for operations that follow;
    // operations so far are the last that read it.
    virtual void post(std::size_t slot) = 0;
    virtual void receive(std::size_t slot, const Tensor& image, const std::string& what) = 0;

protected:
    kernels::Operations& ops_;

private:
    std::size_t bytes_;
    Memory memory_;
};

// Images go from GPU to GPU of one job: what a plug-in for a library of collective communication offers (libgleam_nccl.so).
class DirectPlugin {
public:
    virtual ~DirectPlugin() = default;
    // The GPU's name among all of the job: no two processes can be connected that have the same one.
    virtual std::string gpu(kernels::Operations& ops) const = 0;
    // What the members of a new connection have to have in common, made by one of them.
    virtual Letter new_connection() const = 0;
    // An end of an edge: that of the sender or that of the receiver. Waits for the other one, at most for the deadline.
    virtual std::unique_ptr<Carrier> connect(kernels::Operations& ops, std::size_t image_bytes, const Letter& connection,
                                             bool sender, std::chrono::milliseconds deadline) const = 0;
    // Member `index` of `count` replicas.
    virtual std::unique_ptr<Peers> connect_peers(kernels::Operations& ops, std::size_t gradient_bytes, const Letter& connection,
                                                 int index, int count, std::chrono::milliseconds deadline) const = 0;
};

}  // namespace gleam::greedy
