// The GLEAM data set: what `gleam prepare` and `gleam simulate` write and training reads. One HDF5 file:
//
//                       2d                     3d (physics = "3d")        2d+t (physics = "2d+t")
//   kspace              [slice, coil, y, x]    [volume, coil, z, y, x]    [slice, frame, coil, y, x]
//   maps                [slice, coil, y, x]    [volume, coil, z, y, x]    [slice, coil, y, x]
//   target              [slice, y, x]          [volume, z, y, x]          [slice, frame, y, x]
//   mask                [y, x]                 [z, y, x]                  [frame, y, x], frame of length 1: shared by all
//     … of each sample  [slice, y, x]          [volume, z, y, x]          [slice, frame, y, x]
//   reconstruction_rss, truth                  like target
//
// Complex numbers are complex64, mask and reconstruction_rss are float32. `kspace` is fully sampled, or zero where not sampled;
// `target` (the image to learn), `mask` (absent: sampled everywhere), `reconstruction_rss` (root of the sum of squares of the
// fully sampled coil images) and `truth` (what a simulation started from) are optional. With several sets of coil maps, maps,
// target and truth have one more, last axis [.., set]; one of length 1 is accepted.
//
// Attributes of the file: `physics` (absent: 2d), and where the data come from (program version, source, parameters) as text or
// numbers.
#pragma once

#include <map>
#include <string>

#include "core/array.hpp"
#include "data/dataset_layout.hpp"
#include "data/hdf5.hpp"

namespace gleam::data {

// One sample: a slice, a volume or the frames of a slice. Axes as in dataset_layout.hpp, N = 1; E only when there are several
// sets. Arrays that the file does not have are empty.
struct SliceData {
    ComplexArray kspace;  // [1, T, C, Z, Y, X]
    ComplexArray maps;    // [1, 1, C, Z, Y, X (, E)]
    ComplexArray target;  // [1, T, 1, Z, Y, X (, E)]
    RealArray mask;       // [1, T or 1, 1, Z, Y, X]
    RealArray rss;        // [1, T, 1, Z, Y, X]
    ComplexArray truth;   // like target
};

class DatasetFile {
public:
    // Opens and checks that everything fits together. DataError says what is wrong and what to do.
    explicit DatasetFile(const fs::path& path);

    const fs::path& path() const { return file_.path(); }
    const DatasetLayout& layout() const { return layout_; }
    std::int64_t slices() const { return layout_.slices; }
    std::int64_t coils() const { return layout_.coils; }
    std::int64_t height() const { return layout_.height; }
    std::int64_t width() const { return layout_.width; }

    // Reads one sample; DataError when it holds NaN or infinity.
    SliceData read_slice(std::int64_t slice) const;
    // The same one by one, for who need not hold all of them at a time; empty where the file has none.
    ComplexArray kspace(std::int64_t slice) const;
    ComplexArray maps(std::int64_t slice) const;
    // Planes [first, first + count) of the maps of a volume, rows of those of a slice; and whether that takes no more than these.
    ComplexArray maps(std::int64_t slice, std::int64_t first, std::int64_t count) const;
    bool maps_in_one_piece() const { return file_.in_one_piece("maps"); }
    ComplexArray target(std::int64_t slice) const;
    ComplexArray truth(std::int64_t slice) const;
    RealArray rss(std::int64_t slice) const;
    RealArray mask(std::int64_t slice) const;

    // The file's attributes but physics: name and text.
    std::map<std::string, std::string> provenance() const;

private:
    template <class T>
    Array<T> read_one(const std::string& name, std::int64_t slice, const Shape& shape) const;
    void check_kspace();
    void check_maps();
    bool check_images(const std::string& name, bool complex) const;
    void check_mask();

    Hdf5File file_;
    DatasetLayout layout_;
};

class DatasetWriter {
public:
    // Prepares `path` for this layout. Nothing appears under that name before commit(). DataError when a size is not positive or
    // of an axis that the physics lacks.
    DatasetWriter(const fs::path& path, const DatasetLayout& layout, const Hdf5Storage& storage = {});

    // Each sample once, in any order; arrays are those the layout names, with its sizes. A mask shared by all samples is taken
    // from sample 0.
    void write_slice(std::int64_t slice, const SliceData& data);
    // The k-space of the sample that write_slice() is going to write next, which then does without it.
    void write_kspace(std::int64_t slice, const ComplexArray& kspace);

    // Anything but `physics`, which is written with the layout.
    void set_attribute(const std::string& name, std::string_view text) { writer_.set_attribute("/", name, text); }
    void set_attribute(const std::string& name, double number) { writer_.set_attribute("/", name, number); }
    void set_attribute(const std::string& name, std::int64_t number) { writer_.set_attribute("/", name, number); }

    // DataError when it cannot be written, InternalError when a slice is missing.
    void commit();

private:
    void require_slice(std::int64_t slice) const;
    template <class T>
    void write_part(const char* name, std::int64_t slice, const Array<T>& array, const Shape& shape);

    fs::path path_;
    DatasetLayout layout_;
    Hdf5Writer writer_;
    std::vector<bool> written_;
    std::int64_t kspace_written_ = -1;  // of this sample
};

}  // namespace gleam::data
