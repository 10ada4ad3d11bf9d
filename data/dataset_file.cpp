#include "data/dataset_file.hpp"

#include <fmt/format.h>

namespace gleam::data {
namespace {

constexpr const char* prepare = "run `gleam prepare` to make a data set from raw k-space";

// Slice s of a data set, without the slice axis (and without a last axis of one map set), checked for NaN.
template <class T>
Array<T> read_one(const Hdf5File& file, const std::string& name, std::int64_t slice, const Shape& shape) {
    Array<T> array = file.read<T>(name, slice, 1);
    array.shape = shape;
    require_finite(fmt::format("{}, slice {}", file.where(name), slice), array);
    return array;
}

}  // namespace

DatasetFile::DatasetFile(const fs::path& path) : file_(path) {
    if (!file_.is_dataset("kspace")) {
        std::string all;
        for (const std::string& name : file_.list()) all += (all.empty() ? "" : ", ") + name;
        throw DataError(path.string(),
                        "is no GLEAM data set: it has no 'kspace' (it holds: " + (all.empty() ? "nothing" : all) + ")", prepare);
    }
    const Shape kspace = file_.shape("kspace");
    if (kspace.rank() != 4 || kspace.elements() == 0)
        throw DataError(file_.where("kspace"), "has shape " + kspace.str() + " where [slice, coil, y, x] is needed", prepare);
    if (!file_.is_complex("kspace")) throw DataError(file_.where("kspace"), "is not complex", prepare);
    layout_.slices = kspace[0], layout_.coils = kspace[1], layout_.height = kspace[2], layout_.width = kspace[3];
    check_maps();
    layout_.target = check_images("target", true);
    layout_.rss = check_images("reconstruction_rss", false);
    layout_.truth = check_images("truth", true);
    check_mask();
}

void DatasetFile::check_maps() const {
    if (!file_.is_dataset("maps")) throw DataError(path().string(), "has no coil sensitivities ('maps')", prepare);
    if (!file_.is_complex("maps")) throw DataError(file_.where("maps"), "is not complex", prepare);
    const Shape needed{slices(), coils(), height(), width()};
    Shape found = file_.shape("maps");
    if (found.rank() == 5) {
        if (found[4] != 1)
            throw DataError(file_.where("maps"), fmt::format("holds {} sets of maps", found[4]),
                            "estimate one set with `gleam prepare`");
        found = Shape{found[0], found[1], found[2], found[3]};
    }
    if (!(found == needed))
        throw DataError(file_.where("maps"), fmt::format("has shape {} where k-space has {}", found.str(), needed.str()),
                        prepare);
}

// Whether there is a data set of this name; if so it has to be [slice, y, x].
bool DatasetFile::check_images(const std::string& name, bool complex) const {
    if (!file_.is_dataset(name)) return false;
    const Shape needed{slices(), height(), width()}, found = file_.shape(name);
    if (file_.is_complex(name) != complex)
        throw DataError(file_.where(name), complex ? "is not complex" : "is complex where magnitudes are needed", prepare);
    if (!(found == needed))
        throw DataError(file_.where(name), fmt::format("has shape {} where {} fits k-space", found.str(), needed.str()), prepare);
    return true;
}

void DatasetFile::check_mask() {
    if (!file_.is_dataset("mask")) return;
    const Shape found = file_.shape("mask");
    layout_.mask = true;
    layout_.mask_per_slice = found == Shape{slices(), height(), width()};
    if (!layout_.mask_per_slice && !(found == Shape{height(), width()}))
        throw DataError(file_.where("mask"),
                        fmt::format("has shape {} where [{}, {}] or [{}, {}, {}] fits k-space", found.str(), height(), width(),
                                    slices(), height(), width()),
                        prepare);
}

SliceData DatasetFile::read_slice(std::int64_t slice) const {
    if (slice < 0 || slice >= slices())
        throw DataError(path().string(), fmt::format("has no slice {}", slice), fmt::format("slices are 0 to {}", slices() - 1));
    const Shape many{coils(), height(), width()}, one{height(), width()};
    SliceData data;
    data.kspace = read_one<std::complex<float>>(file_, "kspace", slice, many);
    data.maps = read_one<std::complex<float>>(file_, "maps", slice, many);
    if (layout_.target) data.target = read_one<std::complex<float>>(file_, "target", slice, one);
    if (layout_.truth) data.truth = read_one<std::complex<float>>(file_, "truth", slice, one);
    if (layout_.rss) data.rss = read_one<float>(file_, "reconstruction_rss", slice, one);
    if (layout_.mask) {
        data.mask = layout_.mask_per_slice ? read_one<float>(file_, "mask", slice, one) : file_.read<float>("mask");
        require_finite(file_.where("mask"), data.mask);
    }
    return data;
}

std::map<std::string, std::string> DatasetFile::provenance() const {
    std::map<std::string, std::string> found;
    for (const std::string& name : file_.attributes())
        if (const auto text = file_.attribute_text("/", name)) found[name] = *text;
    return found;
}

}  // namespace gleam::data
