// What a GPU's libraries do, done by FFTW, oneDNN and a loop on memory that the host can reach.
#pragma once

#include <memory>

#include "kernels/cu/library_terms.hpp"
#include "kernels/operations.hpp"

namespace gleam::emu {

class HostLibraries {
public:
    HostLibraries();
    ~HostLibraries();

    // Tensors say that they live on the host.
    void fourier(kernels::FftDirection direction, const kernels::cu::FourierBatch& batch, const Tensor& x);
    void convolve(const kernels::cu::WideConvolution& convolution);

private:
    template <class T>
    struct Plans;

    std::unique_ptr<kernels::Operations> host_;
    Arena workspace_{"host libraries"};
    std::unique_ptr<Plans<float>> single_;
    std::unique_ptr<Plans<double>> double_;
};

}  // namespace gleam::emu
