#include "data/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/normalize.hpp"

namespace gleam::data {
namespace {

constexpr std::int64_t pieces = 16;

std::size_t complex_bytes(const Shape& shape) { return static_cast<std::size_t>(shape.elements()) * 8; }
std::size_t real_bytes(const Shape& shape) { return static_cast<std::size_t>(shape.elements()) * 4; }

double acceleration_of(const RealArray& mask) {
    const double sampled = std::accumulate(mask.values.begin(), mask.values.end(), 0.0);
    return sampled > 0 ? static_cast<double>(mask.elements()) / sampled : 0;
}

// Combines coil images [1, 1, C, Z, Y, X] with the maps of sample `number` of the file. The maps take the coil images' place,
// some planes or rows at a time: all of both would be more memory than the sample. -> the maps
ComplexArray combine_in_place(ComplexArray coils, const DatasetFile& file, std::int64_t number, kernels::Operations& ops,
                              ComplexArray& image) {
    const int axis = file.layout().physics == Physics::volume ? 3 : 4;
    const std::int64_t length = coils.shape[axis], count = coils.shape[2], points = image.elements(), inner = points / length;
    const std::int64_t step = (length + pieces - 1) / pieces;
    for (std::int64_t first = 0; first < length; first += step) {
        const ComplexArray maps = file.maps(number, first, std::min(step, length - first));
        ComplexArray part(maps.shape);
        const std::int64_t n = part.elements() / count;
        for (std::int64_t c = 0; c < count; ++c) std::copy_n(coils.data() + c * points + first * inner, n, part.data() + c * n);
        Shape combined = maps.shape;
        combined[2] = 1;
        ops.coil_combine(part.view(), maps.view(), view_of(image.data() + first * inner, combined));
        for (std::int64_t c = 0; c < count; ++c) std::copy_n(maps.data() + c * n, n, coils.data() + c * points + first * inner);
    }
    return coils;
}

}  // namespace

RealArray sample_mask(const MaskOptions& options, const DatasetLayout& layout, std::uint32_t epoch, std::uint32_t sample) {
    RealArray mask(layout.rss_shape());
    if (layout.physics == Physics::volume) {
        const RealArray plane = make_mask(options, layout.depth, layout.height, epoch, sample).values;
        for (std::int64_t i = 0; i < mask.elements(); ++i) mask[i] = plane[i / layout.width];
        return mask;
    }
    float* out = mask.data();
    for (std::int64_t t = 0; t < layout.frames; ++t) {
        const Mask one = make_mask(options, layout.height, layout.width, epoch, sample, static_cast<std::uint32_t>(t));
        out = std::copy(one.values.values.begin(), one.values.values.end(), out);
    }
    return mask;
}

Samples::Samples(const fs::path& file, std::vector<std::int64_t> slices, std::optional<MaskOptions> mask)
    : file_(file), slices_(std::move(slices)), mask_(std::move(mask)) {
    if (slices_.empty()) {
        slices_.resize(static_cast<std::size_t>(file_.slices()));
        std::iota(slices_.begin(), slices_.end(), std::int64_t{0});
    }
    for (std::int64_t s : slices_)
        if (s < 0 || s >= file_.slices())
            throw DataError(file.string(), fmt::format("has {} slices, slice {} was asked for", file_.slices(), s),
                            "correct the slices");
    if (mask_ && file_.layout().mask)
        throw DataError(file.string(), "is already undersampled, and a further mask was asked for", "use the mask type 'file'");
}

// The k-space goes before the images come: both at a time would be more memory than the sample.
Sample Samples::read(std::int64_t index, std::uint32_t epoch, kernels::Operations& ops, Arena& workspace) const {
    const std::int64_t number = slice(index);
    const DatasetLayout& layout = file_.layout();
    Sample s;
    if (mask_) {
        s.mask = sample_mask(*mask_, layout, epoch, static_cast<std::uint32_t>(number));
    } else if (s.mask = file_.mask(number); s.mask.empty()) {
        s.mask = RealArray(layout.mask_shape());
        s.mask.values.assign(s.mask.values.size(), 1.0F);
    }
    s.acceleration = acceleration_of(s.mask);

    ComplexArray kspace = file_.kspace(number);
    const Tensor coils = kspace.view();
    ops.mask_multiply(s.mask.view(), coils);
    ops.fft(kernels::FftDirection::inverse, layout.fourier_rank(), coils, workspace);
    s.zero_filled = ComplexArray(layout.image_shape());
    if (layout.maps_shape() == layout.kspace_shape() && file_.maps_in_one_piece()) {
        s.maps = combine_in_place(std::move(kspace), file_, number, ops, s.zero_filled);
    } else {
        s.maps = file_.maps(number);
        ops.coil_combine(coils, s.maps.view(), s.zero_filled.view());
    }
    kspace = {};
    s.scale = percentile_scale(s.zero_filled);
    s.target = file_.target(number);
    s.rss = file_.rss(number);
    const auto by = static_cast<float>(1 / s.scale);
    for (ComplexArray* a : {&s.zero_filled, &s.target})
        for (auto& v : a->values) v *= by;
    return s;
}

std::size_t sample_bytes(const DatasetLayout& l) {
    return complex_bytes(l.maps_shape()) + 2 * complex_bytes(l.image_shape()) + real_bytes(l.rss_shape());
}

std::size_t reading_bytes(const DatasetLayout& l) {
    const std::size_t transform = static_cast<std::size_t>(l.depth * l.height * (l.width + 16)) * 8;
    if (l.maps_shape() == l.kspace_shape()) return std::max(transform, complex_bytes(l.maps_shape()) * 2 / pieces);
    return complex_bytes(l.kspace_shape()) + transform;
}

}  // namespace gleam::data
