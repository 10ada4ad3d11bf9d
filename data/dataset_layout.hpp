// What a data set holds and the sizes of its arrays. The dimension is data: slices, volumes and cine series have the same axes,
// some of them of length 1.
//
// In memory every array of one sample has the axes [N, T, C, Z, Y, X], slowest first, with N = 1 and a length of 1 for what is
// missing (docs/concepts.md). Where there are several sets of maps, maps and images have a seventh, fastest axis E, one entry per
// set: k-space_c = F sum_e S_ce x_e.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/tensor.hpp"

namespace gleam::data {

enum class Physics : std::uint8_t {
    planar,   // "2d": slices
    volume,   // "3d": Cartesian volumes, Fourier transform over z, y and x
    dynamic,  // "2d+t": frames of a slice, Fourier transform over y and x of each, coil maps shared by the frames
};

// "2d", "3d", "2d+t", and back (ConfigError lists them).
std::string name_of(Physics physics);
Physics physics_of(std::string_view name);

// Axes of k-space that the Fourier transform covers, the last ones.
inline int fourier_rank(Physics physics) { return physics == Physics::volume ? 3 : 2; }

struct DatasetLayout {
    std::int64_t slices = 0, coils = 0, height = 0, width = 0;  // `slices` counts the samples, which are volumes in 3d
    bool target = false, rss = false, truth = false;
    bool mask = false;            // there is a mask …
    bool mask_per_slice = false;  // … and each sample has its own
    Physics physics = Physics::planar;
    std::int64_t frames = 1, depth = 1;  // T and Z
    std::int64_t sets = 1;               // E, sets of coil maps
    std::int64_t mask_frames = 1;        // 2d+t: 1 when the frames share a mask, else `frames`

    int fourier_rank() const { return data::fourier_rank(physics); }

    // Arrays of one sample in memory.
    Shape kspace_shape() const { return {1, frames, coils, depth, height, width}; }
    Shape maps_shape() const { return with_sets({1, 1, coils, depth, height, width}); }
    Shape image_shape() const { return with_sets({1, frames, 1, depth, height, width}); }  // target, truth
    Shape rss_shape() const { return {1, frames, 1, depth, height, width}; }
    Shape mask_shape() const { return {1, mask_frames, 1, depth, height, width}; }

    // The same in a file, where axes that the physics lacks are left out and samples are counted in front.
    Shape stored_kspace() const { return stored(slices, frames, true); }
    Shape stored_maps() const { return with_sets(stored(slices, 0, true)); }
    Shape stored_image() const { return with_sets(stored(slices, frames, false)); }
    Shape stored_rss() const { return stored(slices, frames, false); }
    Shape stored_mask() const { return stored(mask_per_slice ? slices : 0, mask_frames, false); }

private:
    Shape with_sets(Shape shape) const {
        if (sets > 1) shape.append(sets);
        return shape;
    }
    // A count of 0 leaves out the axis.
    Shape stored(std::int64_t samples, std::int64_t frames_there, bool coil_axis) const;
};

// Names of the axes of k-space in a file: "slice, frame, coil, y, x".
std::string kspace_axes(Physics physics);

}  // namespace gleam::data
