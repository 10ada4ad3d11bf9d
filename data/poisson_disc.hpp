// Variable-density Poisson-disc sampling of a grid; used by make_mask().
//
// All grid points of the ellipse are visited in one random order, and a point is kept when no kept point lies within the local
// radius of either. That is maximal Poisson-disc sampling ("dart throwing" until nothing fits), and because a kept point strikes
// out its surroundings, each point of the grid is looked at a bounded number of times: the cost grows with the number of points,
// whatever the radius. One order serves all slopes of a search, so that the number of samples falls almost steadily with the
// slope.
#pragma once

#include <cstdint>
#include <vector>

#include "core/philox.hpp"
#include "data/masks.hpp"

namespace gleam::data {

struct PoissonDisc {
    float slope = 0;          // of the radius, in points
    double acceleration = 0;  // points / samples
    std::vector<std::uint8_t> mask;
};

// Arguments are those of make_mask(), which checks them; ConfigError when the acceleration cannot be had.
PoissonDisc poisson_disc_mask(const MaskOptions& options, std::int64_t height, std::int64_t width, Philox& random);

}  // namespace gleam::data
