// Slices of a real magnitude volume as the truth of a simulation: which ones show something, and how they fit a matrix.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.hpp"

namespace gleam::data {

// The image at `index` along `axis` of a volume [z, y, x]: axis 0 gives [y, x], 1 gives [z, x], 2 gives [z, y].
// Throws DataError when the volume is not 3D or has no such slice.
RealArray take_slice(const RealArray& volume, int axis, std::int64_t index);

// Which slices across `axis` have at least `least` times the energy (sum of squares) of the slice that has most of it, in order.
// Throws DataError when the volume is not 3D, holds NaN or infinity, or is zero everywhere.
std::vector<std::int64_t> slices_with_signal(const RealArray& volume, int axis = 0, double least = 0.2);

enum class Fit : std::uint8_t {
    crop,    // keep the pixels: cut off what is too much around the centre, zeros where it is too little
    shrink,  // first average pixels so that everything fits, by one factor for both axes (1 when it fits already), then as crop
};

// One image [y, x] on a matrix [height, width], its centre (pixel n / 2) on the centre. Negative values become 0.
// Throws DataError when the image is not 2D, is empty, or holds NaN or infinity; ConfigError when a size is not positive.
RealArray fit_to_matrix(const RealArray& image, std::int64_t height, std::int64_t width, Fit fit = Fit::shrink);

}  // namespace gleam::data
