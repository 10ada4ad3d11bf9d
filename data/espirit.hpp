// Coil sensitivity maps from the fully sampled centre of k-space: ESPIRiT (Uecker et al., "ESPIRiT - an eigenvalue approach to
// autocalibrating parallel MRI", Magn Reson Med 71:990, 2014).
//
// All patches of k points along every axis of the calibration block, over all coils, span a small space. What its projection does
// to k-space, averaged over the places a point has in a patch, is a convolution between coils, so in the image a C x C matrix
// G(r) at each point r, with G(r) s(r) = s(r) for the sensitivities s(r) wherever there is signal. The maps are the eigenvectors
// of the largest eigenvalue, of unit norm over the coils; where that eigenvalue is not near 1, there is no signal and the maps
// are 0. Where several places of the object fold onto a point there are as many such eigenvectors: further sets of maps. A kernel
// vector never becomes an image here: the projection's 2k-1 lags along every axis, per pair of coils, say all there is to know of
// G.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "data/coupling_kernel.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

// Eigenvectors have no phase of their own; it is chosen so that this coil is real and not negative everywhere.
enum class PhaseReference : std::uint8_t {
    first_coil,
    principal,  // the combination of coils with the most energy in the calibration block: it has no dark spots
};

struct EspiritOptions {
    int calibration = 24;     // side of the central block of k-space, in points; along a shorter axis of a volume, all of it
    int kernel = 6;           // side of a patch, k
    double threshold = 0.02;  // patches are spanned by singular vectors above this, relative to the largest singular value
    double crop = 0.9;        // maps are 0 where the eigenvalue is not above this
    int sets = 1;             // of maps, orthonormal over the coils in every point; at most as many as coils
    PhaseReference phase = PhaseReference::first_coil;
};

struct CoilMaps {
    ComplexArray maps;  // [1, 1, C, Z, Y, X], with a last axis E for several sets: unit norm over the coils, or 0
    RealArray
        eigenvalues;      // [Z, Y, X], E: about 1 where there is signal, at most 1 but for rounding; the first set's are largest
    int calibration = 0;  // side of the block that was used
    bool no_signal = false;  // the block holds nothing but zeros: maps and eigenvalues are 0
};

// k-space of one slice, series or volume, [1, T, C, Z, Y, X], centred, and where it was sampled, mask [1, T or 1, 1, Z, Y, X]
// (null: everywhere).
//   slice    patches in two dimensions
//   series   the same, from the average of the frames, each point over those in which it was sampled; so frames may be
//            undersampled if together they cover the centre
//   volume   (Z > 1) patches in three dimensions
// When the calibration block is not sampled fully, the largest central one that is takes its place. With one coil, the map is 1
// everywhere: a single sensitivity cannot be told from the image. ConfigError: options without sense or more sets than coils.
// DataError: k-space is NaN or infinite, a slice is smaller than the calibration block, or the fully sampled centre is smaller
// than 2 kernel - 1 points along an axis (fewer patches than a patch has points). `ops` must be those of the CPU. Takes all
// OpenMP threads; results do not depend on their number. Memory beyond the result: before it, a matrix of 16-byte
// numbers with (points of a patch x C) of them on a side; then a few rows of the C^2 numbers of G.
CoilMaps espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops);

// The same in two parts, for who does not want to keep k-space for the second. `ops` outlives it.
class Espirit {
public:
    Espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops);

    int calibration() const { return calibration_; }
    bool no_signal() const { return no_signal_; }

    CoilMaps maps() const;
    // A single set of maps in the place of the coils' images [1, 1, C, Z, Y, X]; adds these images, combined by the maps, to
    // `combined` [1, 1, 1, Z, Y, X].
    CoilMaps maps_in_place_of(ComplexArray images, ComplexArray& combined) const;

private:
    CoilMaps without_values() const;

    EspiritOptions options_;
    kernels::Operations& ops_;
    Shape maps_shape_;
    int calibration_ = 0;
    bool no_signal_ = false;
    CouplingKernel kernel_;  // empty without signal or with one coil
    std::vector<std::complex<float>> reference_;
};

}  // namespace gleam::data
