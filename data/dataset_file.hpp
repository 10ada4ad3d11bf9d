// The GLEAM data set: what `gleam prepare` and `gleam simulate` write and training reads. One HDF5 file per scan:
//
//   kspace              [slice, coil, y, x]        complex64  fully sampled, or zero where not sampled
//   maps                [slice, coil, y, x]        complex64  coil sensitivities (a last axis of length 1 is accepted)
//   target              [slice, y, x]              complex64  optional: the image to learn
//   mask                [y, x] or [slice, y, x]    float32    optional: where k-space was sampled; absent means everywhere
//   reconstruction_rss  [slice, y, x]              float32    optional: root of sum of squares of the fully sampled coil images
//   truth               [slice, y, x]              complex64  optional: the image a simulation started from
//
// Attributes of the file tell where it comes from (program version, source, parameters) as text or numbers.
#pragma once

#include <map>
#include <string>

#include "core/array.hpp"
#include "data/hdf5.hpp"

namespace gleam::data {

// One slice. Arrays that the file does not have are empty.
struct SliceData {
    ComplexArray kspace;  // [coil, y, x]
    ComplexArray maps;    // [coil, y, x]
    ComplexArray target;  // [y, x]
    RealArray mask;       // [y, x]
    RealArray rss;        // [y, x]
    ComplexArray truth;   // [y, x]
};

// What a file holds.
struct DatasetLayout {
    std::int64_t slices = 0, coils = 0, height = 0, width = 0;
    bool target = false, rss = false, truth = false;
    bool mask = false;            // there is a mask …
    bool mask_per_slice = false;  // … and each slice has its own
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

    // Reads one slice; DataError when it holds NaN or infinity.
    SliceData read_slice(std::int64_t slice) const;

    // The file's attributes: name and text.
    std::map<std::string, std::string> provenance() const;

private:
    void check_maps() const;
    bool check_images(const std::string& name, bool complex) const;
    void check_mask();

    Hdf5File file_;
    DatasetLayout layout_;
};

class DatasetWriter {
public:
    // Prepares `path` for this layout. Nothing appears under that name before commit().
    DatasetWriter(const fs::path& path, const DatasetLayout& layout, const Hdf5Storage& storage = {});

    // Each slice once, in any order; arrays are those the layout names, with its sizes. A mask shared by all slices is taken from
    // slice 0.
    void write_slice(std::int64_t slice, const SliceData& data);

    void set_attribute(const std::string& name, std::string_view text) { writer_.set_attribute("/", name, text); }
    void set_attribute(const std::string& name, double number) { writer_.set_attribute("/", name, number); }
    void set_attribute(const std::string& name, std::int64_t number) { writer_.set_attribute("/", name, number); }

    // DataError when it cannot be written, InternalError when a slice is missing.
    void commit();

private:
    template <class T>
    void write_part(const char* name, std::int64_t slice, const Array<T>& array, const Shape& shape);

    fs::path path_;
    DatasetLayout layout_;
    Hdf5Writer writer_;
    std::vector<bool> written_;
};

}  // namespace gleam::data
