// Simulated multi-coil acquisitions: everything a training run needs, without a scanner.
//
//   k-space = F(S x) + noise        target = A^H k-space = sum_c conj(S_c) F^-1(k-space_c)        truth = x
//
// F is the centred orthonormal Fourier transform, S the coil maps, all of k-space is sampled, max |x| = 1. As sum_c |S_c|^2 = 1,
// the target is the truth plus noise of the same standard deviation as that of k-space.
#pragma once

#include <cstdint>

#include "core/array.hpp"
#include "data/dataset_file.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

struct SimulateOptions {
    std::int64_t slices = 16;  // how many a data set has; a single slice does not depend on it
    std::int64_t height = 128, width = 128;
    std::int64_t coils = 8;
    double noise = 0.01;     // sqrt(E |n|^2) of one complex k-space sample, relative to max |x|
    std::uint64_t seed = 1;  // with the index, names every random number
};

// Throws ConfigError, naming the option, when a size is not positive, too much for memory, or the noise is negative or not a
// number.
void check(const SimulateOptions& options);

// Slice `index`: kspace, maps, target and truth; no mask, no RSS. Equal to rounding on every machine,
// whatever the other slices. `operations` must work on host memory. Throws ConfigError as check() does.
SliceData simulate_slice(const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations);

// The same with a given magnitude image [y, x] (see volume.hpp) in place of a phantom, scaled to a maximum of 1, under a
// simulated phase. Throws DataError when the image has another size than the options say, holds NaN, infinity or negative
// numbers, or is zero.
SliceData simulate_slice_from(const RealArray& magnitude, const SimulateOptions& options, std::uint32_t index,
                              kernels::Operations& operations);

}  // namespace gleam::data
