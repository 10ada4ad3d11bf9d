// From raw k-space to GLEAM data sets: coil maps, and for fully sampled scans the image to learn.
// Nothing is undersampled here; training does that, with a new mask for every sample.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset_file.hpp"
#include "data/espirit.hpp"
#include "data/kspace_file.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

// Where it is written which points were measured. It is never guessed from zeros without being asked to.
enum class MaskSource : std::uint8_t {
    file,        // the file's mask; without one, everything was measured, and zeros in the midst of k-space are an error
    from_zeros,  // points that are 0 in all coils were not measured
    full,        // everything was measured, whatever the file says and however many zeros there are
};

// "file", "from-zeros", "full", and back (ConfigError lists them).
std::string name_of(MaskSource source);
MaskSource mask_source(std::string_view name);

struct PrepareOptions {
    Physics physics = Physics::planar;  // what the files hold
    EspiritOptions espirit;
    MaskSource mask = MaskSource::file;
    Hdf5Storage storage;
    // Called after each slice; may throw to stop (the unfinished file then does not come into being).
    std::function<void(const fs::path& input, std::int64_t slice, std::int64_t slices)> progress;
};

struct PreparedSlice {
    SliceData data;          // target and rss are empty when undersampled, mask is empty when fully sampled
    int calibration = 0;     // side of the block that the maps come from
    bool no_signal = false;  // nothing but zeros there: maps and target are 0
};

// One sample, k-space [1, T, C, Z, Y, X]. `mask` [1, T or 1, 1, Z, Y, X], null when fully sampled; k-space is set to 0 where the
// mask is.
//   maps   by espirit()
//   target = A^H y = sum over coils of conj(S_c) F^-1 y_c       rss = sqrt(sum over coils of |F^-1 y_c|^2)
// `ops` must be those of the CPU. Errors are those of espirit().
PreparedSlice prepare_slice(ComplexArray kspace, const RealArray* mask, Physics physics, const EspiritOptions& options,
                            kernels::Operations& ops);

struct PreparedFile {
    std::vector<fs::path> inputs;
    fs::path output;
    DatasetLayout layout;                    // layout.mask: undersampled
    double acceleration = 1;                 // of the first slice, volume or series
    std::vector<std::int64_t> empty_slices;  // without signal, numbered as in the output
    int smallest_calibration = 0;
};

// `output` is one data set when it ends in .h5: the slices of all inputs, which then have to be alike in coils, frames,
// matrix and whether they are undersampled. Otherwise it is a directory, made if absent, for NAME.h5 for each input NAME.*. Files
// there are replaced. Each file comes into being whole or not at all. ConfigError: options, or outputs that are the same file as
// each other or as an input. DataError: what cannot be read, written or used; the message names file and slice.
std::vector<PreparedFile> prepare(const std::vector<fs::path>& inputs, const fs::path& output, const PrepareOptions& options,
                                  kernels::Operations& ops);

}  // namespace gleam::data
