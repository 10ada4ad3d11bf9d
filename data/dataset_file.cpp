#include "data/dataset_file.hpp"

#include <fmt/format.h>

namespace gleam::data {
namespace {

constexpr const char* prepare = "run `gleam prepare` to make a data set from raw k-space";

// Without a last axis of length 1 beyond `rank`.
Shape without_single_set(Shape shape, int rank) {
    if (shape.rank() != rank + 1 || shape[-1] != 1) return shape;
    Shape shorter;
    for (int axis = 0; axis < rank; ++axis) shorter.append(shape[axis]);
    return shorter;
}

Physics physics_in(const Hdf5File& file) {
    if (!file.has_attribute("/", "physics")) return Physics::planar;
    const std::string name = file.attribute_text("/", "physics").value_or("(no text)");
    try {
        return physics_of(name);
    } catch (const ConfigError&) {
        throw DataError(file.path().string(), fmt::format("attribute 'physics' is '{}'", name),
                        "it has to be 2d, 3d or 2d+t; a file without it is 2d");
    }
}

}  // namespace

DatasetFile::DatasetFile(const fs::path& path) : file_(path) {
    check_kspace();
    check_maps();
    layout_.target = check_images("target", true);
    layout_.rss = check_images("reconstruction_rss", false);
    layout_.truth = check_images("truth", true);
    check_mask();
}

void DatasetFile::check_kspace() {
    if (!file_.is_dataset("kspace")) {
        std::string all;
        for (const std::string& name : file_.list()) all += (all.empty() ? "" : ", ") + name;
        throw DataError(path().string(),
                        "is no GLEAM data set: it has no 'kspace' (it holds: " + (all.empty() ? "nothing" : all) + ")", prepare);
    }
    DatasetLayout& l = layout_;
    l.physics = physics_in(file_);
    const Shape found = file_.shape("kspace");
    if (found.rank() != (l.physics == Physics::planar ? 4 : 5) || found.elements() == 0)
        throw DataError(file_.where("kspace"),
                        fmt::format("has shape {} where [{}] is needed (physics {})", found.str(), kspace_axes(l.physics),
                                    name_of(l.physics)),
                        prepare);
    if (!file_.is_complex("kspace")) throw DataError(file_.where("kspace"), "is not complex", prepare);
    l.slices = found[0], l.height = found[-2], l.width = found[-1];
    l.coils = l.physics == Physics::dynamic ? found[2] : found[1];
    if (l.physics == Physics::dynamic) l.frames = found[1];
    if (l.physics == Physics::volume) l.depth = found[2];
}

void DatasetFile::check_maps() {
    if (!file_.is_dataset("maps")) throw DataError(path().string(), "has no coil sensitivities ('maps')", prepare);
    if (!file_.is_complex("maps")) throw DataError(file_.where("maps"), "is not complex", prepare);
    const Shape one_set = layout_.stored_maps(), found = file_.shape("maps");
    if (found.rank() == one_set.rank() + 1) layout_.sets = found[-1];
    if (layout_.sets < 1 || !(without_single_set(found, one_set.rank()) == layout_.stored_maps()))
        throw DataError(
            file_.where("maps"),
            fmt::format("has shape {} where {} fits k-space, or that and an axis of sets", found.str(), one_set.str()), prepare);
}

// Whether there is a data set of this name; if so it has to be an image for each sample.
bool DatasetFile::check_images(const std::string& name, bool complex) const {
    if (!file_.is_dataset(name)) return false;
    const Shape needed = complex ? layout_.stored_image() : layout_.stored_rss(), found = file_.shape(name);
    if (file_.is_complex(name) != complex)
        throw DataError(file_.where(name), complex ? "is not complex" : "is complex where magnitudes are needed", prepare);
    if (!(without_single_set(found, needed.rank()) == needed))
        throw DataError(file_.where(name),
                        fmt::format("has shape {} where {} fits k-space{}", found.str(), needed.str(),
                                    complex && layout_.sets > 1 ? " and maps" : ""),
                        prepare);
    return true;
}

void DatasetFile::check_mask() {
    if (!file_.is_dataset("mask")) return;
    const Shape found = file_.shape("mask");
    layout_.mask = true;
    for (std::int64_t frames : {layout_.frames, std::int64_t{1}})
        for (bool per_slice : {true, false}) {
            layout_.mask_frames = frames, layout_.mask_per_slice = per_slice;
            if (found == layout_.stored_mask()) return;
        }
    DatasetLayout one = layout_;
    one.mask_frames = layout_.frames, one.mask_per_slice = false;
    DatasetLayout each = one;
    each.mask_per_slice = true;
    throw DataError(
        file_.where("mask"),
        fmt::format("has shape {} where {} or {} fits k-space{}", found.str(), one.stored_mask().str(), each.stored_mask().str(),
                    layout_.physics == Physics::dynamic ? " (the axis of frames may have length 1)" : ""),
        prepare);
}

// One sample of a data set on the axes of memory, checked for NaN
template <class T>
Array<T> DatasetFile::read_one(const std::string& name, std::int64_t slice, const Shape& shape) const {
    if (slice < 0 || slice >= slices())
        throw DataError(path().string(), fmt::format("has no slice {}", slice), fmt::format("slices are 0 to {}", slices() - 1));
    Array<T> array = file_.read<T>(name, slice, 1);
    array.shape = shape;
    require_finite(fmt::format("{}, slice {}", file_.where(name), slice), array);
    return array;
}

ComplexArray DatasetFile::kspace(std::int64_t slice) const {
    return read_one<std::complex<float>>("kspace", slice, layout_.kspace_shape());
}

ComplexArray DatasetFile::maps(std::int64_t slice) const {
    return read_one<std::complex<float>>("maps", slice, layout_.maps_shape());
}

ComplexArray DatasetFile::maps(std::int64_t slice, std::int64_t first, std::int64_t count) const {
    Shape shape = layout_.maps_shape();
    shape[layout_.physics == Physics::volume ? 3 : 4] = count;
    ComplexArray part = file_.read_part<std::complex<float>>("maps", slice, 2, first, count);  // behind the coils
    part.shape = shape;
    require_finite(fmt::format("{}, slice {}", file_.where("maps"), slice), part);
    return part;
}

ComplexArray DatasetFile::target(std::int64_t slice) const {
    if (!layout_.target) return {};
    return read_one<std::complex<float>>("target", slice, layout_.image_shape());
}

ComplexArray DatasetFile::truth(std::int64_t slice) const {
    if (!layout_.truth) return {};
    return read_one<std::complex<float>>("truth", slice, layout_.image_shape());
}

RealArray DatasetFile::rss(std::int64_t slice) const {
    if (!layout_.rss) return {};
    return read_one<float>("reconstruction_rss", slice, layout_.rss_shape());
}

RealArray DatasetFile::mask(std::int64_t slice) const {
    if (!layout_.mask) return {};
    if (layout_.mask_per_slice) return read_one<float>("mask", slice, layout_.mask_shape());
    RealArray shared = file_.read<float>("mask");
    shared.shape = layout_.mask_shape();
    require_finite(file_.where("mask"), shared);
    return shared;
}

SliceData DatasetFile::read_slice(std::int64_t slice) const {
    SliceData data;
    data.kspace = kspace(slice);
    data.maps = maps(slice);
    data.target = target(slice);
    data.truth = truth(slice);
    data.rss = rss(slice);
    data.mask = mask(slice);
    return data;
}

std::map<std::string, std::string> DatasetFile::provenance() const {
    std::map<std::string, std::string> found;
    for (const std::string& name : file_.attributes())
        if (const auto text = file_.attribute_text("/", name)) found[name] = *text;
    found.erase("physics");
    return found;
}

}  // namespace gleam::data
