// Two-dimensional views of samples of any dimension, for people to look at.
#pragma once

#include <string>

#include "core/array.hpp"
#include "data/dataset_layout.hpp"

namespace gleam::greedy {

// |x|; of several sets sqrt(sum over the sets of |x|^2), which is the magnitude of the object when maps and sets fit.
// [1, T, 1, Z, Y, X (, E)] -> [1, T, 1, Z, Y, X]
RealArray magnitudes(const ComplexArray& image);

// The middle one (index floor(n / 2)) of the frames or of z: [1, T, 1, Z, Y, X] -> [Y, X].
RealArray middle_plane(const RealArray& image);

// What to show of a mask: of a volume [Z, Y] in the middle of x, its fully sampled readout; else the middle frame [Y, X].
RealArray middle_mask(const RealArray& mask);

// What `count` samples are called: "slice" (2d), "volumes" (3d), "series" (2d+t).
std::string sample_name(data::Physics physics, std::int64_t count = 1);

}  // namespace gleam::greedy
