// Reconstruction methods under one interface: zero-filled, CG-SENSE, l1-wavelet, and trained networks.
#pragma once

#include <memory>
#include <string>

#include "greedy/checkpoint.hpp"
#include "greedy/device_batch.hpp"
#include "modules/conjugate_gradient.hpp"
#include "modules/l1_wavelet.hpp"

namespace gleam::greedy {

// One way to get the image of a sample. Not shared between threads.
class Reconstructor {
public:
    virtual ~Reconstructor() = default;

    // The image of one sample, shaped like its zero_filled, in the units of its file. All samples given to one reconstructor have
    // the same size. NumericError when the result is not finite.
    ComplexArray reconstruct(const data::Sample& sample);

protected:
    explicit Reconstructor(kernels::Operations& ops) : ops_(ops) {}

    // f32 or f64: what run() computes with.
    virtual DType precision() const { return DType::f32; }
    // Prepares for batches of this shape: a dry run, with a batch without numbers.
    virtual void plan(const Batch& batch) = 0;
    virtual void run(const Batch& batch, const Tensor& out) = 0;

    kernels::Operations& ops_;

private:
    std::optional<DeviceBatch> batch_;
};

// A^H y.
std::unique_ptr<Reconstructor> make_zero_filled(kernels::Operations& ops);
// (A^H A + lambda I) x = A^H y by conjugate gradients.
std::unique_ptr<Reconstructor> make_cg_sense(kernels::Operations& ops, const modules::ConjugateGradientOptions& options);
// min 1/2 |A x - y|^2 + lambda |W x|_1 by FISTA, of images divided by the sample's scale.
std::unique_ptr<Reconstructor> make_l1_wavelet(kernels::Operations& ops, const modules::L1WaveletOptions& options);
// The network of a checkpoint.
std::unique_ptr<Reconstructor> make_network_reconstructor(kernels::Operations& ops, const fs::path& checkpoint);

}  // namespace gleam::greedy
