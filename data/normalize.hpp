// The scale that makes images of order one, whatever the scanner's units.
#pragma once

#include "core/array.hpp"

namespace gleam::data {

// The 95th percentile of the magnitudes: the smallest of the round(0.05 n) largest (at least one). 1 when that is not positive.
double percentile_scale(const ComplexArray& image);

}  // namespace gleam::data
