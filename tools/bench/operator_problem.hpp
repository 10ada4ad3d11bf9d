// A SENSE problem of random numbers of any physics, checks of the operator against its definition, and bare Fourier transforms.
#pragma once

#include <fftw3.h>

#include <complex>

#include "core/array.hpp"
#include "modules/conjugate_gradient.hpp"
#include "tools/bench/timing.hpp"

namespace gleam::bench {

struct OperatorSize {
    std::int64_t coils = 8, frames = 1, depth = 1, height = 256, width = 256;

    int rank() const { return depth > 1 ? 3 : 2; }
    std::int64_t pixels() const { return depth * height * width; }  // of one transform
    std::int64_t transforms() const { return frames * coils; }
};

// Maps of unit norm, a mask with a quarter of all points or of all lines along y, an image, and room for k-space.
struct OperatorProblem {
    OperatorSize size;
    bool lines;
    ComplexArray maps, image, out, kspace;
    RealArray mask, folded;

    OperatorProblem(const OperatorSize& size, bool lines, kernels::Operations& ops);

    modules::SenseOperator sense() const { return {maps.view(), folded.view(), size.rank()}; }
    void forward(kernels::Operations& ops, Arena& workspace) const;  // kspace = A image
    void adjoint(kernels::Operations& ops, Arena& workspace) const;  // out = A^H kspace; overwrites kspace
    void normal(kernels::Operations& ops, Arena& workspace) const;   // out = A^H A image
    void solve(kernels::Operations& ops, Arena& workspace) const;    // out = (A^H A + 0.05)^-1 image by ten iterations of CG

    // The least work: every array read or written once; 5 n log2 n operations per transform, of those axes along which the mask
    // is not constant in A^H A, and 8 per complex multiply-add.
    Work forward_work() const;
    Work normal_work() const;

    // Relative errors. A: some of its values, against the sum that defines them, in double. A^H: by inner products with A.
    // A^H A: against A^H (A x). solve(): what its solution leaves of the right-hand side.
    double forward_error(kernels::Operations& ops, Arena& workspace) const;
    double adjoint_error(kernels::Operations& ops, Arena& workspace) const;
    double normal_error(kernels::Operations& ops, Arena& workspace) const;
    double residual(kernels::Operations& ops, Arena& workspace) const;
};

// The forward and the inverse transform of every coil image by FFTW with timed plans, in place, one image per thread: what no
// normal operator with these transforms can be faster than.
class BareTransforms {
public:
    explicit BareTransforms(const OperatorSize& size);
    BareTransforms(const BareTransforms&) = delete;
    BareTransforms& operator=(const BareTransforms&) = delete;
    ~BareTransforms();
    void run();
    Work work() const;

private:
    OperatorSize size_;
    fftwf_complex* data_;
    fftwf_plan forward_, inverse_;
};

}  // namespace gleam::bench
