// Fourier transforms by cuFFT: plans are made once per shape, in place, with scratch memory from outside.
#pragma once

#include <cufft.h>

#include <map>

#include "core/arena.hpp"
#include "kernels/cu/library_terms.hpp"

namespace gleam::cuda {

class FourierPlans {
public:
    explicit FourierPlans(cudaStream_t stream) : stream_(stream) {}
    FourierPlans(const FourierPlans&) = delete;
    FourierPlans& operator=(const FourierPlans&) = delete;
    ~FourierPlans();

    // As GpuBackend::fourier.
    void run(kernels::FftDirection direction, const kernels::cu::FourierBatch& batch, const Tensor& x, Arena& workspace,
             bool planning);

    // What cuFFT takes at most as scratch memory for a call, as far as is known: as much as it transforms. For planning without a
    // GPU, where it cannot be asked.
    static std::size_t assumed_workspace(const kernels::cu::FourierPass& pass, DType dtype);

private:
    struct Plan {
        cufftHandle handle = 0;
        std::size_t workspace = 0;
    };
    const Plan& plan(const kernels::cu::FourierPass& pass, DType dtype);

    cudaStream_t stream_;
    std::map<std::pair<DType, kernels::cu::FourierPass>, Plan> plans_;
};

std::string cufft_version();

}  // namespace gleam::cuda
