// Reconstruction methods under one interface: zero-filled, CG-SENSE, l1-wavelet, and trained networks.
#pragma once

#include <memory>
#include <string>

#include "greedy/checkpoint.hpp"
#include "greedy/device_batch.hpp"
#include "modules/conjugate_gradient.hpp"
#include "modules/l1_wavelet.hpp"

namespace gleam::greedy {

// One way to get an image from a slice. Not shared between threads.
class Reconstructor {
public:
    virtual ~Reconstructor() = default;

    // The image of one sample, shaped like its zero_filled, in the units of its file. All samples given to one reconstructor have the same size.
    // NumericError when the result is not finite.
    ComplexArray reconstruct(const data::Sample& sample);

protected:
    explicit Reconstructor(kernels::Operations& ops) : ops_(ops), batch_(ops) {}

    // Makes `batch_` ready for batches of this shape and returns one without numbers, for a dry run.
    virtual void plan(const Batch& batch) = 0;
    virtual void run(const Batch& batch, const Tensor& out) = 0;

    kernels::Operations& ops_;

private:
    DeviceBatch batch_;
    bool planned_ = false;
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
