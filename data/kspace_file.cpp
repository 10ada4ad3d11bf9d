#include "data/kspace_file.hpp"

#include <fmt/format.h>

namespace gleam::data {
namespace {

// How k-space may be stored.
std::string layouts(Physics physics) {
    const std::string all = kspace_axes(physics);
    std::string text = fmt::format("k-space is [{}] or [{}] in {}", all, all.substr(all.find(',') + 2), name_of(physics));
    return physics == Physics::planar ? text + "; volumes and frames need --physics 3d or 2d+t" : text;
}

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

KspaceFile::KspaceFile(const fs::path& path, Physics physics) : path_(path) {
    layout_.physics = physics;
    is_cfl(path) ? open_cfl() : open_hdf5();
}

void KspaceFile::open_hdf5() {
    hdf5_.emplace(path_);
    const std::string where = hdf5_->where("kspace");
    const Shape shape = hdf5_->shape("kspace");  // says what the file holds when there is none
    if (!hdf5_->is_complex("kspace")) throw DataError(where, "is not complex", "store complex64, a compound of r and i");
    const int rank = layout_.physics == Physics::planar ? 4 : 5;
    if (shape.rank() != rank && shape.rank() != rank - 1)
        throw DataError(where, "has shape " + shape.str(), layouts(layout_.physics));
    const bool single_coil = shape.rank() == 3 && first_axis_is_slices(shape);
    samples_first_ = shape.rank() == rank || single_coil;
    layout_.slices = samples_first_ ? shape[0] : 1;
    layout_.height = shape[-2], layout_.width = shape[-1];
    layout_.coils = single_coil ? 1 : layout_.physics == Physics::volume ? shape[-4] : shape[-3];
    if (layout_.physics == Physics::volume) layout_.depth = shape[-3];
    if (layout_.physics == Physics::dynamic) layout_.frames = shape[-4];
    check_sizes(where, shape);
    check_mask();
    check_rss();
}

void KspaceFile::check_sizes(const std::string& where, const Shape& kspace) const {
    const auto refuse = [&](const char* what) {
        throw DataError(where, fmt::format("has no {}, shape {}", what, kspace.str()), layouts(layout_.physics));
    };
    if (layout_.slices < 1) refuse("slices");
    if (layout_.frames < 1) refuse("frames");
    if (layout_.coils < 1) refuse("coils");
    if (layout_.depth < 1 || layout_.height < 1 || layout_.width < 1) refuse("points");
}

void KspaceFile::check_rss() {
    if (layout_.physics != Physics::planar || !hdf5_->is_dataset("reconstruction_rss")) return;
    const Shape rss = hdf5_->shape("reconstruction_rss");
    has_rss_ = true;
    if (rss.elements() == 0 || !((rss.rank() == 3 && rss[0] == slices()) || (rss.rank() == 2 && slices() == 1)))
        throw DataError(hdf5_->where("reconstruction_rss"),
                        fmt::format("has shape {} for {} slices of k-space", rss.str(), slices()),
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

// In the order of preference where axes of length 1 leave a choice; what they mean is the same then.
std::vector<std::pair<KspaceFile::Mask, Shape>> KspaceFile::possible_masks() const {
    const DatasetLayout& l = layout_;
    switch (l.physics) {
        case Physics::volume:
            return {{Mask::sample, {l.depth, l.height, l.width}},
                    {Mask::samples, {l.slices, l.depth, l.height, l.width}},
                    {Mask::plane, {l.depth, l.height}}};
        case Physics::dynamic:
            return {{Mask::plane, {l.height, l.width}},
                    {Mask::sample, {l.frames, l.height, l.width}},
                    {Mask::samples, {l.slices, l.frames, l.height, l.width}},
                    {Mask::columns, {l.width}}};
        default:
            return {
                {Mask::plane, {l.height, l.width}}, {Mask::samples, {l.slices, l.height, l.width}}, {Mask::columns, {l.width}}};
    }
}

void KspaceFile::check_mask() {
    if (!hdf5_->is_dataset("mask")) return;
    const Shape stored = hdf5_->shape("mask");
    std::string fitting;
    for (const auto& [kind, shape] : possible_masks()) {
        if (mask_ == Mask::none && squeezed(stored) == squeezed(shape)) mask_ = kind;
        fitting += (fitting.empty() ? "" : ", ") + shape.str();
    }
    if (mask_ == Mask::none)
        throw DataError(hdf5_->where("mask"), fmt::format("has shape {}; what fits k-space is one of {}", stored.str(), fitting),
                        "correct the mask or leave it out");
    if (mask_ == Mask::samples && stored[0] != slices())
        throw DataError(hdf5_->where("mask"), "has shape " + stored.str(), "slices come first");
    layout_.mask = true;
    layout_.mask_per_slice = mask_ == Mask::samples;
    if (mask_ == Mask::sample || mask_ == Mask::samples) layout_.mask_frames = layout_.frames;
}

void KspaceFile::open_cfl() {
    cfl_ = read_cfl_header(path_);
    fs::path name = cfl_->base;
    name += ".hdr";
    const std::string where = name.string();
    const bool dynamic = layout_.physics == Physics::dynamic;
    std::int64_t known = dynamic ? cfl_->size(CflAxis::time) : 1;
    for (CflAxis axis : {CflAxis::readout, CflAxis::phase1, CflAxis::phase2, CflAxis::coil, CflAxis::slice})
        known *= cfl_->size(axis);
    if (known != cfl_->elements())
        throw DataError(where,
                        fmt::format("has more than readout, two phase encodings, coils (dimension 3){} and slices (dimension 13)",
                                    dynamic ? ", frames (dimension 10)" : ""),
                        dynamic ? "extract one map set and echo with `bart slice`"
                                : "extract one map set, echo and time with `bart slice`; frames need --physics 2d+t");
    const std::int64_t readout = cfl_->size(CflAxis::readout), phase1 = cfl_->size(CflAxis::phase1),
                       phase2 = cfl_->size(CflAxis::phase2);
    layout_.coils = cfl_->size(CflAxis::coil), layout_.slices = cfl_->size(CflAxis::slice);
    if (dynamic) layout_.frames = cfl_->size(CflAxis::time);
    if (layout_.physics == Physics::volume) {
        layout_.depth = phase2, layout_.height = phase1, layout_.width = readout;
        return;
    }
    if (readout > 1 && phase1 > 1 && phase2 > 1)
        throw DataError(
            where, fmt::format("holds three-dimensional k-space, {} x {} x {}", readout, phase1, phase2),
            "use --physics 3d, or transform along the readout (`bart fft -i 1`) and extract slices with `bart slice`");
    layout_.height = readout > 1 ? readout : phase1;
    layout_.width = readout > 1 && phase1 > 1 ? phase1 : phase2;
}

void KspaceFile::require_slice(std::int64_t slice) const {
    if (slice < 0 || slice >= slices())
        throw DataError(path_.string(), fmt::format("has no slice {}", slice), fmt::format("slices are 0 to {}", slices() - 1));
}

// A volume lies as in memory. In planes y is the faster axis in the file, x the faster one in memory.
ComplexArray KspaceFile::read_cfl_slice(std::int64_t slice) const {
    const Shape shape = layout_.kspace_shape();
    const std::int64_t count = shape.elements(), plane = height() * width();
    ComplexArray stored = read_cfl_elements(*cfl_, slice * count, count);
    if (layout_.physics == Physics::volume) return stored;
    ComplexArray array = allocate<std::complex<float>>(path_.string(), shape);
    for (std::int64_t first = 0; first < count; first += plane)
        for (std::int64_t y = 0; y < height(); ++y)
            for (std::int64_t x = 0; x < width(); ++x) array[first + y * width() + x] = stored[first + x * height() + y];
    return array;
}

ComplexArray KspaceFile::read_slice(std::int64_t slice) const {
    require_slice(slice);
    ComplexArray array;
    if (cfl_)
        array = read_cfl_slice(slice);
    else
        array =
            samples_first_ ? hdf5_->read<std::complex<float>>("kspace", slice, 1) : hdf5_->read<std::complex<float>>("kspace");
    array.shape = layout_.kspace_shape();
    const std::string where = cfl_ ? cfl_->base.string() + ".cfl" : hdf5_->where("kspace");
    require_finite(fmt::format("{}, slice {}", where, slice), array);
    return array;
}

std::optional<RealArray> KspaceFile::mask(std::int64_t slice) const {
    require_slice(slice);
    if (mask_ == Mask::none) return std::nullopt;
    const RealArray stored = mask_ == Mask::samples ? hdf5_->read<float>("mask", slice, 1) : hdf5_->read<float>("mask");
    require_finite(hdf5_->where("mask"), stored);
    RealArray mask = allocate<float>(hdf5_->where("mask"), layout_.mask_shape());
    const bool along_x = layout_.physics == Physics::volume && mask_ == Mask::plane;  // [z, y], the same for all x
    for (std::int64_t i = 0; i < mask.elements(); ++i)
        mask[i] = stored[along_x ? i / width() : i % stored.elements()] != 0 ? 1.0F : 0.0F;
    return mask;
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
