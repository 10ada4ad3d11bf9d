#include <fmt/format.h>

#include <algorithm>

#include "data/dataset_file.hpp"

namespace gleam::data {

DatasetWriter::DatasetWriter(const fs::path& path, const DatasetLayout& layout, const Hdf5Storage& storage)
    : path_(path), layout_(layout), writer_(path), written_(static_cast<std::size_t>(std::max<std::int64_t>(layout.slices, 0))) {
    if (layout.slices < 1 || layout.coils < 1 || layout.height < 1 || layout.width < 1)
        throw DataError(path.string(),
                        fmt::format("cannot be written: {} slices, {} coils, {} x {} points", layout.slices, layout.coils,
                                    layout.height, layout.width),
                        "every size has to be at least 1");
    const Shape many{layout.slices, layout.coils, layout.height, layout.width}, one{layout.slices, layout.height, layout.width};
    writer_.create<std::complex<float>>("kspace", many, storage);
    writer_.create<std::complex<float>>("maps", many, storage);
    if (layout.target) writer_.create<std::complex<float>>("target", one, storage);
    if (layout.truth) writer_.create<std::complex<float>>("truth", one, storage);
    if (layout.rss) writer_.create<float>("reconstruction_rss", one, storage);
    if (layout.mask) writer_.create<float>("mask", layout.mask_per_slice ? one : Shape{layout.height, layout.width}, storage);
}

template <class T>
void DatasetWriter::write_part(const char* name, std::int64_t slice, const Array<T>& array, const Shape& shape) {
    if (!(array.shape == shape) || array.elements() != shape.elements())
        throw InternalError(path_.string(), fmt::format("slice {} of '{}' has shape {} where {} was announced", slice, name,
                                                        array.shape.str(), shape.str()));
    writer_.write_slab(name, slice, 1, array.data());
}

void DatasetWriter::write_slice(std::int64_t slice, const SliceData& data) {
    if (slice < 0 || slice >= layout_.slices)
        throw InternalError(path_.string(), fmt::format("there is no slice {} to write", slice));
    const Shape many{layout_.coils, layout_.height, layout_.width}, one{layout_.height, layout_.width};
    write_part("kspace", slice, data.kspace, many);
    write_part("maps", slice, data.maps, many);
    if (layout_.target) write_part("target", slice, data.target, one);
    if (layout_.truth) write_part("truth", slice, data.truth, one);
    if (layout_.rss) write_part("reconstruction_rss", slice, data.rss, one);
    if (layout_.mask_per_slice) write_part("mask", slice, data.mask, one);
    if (layout_.mask && !layout_.mask_per_slice && slice == 0) {
        if (!(data.mask.shape == one)) throw InternalError(path_.string(), "the mask has shape " + data.mask.shape.str());
        writer_.write_slab("mask", 0, layout_.height, data.mask.data());
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
