// Sampling masks: which points of centred k-space [y, x] are measured. Real numbers, 1 = sampled, 0 = not.
//
// A mask is a function of (options, size, epoch, sample, frame) and of nothing else: its random numbers are those of the Philox
// stream (seed, Purpose::mask, epoch, sample, frame), and its arithmetic is integers and + - * / sqrt, so every machine draws the
// same mask.
//
//   poisson        Variable-density Poisson disc. With r the distance from the calibration box, 0 at its edge and 1 at the edges
//                  of k-space (in each axis), the samples of the ellipse r < 1 keep a distance of at least 1 + slope r points
//                  from each other; slope is searched for the acceleration. The corners, r >= 1, are never sampled. The
//                  calibration box of calibration x calibration points is sampled fully.
//   random_1d      Whole lines (constant along y, so x is the phase encoding, as in fastMRI): `calibration` central ones and as
//                  many others, all equally likely, as make width / acceleration lines, rounded.
//   equispaced_1d  Whole lines `acceleration` apart, plus `calibration` central ones. The acceleration is the line spacing here,
//                  so the actual one is lower, as users of fastMRI know it.
//
// The `calibration` central points of an axis of n points are [(n - calibration + 1) / 2, + calibration).
// An acceleration of 1 samples everything, whatever the kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/array.hpp"

namespace gleam::data {

enum class MaskKind : std::uint8_t { poisson, random_1d, equispaced_1d };

// "poisson", "random_1d", "equispaced_1d", and back (ConfigError lists them).
std::string name_of(MaskKind kind);
MaskKind mask_kind(std::string_view name);

struct MaskOptions {
    MaskKind kind = MaskKind::poisson;
    double acceleration = 6;
    int calibration = 20;
    // poisson: the search stops when the actual acceleration is this close to the one asked for.
    double tolerance = 0.1;
    std::uint64_t seed = 0;
    // equispaced_1d: the first line, in [0, acceleration); without it, a random one for each mask.
    std::optional<std::int64_t> offset;
};

struct Mask {
    RealArray values;      // [y, x]
    double requested = 1;  // the acceleration asked for
    double actual = 1;     // points / sampled points
    double slope = 0;      // poisson: the one found
};

// Throws ConfigError for options without sense, and when the acceleration cannot be had: for poisson when the closest one found
// is off by more than 10 % (and more than the tolerance), for random_1d when the calibration lines alone are too many. The error
// names the closest acceleration that was reached. `frame` counts the frames of a sample in 2d+t; it is 0 otherwise.
Mask make_mask(const MaskOptions& options, std::int64_t height, std::int64_t width, std::uint32_t epoch, std::uint32_t sample,
               std::uint32_t frame = 0);

// First of the `count` central points of an axis.
constexpr std::int64_t central_begin(std::int64_t axis, std::int64_t count) { return (axis - count + 1) / 2; }

}  // namespace gleam::data
