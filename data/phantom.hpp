// Random numerical phantoms: a head, a trunk or a limb that never existed, as an axial section or as a volume, and a chest with a
// beating heart as a cine series.
//
// They have what makes undersampled reconstruction hard: sharp edges at all scales, thin structures, fine texture, shading and a
// smooth phase. Kind of section, tissue contrast, shape, number and place of structures all vary from sample to sample.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "core/philox.hpp"
#include "data/dataset_layout.hpp"

namespace gleam::data {

// A complex image [height, width] with max |x| = 1 and air (exactly zero) along the edge of the field of view when the matrix is
// at least 32 x 32. Depends on (seed, index) and the size only. Throws ConfigError when a size is not positive.
ComplexArray make_phantom(std::int64_t height, std::int64_t width, std::uint64_t seed, std::uint32_t index);

// The object of one sample [1, T, 1, Z, Y, X], with max |x| = 1 over all of it:
//   2d     the phantom above
//   3d     a volume, also air at both ends of z when the depth is 32 or more
//   2d+t   one cycle of a beating heart in a chest that is at rest; frame T would be frame 0 again
// Of `layout`, physics, frames, depth, height and width count.
ComplexArray make_phantom(const DatasetLayout& layout, std::uint64_t seed, std::uint32_t index);

// A smooth phase in radians, [height, width], in the plane z of a volume: a second-order polynomial plus low-pass noise, a few
// radians in all.
std::vector<float> make_phase(std::int64_t height, std::int64_t width, Philox& random, double z = 0);

// magnitude * exp(i phase), scaled to max |x| = 1 (all zero stays zero). Both have as many elements as `shape`.
ComplexArray complex_image(const Shape& shape, const std::vector<float>& magnitude, const std::vector<float>& phase);

}  // namespace gleam::data
