// Coil sensitivity maps from the fully sampled centre of k-space: ESPIRiT (Uecker et al., "ESPIRiT - an eigenvalue approach to
// autocalibrating parallel MRI", Magn Reson Med 71:990, 2014).
//
// All k x k patches of the calibration block, over all coils, span a small space. What its projection does to k-space, averaged
// over the k^2 places a point has in a patch, is a convolution between coils, so in the image a C x C matrix G(r) at each point
// r, with G(r) s(r) = s(r) for the sensitivities s(r) wherever there is signal. The maps are the eigenvectors of the largest
// eigenvalue, of unit norm over the coils; where that eigenvalue is not near 1, there is no signal and the maps are 0. Where
// several places of the object fold onto a point there are as many such eigenvectors: further sets of maps. A kernel vector never
// becomes an image here: the projection's (2k-1)^2 lags per pair of coils say all there is to know of G.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

// Eigenvectors have no phase of their own; it is chosen so that this coil is real and not negative everywhere.
enum class PhaseReference : std::uint8_t {
    first_coil,
    principal,  // the combination of coils with the most energy in the calibration block: it has no dark spots
};

struct EspiritOptions {
    int calibration = 24;     // side of the central block of k-space, in points
    int kernel = 6;           // side of a patch, k
    double threshold = 0.02;  // patches are spanned by singular vectors above this, relative to the largest singular value
    double crop = 0.9;        // maps are 0 where the eigenvalue is not above this
    int sets = 1;             // of maps, orthonormal over the coils in every point; at most as many as coils
    PhaseReference phase = PhaseReference::first_coil;
    // For blocks that belong together, such as the sections of a volume:
    double floor = 0;                            // singular values not above this go too; in units of k-space
    std::vector<std::complex<float>> reference;  // weights of the combination of coils that is real, in place of `phase`
};

struct CoilMaps {
    ComplexArray maps;       // [set, coil, y, x]; unit norm over the coils, or 0; the first set has the largest eigenvalues
    RealArray eigenvalues;   // [set, y, x]: about 1 where there is signal, at most 1 but for rounding
    int calibration = 0;     // side of the block that was used
    bool no_signal = false;  // the block holds nothing but zeros: maps and eigenvalues are 0
};

// k-space of one slice, [coil, y, x], centred. `mask` [y, x] says where it was sampled (null: everywhere); when the calibration
// block is not sampled fully, the largest central one that is takes its place. With one coil, the map is 1 everywhere: a single
// sensitivity cannot be told from the image. ConfigError: options without sense or more sets than coils. DataError: k-space is
// NaN or infinite, smaller than the calibration block, or its fully sampled centre is smaller than 2 kernel - 1 points (fewer
// patches than a patch has points). `ops` must be those of the CPU. Takes all OpenMP threads; results do not depend on their
// number. Memory beyond the result: a few rows of the C^2 numbers of G.
CoilMaps espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops);

// The same from the fully sampled central block [coil, side, side] of k-space of height x width points; more memory-thrifty where
// the whole of k-space is not at hand. Inside a parallel region the calling thread does all of it.
CoilMaps espirit_of_block(const Array<std::complex<double>>& block, std::int64_t height, std::int64_t width,
                          const EspiritOptions& options, kernels::Operations& ops);

}  // namespace gleam::data
