// Training samples: slices, volumes or frames of a GLEAM data set, undersampled, combined and normalised.
//
//   zero_filled = A^H y / scale, target / scale, with scale the 95th percentile of |A^H y| over the whole sample, all frames, z
//   and sets (docs/concepts.md), so that networks see numbers of order one whatever the scanner's units. The k-space itself is
//   not needed any further: A^H A and A^H y carry it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset_file.hpp"
#include "data/masks.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

// Axes as in dataset_layout.hpp, N = 1; E only when there are several sets of maps.
struct Sample {
    ComplexArray maps;         // [1, 1, C, Z, Y, X (, E)]
    RealArray mask;            // [1, T or 1, 1, Z, Y, X]
    ComplexArray zero_filled;  // [1, T, 1, Z, Y, X (, E)], divided by scale
    ComplexArray target;       // the same; empty when the data set has none
    RealArray rss;             // [1, T, 1, Z, Y, X], in the file's units; empty when the data set has none
    double scale = 1;          // multiply by it for the file's units
    double acceleration = 1;   // points / sampled points
};

// A mask for one sample of this layout, [1, T, 1, Z, Y, X], made by make_mask():
//   2d     [y, x], of frame 0
//   2d+t   [y, x] drawn anew for every frame
//   3d     [z, y], the same for all x: x is the fully sampled readout. y is the phase encoding of the 1D kinds.
// Errors are those of make_mask().
RealArray sample_mask(const MaskOptions& options, const DatasetLayout& layout, std::uint32_t epoch, std::uint32_t sample);

// Bytes of a sample of this layout as training needs it, and what there is beside it for a while when it is read: k-space, unless
// maps from a file that has them in one piece take its place, and the workspace of one transform.
std::size_t sample_bytes(const DatasetLayout& layout);
std::size_t reading_bytes(const DatasetLayout& layout);

class Samples {
public:
    // `slices` empty: all of them. `mask` empty: the mask of the file (all ones when it has none). DataError when a slice does
    // not exist, or when a mask is asked for and the file is already undersampled.
    Samples(const fs::path& file, std::vector<std::int64_t> slices, std::optional<MaskOptions> mask);

    std::int64_t count() const { return static_cast<std::int64_t>(slices_.size()); }
    std::int64_t slice(std::int64_t index) const { return slices_[static_cast<std::size_t>(index)]; }
    const DatasetFile& file() const { return file_; }
    const std::optional<MaskOptions>& mask_options() const { return mask_; }

    // Sample `index`; its mask is a function of the mask's seed, `epoch` and the sample's number in the file.
    Sample read(std::int64_t index, std::uint32_t epoch, kernels::Operations& ops, Arena& workspace) const;

private:
    DatasetFile file_;
    std::vector<std::int64_t> slices_;
    std::optional<MaskOptions> mask_;
};

}  // namespace gleam::data
