// Random numerical phantoms: axial sections through a head, a trunk or a limb that never existed.
//
// They have what makes undersampled reconstruction hard: sharp edges at all scales, thin structures, fine texture, shading and a
// smooth phase. Kind of section, tissue contrast, shape, number and place of structures all vary from sample to sample.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "core/philox.hpp"

namespace gleam::data {

// A complex image [height, width] with max |x| = 1 and air (exactly zero) along the edge of the field of view when the matrix is
// at least 32 x 32. Depends on (seed, index) and the size only. Throws ConfigError when a size is not positive.
ComplexArray make_phantom(std::int64_t height, std::int64_t width, std::uint64_t seed, std::uint32_t index);

// A smooth phase in radians, [height, width]: a second-order polynomial plus low-pass noise, a few radians in all.
std::vector<float> make_phase(std::int64_t height, std::int64_t width, Philox& random);

// magnitude * exp(i phase), scaled to max |x| = 1 (all zero stays zero). Both have height * width elements.
ComplexArray complex_image(std::int64_t height, std::int64_t width, const std::vector<float>& magnitude,
                           const std::vector<float>& phase);

}  // namespace gleam::data
