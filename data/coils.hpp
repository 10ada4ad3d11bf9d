// Simulated receive coils: rectangular current loops around the field of view, their static field by the law of Biot and Savart.
#pragma once

#include <cstdint>

#include "core/array.hpp"
#include "core/philox.hpp"

namespace gleam::data {

// Coil maps [coils, matrix...] on a matrix [height, width] or [depth, height, width], with sum_c |S_c|^2 = 1 in every pixel,
// smooth in magnitude and phase. One coil gives ones. Place, size and phase of the loops are drawn from `random`; the maps are a
// function of position in the field of view, so they are the same coils at every matrix size. Around a volume of more than one
// plane every other loop stands higher and the ones between lower, so that they tell z apart. Throws ConfigError when a size is
// not positive.
ComplexArray make_coil_maps(std::int64_t coils, const Shape& matrix, Philox& random);

}  // namespace gleam::data
