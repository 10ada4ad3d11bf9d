// Raw k-space as scanners and public collections give it: the input of `gleam prepare`. Whatever the source, a slice is [coil, y,
// x].
//
// HDF5 in the layout of fastMRI:
//   kspace              complex; [slice, coil, y, x] or [coil, y, x] (then there is one slice). Three axes mean [slice, y, x] of
//   one
//                       coil when reconstruction_rss or reconstruction_esc has as many slices (more than one) as the first axis
//                       is long.
//   mask                optional, any numeric or boolean type: [x], [y, x] or [slice, y, x]; axes of length 1 are ignored. Not
//   zero = sampled. reconstruction_rss  optional, [slice, h, w] or [h, w]; may be cropped, so its size need not be that of
//   k-space. ismrmrd_header      optional text; attributes of the file are kept.
// In fastMRI the rows are the readout and the columns the phase encodings, so one-dimensional masks select columns.
//
// BART .cfl/.hdr: of the dimensions readout, phase1 and phase2 exactly two (or fewer) are longer than 1. The first of them
// becomes y and the second x, so that rows and columns mean the same as in fastMRI (a readout, if there is one, runs along y).
// Dimension 3 is the coils, dimension 13 the slices; all others have length 1.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/array.hpp"
#include "data/cfl.hpp"
#include "data/hdf5.hpp"

namespace gleam::data {

class KspaceFile {
public:
    // HDF5, or BART when the path ends in .cfl or .hdr or is the common name of such a pair. DataError says what does not fit.
    explicit KspaceFile(const fs::path& path);

    const fs::path& path() const { return path_; }
    std::int64_t slices() const { return slices_; }
    std::int64_t coils() const { return coils_; }
    std::int64_t height() const { return height_; }
    std::int64_t width() const { return width_; }

    // k-space [coil, y, x]; DataError when it holds NaN or infinity.
    ComplexArray read_slice(std::int64_t slice) const;

    // Where the slice was sampled, [y, x] of 0 and 1; nothing when the file does not say.
    std::optional<RealArray> mask(std::int64_t slice) const;
    bool mask_per_slice() const { return mask_ == Mask::slices; }

    // The reference image in the file, [h, w], possibly cropped; nothing when there is none.
    std::optional<RealArray> rss(std::int64_t slice) const;

    // The scanner's header (XML), when there is one.
    std::optional<std::string> ismrmrd_header() const;

    // The file's attributes: name and text.
    std::map<std::string, std::string> attributes() const;

private:
    enum class Mask : std::uint8_t { none, columns, plane, slices };
    void open_hdf5();
    void open_cfl();
    void check_mask();
    bool first_axis_is_slices(const Shape& kspace) const;
    void require_slice(std::int64_t slice) const;
    ComplexArray read_cfl_slice(std::int64_t slice) const;

    fs::path path_;
    std::optional<Hdf5File> hdf5_;
    std::optional<CflHeader> cfl_;
    std::int64_t slices_ = 0, coils_ = 0, height_ = 0, width_ = 0;
    Mask mask_ = Mask::none;
    bool single_coil_ = false;  // three axes [slice, y, x]
    bool has_rss_ = false;
};

}  // namespace gleam::data
