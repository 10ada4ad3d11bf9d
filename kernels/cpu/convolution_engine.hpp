// Single-precision convolutions by oneDNN, channels-last, on memory the caller lends.
#pragma once

#include <memory>
#include <string>

#include "kernels/cpu/convolution_terms.hpp"

namespace gleam::kernels::cpu {

class ConvolutionEngine {
public:
    ConvolutionEngine();
    ~ConvolutionEngine();

    // Bytes of scratch memory that run() needs; plans the convolution on first use of its sizes.
    std::size_t scratch_bytes(ConvolutionPass pass, const ConvolutionSizes& sizes);

    // forward: y = weights * x.
    void forward(const ConvolutionSizes& sizes, const float* x, const float* weights, float* y, void* scratch);
    // weights: dweights += gradient.
    void weights_acc(const ConvolutionSizes& sizes, const float* x, const float* dy, float* dweights, void* scratch);

private:
    struct Plan;
    struct Impl;
    Plan& plan(ConvolutionPass pass, const ConvolutionSizes& sizes);
    std::unique_ptr<Impl> impl_;
};

std::string convolution_library_version();

}  // namespace gleam::kernels::cpu
