// Which points of k-space a file holds numbers for, judged by its zeros.
#pragma once

#include "core/array.hpp"
#include "data/kspace_file.hpp"

namespace gleam::data {

// 1 where any coil of k-space [1, T, C, Z, Y, X] is not 0; [1, T, 1, Z, Y, X].
RealArray sampled_points(const ComplexArray& kspace);

struct SamplingPattern {
    RealArray sampled;        // [1, T, 1, Z, Y, X], 1 where any coil of any slice is not 0
    std::int64_t zeros = 0;   // points where none is
    bool holes = false;       // zeros lie within the smallest box around what is sampled: not only padding at the border
    bool same_in_all = true;  // all slices that are not all 0 have the same pattern
};

// Reads the file slice by slice; unless `all_slices`, only until every point has been seen (same_in_all then says nothing).
SamplingPattern sampling_pattern(const KspaceFile& file, bool all_slices);

}  // namespace gleam::data
