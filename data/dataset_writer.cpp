#include <fmt/format.h>

#include <algorithm>

#include "data/dataset_file.hpp"

namespace gleam::data {

DatasetWriter::DatasetWriter(const fs::path& path, const DatasetLayout& layout, const Hdf5Storage& storage)
    : path_(path), layout_(layout), writer_(path), written_(static_cast<std::size_t>(std::max<std::int64_t>(layout.slices, 0))) {
    const auto& l = layout;
    if (std::min({l.slices, l.coils, l.height, l.width, l.frames, l.depth, l.sets}) < 1)
        throw DataError(path.string(),
                        fmt::format("cannot be written: {} slices, {} frames, {} coils, {} x {} x {} points, {} sets of maps",
                                    l.slices, l.frames, l.coils, l.depth, l.height, l.width, l.sets),
                        "every size has to be at least 1");
    if ((l.physics != Physics::dynamic && l.frames != 1) || (l.physics != Physics::volume && l.depth != 1) ||
        (l.mask_frames != 1 && l.mask_frames != l.frames))
        throw DataError(path.string(),
                        fmt::format("cannot be written: physics {} with {} frames (masks: {}) and a depth of {}",
                                    name_of(l.physics), l.frames, l.mask_frames, l.depth),
                        "frames belong to 2d+t, depth to 3d");
    writer_.create<std::complex<float>>("kspace", l.stored_kspace(), storage);
    writer_.create<std::complex<float>>("maps", l.stored_maps(), storage);
    if (l.target) writer_.create<std::complex<float>>("target", l.stored_image(), storage);
    if (l.truth) writer_.create<std::complex<float>>("truth", l.stored_image(), storage);
    if (l.rss) writer_.create<float>("reconstruction_rss", l.stored_rss(), storage);
    if (l.mask) writer_.create<float>("mask", l.stored_mask(), storage);
    if (l.physics != Physics::planar) writer_.set_attribute("/", "physics", name_of(l.physics));
}

template <class T>
void DatasetWriter::write_part(const char* name, std::int64_t slice, const Array<T>& array, const Shape& shape) {
    if (!(array.shape == shape) || array.elements() != shape.elements())
        throw InternalError(path_.string(), fmt::format("slice {} of '{}' has shape {} where {} was announced", slice, name,
                                                        array.shape.str(), shape.str()));
    writer_.write_slab(name, slice, 1, array.data());
}

void DatasetWriter::require_slice(std::int64_t slice) const {
    if (slice < 0 || slice >= layout_.slices)
        throw InternalError(path_.string(), fmt::format("there is no slice {} to write", slice));
}

void DatasetWriter::write_kspace(std::int64_t slice, const ComplexArray& kspace) {
    require_slice(slice);
    write_part("kspace", slice, kspace, layout_.kspace_shape());
    kspace_written_ = slice;
}

void DatasetWriter::write_slice(std::int64_t slice, const SliceData& data) {
    require_slice(slice);
    if (kspace_written_ != slice) write_kspace(slice, data.kspace);
    write_part("maps", slice, data.maps, layout_.maps_shape());
    if (layout_.target) write_part("target", slice, data.target, layout_.image_shape());
    if (layout_.truth) write_part("truth", slice, data.truth, layout_.image_shape());
    if (layout_.rss) write_part("reconstruction_rss", slice, data.rss, layout_.rss_shape());
    if (layout_.mask && layout_.mask_per_slice) write_part("mask", slice, data.mask, layout_.mask_shape());
    if (layout_.mask && !layout_.mask_per_slice && slice == 0) {
        if (!(data.mask.shape == layout_.mask_shape()))
            throw InternalError(path_.string(), "the mask has shape " + data.mask.shape.str());
        writer_.write_slab("mask", 0, layout_.stored_mask()[0], data.mask.data());
    }
    written_[static_cast<std::size_t>(slice)] = true;
}

void DatasetWriter::commit() {
    const auto missing = std::find(written_.begin(), written_.end(), false);
    if (missing != written_.end())
        throw InternalError(path_.string(), fmt::format("slice {} was never written", missing - written_.begin()));
    writer_.commit();
}

}  // namespace gleam::data
