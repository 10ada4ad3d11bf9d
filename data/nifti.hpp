// NIfTI-1 volumes in one file, .nii or .nii.gz. The format stores x fastest, so slowest first an image is [z, y, x].
#pragma once

#include <array>

#include "core/array.hpp"
#include "core/files.hpp"

namespace gleam::data {

struct NiftiImage {
    RealArray values;                        // [z, y, x], scaled by the header's slope and intercept
    std::array<float, 3> voxel_mm{1, 1, 1};  // z, y, x
};

// Reads uint8, int8, int16, uint16, int32, uint32, float32 or float64 in either byte order. Axes beyond the third must have
// length 1. DataError: missing, not NIfTI-1, damaged, truncated, unsupported type.
NiftiImage read_nifti(const fs::path& path);

// Writes float32; compressed when the name ends in ".gz". `image.values` is [z, y, x] or [y, x].
void write_nifti(const fs::path& path, const NiftiImage& image);

}  // namespace gleam::data
