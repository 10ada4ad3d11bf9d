// Whether this process is one of several, and how they reach each other.
//
//   GLEAM_RENDEZVOUS=host:port   by TCP; rank 0 listens there. GLEAM_RANK, GLEAM_RANKS or, from srun, SLURM_PROCID, SLURM_NTASKS
//   say
//                                which one this is, and of how many.
//   mpirun (or srun --mpi=…)     by MPI, through libgleam_mpi.so
#pragma once

#include "greedy/parallel/processes.hpp"

namespace gleam::greedy {

// What a plug-in for message passing offers (libgleam_mpi.so; kernels/plugin.hpp says where it is looked for).
class WirePlugin {
public:
    virtual ~WirePlugin() = default;
    // Once per process.
    virtual std::unique_ptr<Wire> start(std::chrono::milliseconds deadline) const = 0;
};

// The connections of this process; null if it is the only one. ConfigError where the environment contradicts itself, DeviceError
// where MPI is needed and not there, CommunicationError when the others do not come.
std::unique_ptr<Processes> start_processes(std::chrono::milliseconds deadline);

// Which of the job's processes on this machine this one is.
int rank_on_machine();

}  // namespace gleam::greedy
