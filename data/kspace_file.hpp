// Raw k-space as scanners and public collections give it: the input of `gleam prepare`. Whatever the source, arrays of a sample
// have the axes of dataset_layout.hpp.
//
// HDF5 in the layout of fastMRI:
//   kspace              complex. 2d: [slice, coil, y, x] or [coil, y, x] (then there is one slice). Three axes mean [slice, y, x]
//   of
//                       one coil when reconstruction_rss or reconstruction_esc has as many slices (more than one) as the first
//                       axis is long. 3d: [volume, coil, z, y, x] or [coil, z, y, x]. 2d+t: [slice, frame, coil, y, x] or
//                       [frame, coil, y, x].
//   mask                optional, any numeric or boolean type; axes of length 1 are ignored. Not zero = sampled.
//                       2d: [x], [y, x] or [slice, y, x]. 3d: [z, y], [z, y, x] or [volume, z, y, x]. 2d+t: [x], [y, x],
//                       [frame, y, x] or [slice, frame, y, x].
//   reconstruction_rss  optional, read in 2d: [slice, h, w] or [h, w]; may be cropped, so its size need not be that of k-space.
//   ismrmrd_header      optional text; attributes of the file are kept.
// In fastMRI the rows are the readout and the columns the phase encodings, so one-dimensional masks select columns.
//
// BART .cfl/.hdr, dimension 3 the coils, 13 the slices (in 3d volumes), 10 the frames (2d+t only); all others have length 1, but:
//   2d, 2d+t  Of the dimensions readout, phase1 and phase2 exactly two (or fewer) are longer than 1. The first of them becomes y
//             and the second x, so that rows and columns mean the same as in fastMRI (a readout, if there is one, runs along y).
//   3d        Readout, phase1 and phase2 are x, y and z.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/array.hpp"
#include "data/cfl.hpp"
#include "data/dataset_layout.hpp"
#include "data/hdf5.hpp"

namespace gleam::data {

class KspaceFile {
public:
    // HDF5, or BART when the path ends in .cfl or .hdr or is the common name of such a pair. DataError says what does not fit.
    explicit KspaceFile(const fs::path& path, Physics physics = Physics::planar);

    const fs::path& path() const { return path_; }
    // Sizes; `mask`, `mask_per_slice` and `mask_frames` as the file has them. Nothing is said of images and sets.
    const DatasetLayout& layout() const { return layout_; }
    std::int64_t slices() const { return layout_.slices; }
    std::int64_t coils() const { return layout_.coils; }
    std::int64_t height() const { return layout_.height; }
    std::int64_t width() const { return layout_.width; }

    // k-space [1, T, C, Z, Y, X]; DataError when it holds NaN or infinity.
    ComplexArray read_slice(std::int64_t slice) const;

    // Where the slice was sampled, [1, T or 1, 1, Z, Y, X] of 0 and 1; nothing when the file does not say.
    std::optional<RealArray> mask(std::int64_t slice) const;
    bool mask_per_slice() const { return layout_.mask_per_slice; }

    // The reference image in the file, [h, w], possibly cropped; nothing when there is none.
    std::optional<RealArray> rss(std::int64_t slice) const;

    // The scanner's header (XML), when there is one.
    std::optional<std::string> ismrmrd_header() const;

    // The file's attributes: name and text.
    std::map<std::string, std::string> attributes() const;

private:
    // Axes that the mask in the file has. `plane` is [y, x], in 3d [z, y]; `sample` is all that one sample has.
    enum class Mask : std::uint8_t { none, columns, plane, sample, samples };
    void open_hdf5();
    void open_cfl();
    void check_sizes(const std::string& where, const Shape& kspace) const;
    void check_mask();
    void check_rss();
    std::vector<std::pair<Mask, Shape>> possible_masks() const;
    bool first_axis_is_slices(const Shape& kspace) const;
    void require_slice(std::int64_t slice) const;
    ComplexArray read_cfl_slice(std::int64_t slice) const;

    fs::path path_;
    std::optional<Hdf5File> hdf5_;
    std::optional<CflHeader> cfl_;
    DatasetLayout layout_;
    Mask mask_ = Mask::none;
    bool samples_first_ = true;  // k-space in HDF5 has an axis of samples
    bool has_rss_ = false;
};

}  // namespace gleam::data
