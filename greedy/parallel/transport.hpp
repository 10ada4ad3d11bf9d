// Ranks as processes: what a plug-in for a message-passing library offers (libgleam_mpi.so; kernels/plugin.hpp says where it is
// looked for).
#pragma once

#include <chrono>
#include <memory>

#include "greedy/parallel/ports.hpp"
#include "kernels/operations.hpp"

namespace gleam::greedy {

// One process of a job.
class Transport {
public:
    virtual ~Transport() = default;
    virtual int rank() const = 0;
    virtual int count() const = 0;
    // The ports of this process, which computes with `ops`, for images of at most `image_bytes`; they live as long as this object
    // and need `ops` as long.
    virtual Ports open(kernels::Operations& ops, std::size_t image_bytes) = 0;
    // Everything has been sent and received; called by all processes.
    virtual void finish() = 0;
    // Ends the whole job with this exit code.
    [[noreturn]] virtual void abort(int code) = 0;
};

class TransportPlugin {
public:
    virtual ~TransportPlugin() = default;
    // Once per process. `deadline`: the longest that a process may give no sign of life.
    virtual std::unique_ptr<Transport> start(std::chrono::milliseconds deadline) const = 0;
};

// Whether this process was started by mpirun (or srun, with MPI) as one of several.
bool started_by_mpi();

// The transport of this job, from libgleam_mpi.so. DeviceError where that is not there.
std::unique_ptr<Transport> start_mpi(std::chrono::milliseconds deadline);

}  // namespace gleam::greedy
