// Simulated multi-coil acquisitions: everything a training run needs, without a scanner.
//
//   k-space = F(S x) + noise        target = A^H k-space = sum_c conj(S_c) F^-1(k-space_c)        truth = x
//
// F is the centred orthonormal Fourier transform, S the coil maps, all of k-space is sampled, max |x| = 1. As sum_c |S_c|^2 = 1,
// the target is the truth plus noise of the same standard deviation as that of k-space.
//
// Two sets of maps: the field of view in x covers the central 8/13 of the object. What lies beyond folds in from the other side
// and is seen there with the coils' sensitivities at its true place,
//   k-space = F(s_1 x_1 + s_2 x_2),   x_1 the part within the field of view and x_2 the folded parts,
// written with maps that are orthonormal in every pixel, S_1 = s_1 and S_2 = (s_2 - <s_1, s_2> s_1) / its norm, and the images
// that go with them, x_1 + <s_1, s_2> x_2 and norm x_2. So A^H A = 1 as for one set. S_2 and its image are 0 where nothing can
// fold in, and where the coils cannot tell the two places apart.
#pragma once

#include <cstdint>

#include "core/array.hpp"
#include "data/dataset_file.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

struct SimulateOptions {
    Physics physics = Physics::planar;
    std::int64_t slices = 16;  // how many samples a data set has; a single one does not depend on it
    std::int64_t height = 128, width = 128;
    std::int64_t depth = 1;   // 3d
    std::int64_t frames = 1;  // 2d+t: frames of one heart beat
    std::int64_t coils = 8;
    std::int64_t sets = 1;   // 1 or 2
    double noise = 0.01;     // sqrt(E |n|^2) of one complex k-space sample, relative to max |x|
    std::uint64_t seed = 1;  // with the index, names every random number
};

// Throws ConfigError, naming the option, when a size is not positive, of an axis that the physics lacks, or too much for memory,
// when two sets are asked for of one coil or a width below 8, or when the noise is negative or not a number.
void check(const SimulateOptions& options);

// What a data set of these samples holds.
DatasetLayout layout_of(const SimulateOptions& options);

// Sample `index`: kspace, maps, target and truth; no mask, no RSS. Equal to rounding on every machine, whatever the other
// samples. `operations` must work on host memory. Throws ConfigError as check() does.
SliceData simulate_slice(const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations);

// The same with a given magnitude image [y, x] or, in 3d, [z, y, x] (see volume.hpp) in place of a phantom, scaled to a maximum
// of 1, under a simulated phase; for one set of maps and without frames. Throws DataError when the image has another size than
// the options say, holds NaN, infinity or negative numbers, or is zero.
SliceData simulate_slice_from(const RealArray& magnitude, const SimulateOptions& options, std::uint32_t index,
                              kernels::Operations& operations);

}  // namespace gleam::data
