// Training samples: slices of a GLEAM data set, undersampled, combined and normalised.
//
//   zero_filled = A^H y / scale, target / scale, with scale the 95th percentile of |A^H y| (docs/concepts.md), so that networks
//   see numbers of order one whatever the scanner's units. The k-space itself is not needed any further: A^H A and A^H y carry
//   it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset_file.hpp"
#include "data/masks.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

struct Sample {
    ComplexArray maps;         // [C, Y, X]
    RealArray mask;            // [Y, X]
    ComplexArray zero_filled;  // [Y, X], divided by scale
    ComplexArray target;       // [Y, X], divided by scale; empty when the data set has none
    RealArray rss;             // [Y, X], in the file's units; empty when the data set has none
    double scale = 1;          // multiply by it for the file's units
    double acceleration = 1;   // points / sampled points
};

class Samples {
public:
    // `slices` empty: all of them. `mask` empty: the mask of the file (all ones when it has none). DataError when a slice does
    // not exist, or when a mask is asked for and the file is already undersampled.
    Samples(const fs::path& file, std::vector<std::int64_t> slices, std::optional<MaskOptions> mask);

    std::int64_t count() const { return static_cast<std::int64_t>(slices_.size()); }
    std::int64_t slice(std::int64_t index) const { return slices_[static_cast<std::size_t>(index)]; }
    const DatasetFile& file() const { return file_; }
    const std::optional<MaskOptions>& mask_options() const { return mask_; }

    // Sample `index`; its mask is a function of the mask's seed, `epoch` and the slice's number in the file.
    Sample read(std::int64_t index, std::uint32_t epoch, kernels::Operations& ops, Arena& workspace) const;

private:
    DatasetFile file_;
    std::vector<std::int64_t> slices_;
    std::optional<MaskOptions> mask_;
};

}  // namespace gleam::data
