#include "data/kspace_file.hpp"

#include <fmt/format.h>

namespace gleam::data {
namespace {

constexpr const char* layouts = "k-space is [slice, coil, y, x] or [coil, y, x]";

bool is_cfl(const fs::path& path) {
    const fs::path extension = path.extension();
    if (extension == ".cfl" || extension == ".hdr") return true;
    fs::path header = path;
    header += ".hdr";
    return !fs::exists(path) && fs::exists(header);
}

// Without axes of length 1.
Shape squeezed(const Shape& shape) {
    Shape result;
    for (std::int64_t n : shape)
        if (n != 1) result.append(n);
    return result;
}

}  // namespace

KspaceFile::KspaceFile(const fs::path& path) : path_(path) { is_cfl(path) ? open_cfl() : open_hdf5(); }

void KspaceFile::open_hdf5() {
    hdf5_.emplace(path_);
    const std::string where = hdf5_->where("kspace");
    const Shape shape = hdf5_->shape("kspace");  // says what the file holds when there is none
    if (!hdf5_->is_complex("kspace")) throw DataError(where, "is not complex", "store complex64, a compound of r and i");
    if (shape.rank() != 3 && shape.rank() != 4) throw DataError(where, "has shape " + shape.str(), layouts);
    single_coil_ = shape.rank() == 3 && first_axis_is_slices(shape);
    slices_ = shape.rank() == 4 || single_coil_ ? shape[0] : 1;
    coils_ = single_coil_ ? 1 : shape[-3];
    height_ = shape[-2], width_ = shape[-1];
    if (slices_ < 1) throw DataError(where, "has no slices, shape " + shape.str(), layouts);
    if (coils_ < 1) throw DataError(where, "has no coils, shape " + shape.str(), layouts);
    if (height_ < 1 || width_ < 1) throw DataError(where, "has no points, shape " + shape.str(), layouts);
    check_mask();
    if (!hdf5_->is_dataset("reconstruction_rss")) return;
    const Shape rss = hdf5_->shape("reconstruction_rss");
    has_rss_ = true;
    if (rss.elements() == 0 || !((rss.rank() == 3 && rss[0] == slices_) || (rss.rank() == 2 && slices_ == 1)))
        throw DataError(hdf5_->where("reconstruction_rss"),
                        fmt::format("has shape {} for {} slices of k-space", rss.str(), slices_),
                        "store [slice, y, x] or leave it out");
}

bool KspaceFile::first_axis_is_slices(const Shape& kspace) const {
    for (const char* name : {"reconstruction_rss", "reconstruction_esc"}) {
        if (!hdf5_->is_dataset(name)) continue;
        const Shape images = hdf5_->shape(name);
        if (images.rank() == 3 && images[0] > 1 && images[0] == kspace[0]) return true;
    }
    return false;
}

void KspaceFile::check_mask() {
    if (!hdf5_->is_dataset("mask")) return;
    const Shape stored = hdf5_->shape("mask"), shape = squeezed(stored);
    if (shape == squeezed({height_, width_}))
        mask_ = Mask::plane;
    else if (shape == squeezed({slices_, height_, width_}))
        mask_ = Mask::slices;
    else if (shape == squeezed({width_}))
        mask_ = Mask::columns;
    else
        throw DataError(hdf5_->where("mask"),
                        fmt::format("has shape {} where [{}], [{}, {}] or [{}, {}, {}] fits k-space", stored.str(), width_,
                                    height_, width_, slices_, height_, width_),
                        "correct the mask or leave it out");
    if (mask_ == Mask::slices && stored[0] != slices_)
        throw DataError(hdf5_->where("mask"), "has shape " + stored.str(), "slices come first");
}

void KspaceFile::open_cfl() {
    cfl_ = read_cfl_header(path_);
    fs::path name = cfl_->base;
    name += ".hdr";
    const std::string where = name.string();
    std::int64_t known = 1;
    for (CflAxis axis : {CflAxis::readout, CflAxis::phase1, CflAxis::phase2, CflAxis::coil, CflAxis::slice})
        known *= cfl_->size(axis);
    if (known != cfl_->elements())
        throw DataError(where, "has more than readout, two phase encodings, coils (dimension 3) and slices (dimension 13)",
                        "extract one map set, echo and time with `bart slice`");
    const std::int64_t readout = cfl_->size(CflAxis::readout), phase1 = cfl_->size(CflAxis::phase1),
                       phase2 = cfl_->size(CflAxis::phase2);
    if (readout > 1 && phase1 > 1 && phase2 > 1)
        throw DataError(where, fmt::format("holds three-dimensional k-space, {} x {} x {}", readout, phase1, phase2),
                        "transform along the readout (`bart fft -i 1`) and extract slices with `bart slice`");
    height_ = readout > 1 ? readout : phase1;
    width_ = readout > 1 && phase1 > 1 ? phase1 : phase2;
    coils_ = cfl_->size(CflAxis::coil), slices_ = cfl_->size(CflAxis::slice);
}

void KspaceFile::require_slice(std::int64_t slice) const {
    if (slice < 0 || slice >= slices_)
        throw DataError(path_.string(), fmt::format("has no slice {}", slice), fmt::format("slices are 0 to {}", slices_ - 1));
}

// y is the faster axis in the file, x the faster one in memory.
ComplexArray KspaceFile::read_cfl_slice(std::int64_t slice) const {
    const std::int64_t plane = height_ * width_, count = coils_ * plane;
    const ComplexArray stored = read_cfl_elements(*cfl_, slice * count, count);
    ComplexArray array = allocate<std::complex<float>>(path_.string(), {coils_, height_, width_});
    for (std::int64_t coil = 0; coil < coils_; ++coil)
        for (std::int64_t y = 0; y < height_; ++y)
            for (std::int64_t x = 0; x < width_; ++x)
                array[coil * plane + y * width_ + x] = stored[coil * plane + x * height_ + y];
    return array;
}

ComplexArray KspaceFile::read_slice(std::int64_t slice) const {
    require_slice(slice);
    ComplexArray array;
    if (cfl_) {
        array = read_cfl_slice(slice);
    } else {
        const bool slices_first = hdf5_->shape("kspace").rank() == 4 || single_coil_;
        array = slices_first ? hdf5_->read<std::complex<float>>("kspace", slice, 1) : hdf5_->read<std::complex<float>>("kspace");
    }
    array.shape = Shape{coils_, height_, width_};
    const std::string where = cfl_ ? cfl_->base.string() + ".cfl" : hdf5_->where("kspace");
    require_finite(fmt::format("{}, slice {}", where, slice), array);
    return array;
}

std::optional<RealArray> KspaceFile::mask(std::int64_t slice) const {
    require_slice(slice);
    if (mask_ == Mask::none) return std::nullopt;
    const RealArray stored = mask_ == Mask::slices ? hdf5_->read<float>("mask", slice, 1) : hdf5_->read<float>("mask");
    require_finite(hdf5_->where("mask"), stored);
    RealArray plane = allocate<float>(hdf5_->where("mask"), {height_, width_});
    for (std::int64_t i = 0; i < plane.elements(); ++i) plane[i] = stored[i % stored.elements()] != 0 ? 1.0F : 0.0F;
    return plane;
}

std::optional<RealArray> KspaceFile::rss(std::int64_t slice) const {
    require_slice(slice);
    if (!has_rss_) return std::nullopt;
    const Shape shape = hdf5_->shape("reconstruction_rss");
    RealArray image =
        shape.rank() == 3 ? hdf5_->read<float>("reconstruction_rss", slice, 1) : hdf5_->read<float>("reconstruction_rss");
    image.shape = Shape{shape[-2], shape[-1]};
    require_finite(fmt::format("{}, slice {}", hdf5_->where("reconstruction_rss"), slice), image);
    return image;
}

std::optional<std::string> KspaceFile::ismrmrd_header() const {
    if (!hdf5_ || !hdf5_->is_dataset("ismrmrd_header")) return std::nullopt;
    return hdf5_->read_string("ismrmrd_header");
}

std::map<std::string, std::string> KspaceFile::attributes() const {
    std::map<std::string, std::string> found;
    if (!hdf5_) return found;
    for (const std::string& name : hdf5_->attributes())
        if (const auto text = hdf5_->attribute_text("/", name)) found[name] = *text;
    return found;
}

}  // namespace gleam::data
