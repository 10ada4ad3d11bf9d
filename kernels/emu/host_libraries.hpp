// The library half of a GpuBackend (kernels/cu/gpu_backend.hpp) done by the host, with FFTW and oneDNN, on memory that the host
// can reach: for the emulator, and for a GPU whose kernels are to be tested by themselves.
#pragma once

#include <memory>

#include "kernels/cu/gpu_backend.hpp"
#include "kernels/operations.hpp"

namespace gleam::emu {

class HostLibraries {
public:
    HostLibraries();

    // As the functions of GpuBackend; tensors say that they live on the host.
    void fourier(kernels::FftDirection direction, const kernels::cu::FourierBatch& batch, const Tensor& x);
    kernels::Operations& convolutions() { return *host_; }
    Arena& workspace() { return workspace_; }

private:
    std::unique_ptr<kernels::Operations> host_;
    Arena workspace_{"host libraries"};
};

}  // namespace gleam::emu
