#include "data/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/normalize.hpp"

namespace gleam::data {
namespace {

double acceleration_of(const RealArray& mask) {
    const double sampled = std::accumulate(mask.values.begin(), mask.values.end(), 0.0);
    return sampled > 0 ? static_cast<double>(mask.elements()) / sampled : 0;
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

Sample Samples::read(std::int64_t index, std::uint32_t epoch, kernels::Operations& ops, Arena& workspace) const {
    const std::int64_t number = slice(index);
    SliceData data = file_.read_slice(number);
    Sample s;
    s.maps = std::move(data.maps);
    s.target = std::move(data.target);
    s.rss = std::move(data.rss);
    const DatasetLayout& layout = file_.layout();
    if (mask_) {
        s.mask = sample_mask(*mask_, layout, epoch, static_cast<std::uint32_t>(number));
    } else if (!data.mask.empty()) {
        s.mask = std::move(data.mask);
    } else {
        s.mask = RealArray(layout.mask_shape());
        s.mask.values.assign(s.mask.values.size(), 1.0F);
    }
    s.acceleration = acceleration_of(s.mask);

    s.zero_filled = ComplexArray(layout.image_shape());
    const Tensor coils = data.kspace.view();
    ops.mask_multiply(s.mask.view(), coils);
    ops.fft(kernels::FftDirection::inverse, layout.fourier_rank(), coils, workspace);
    ops.coil_combine(coils, s.maps.view(), s.zero_filled.view());
    s.scale = percentile_scale(s.zero_filled);
    const auto by = static_cast<float>(1 / s.scale);
    for (ComplexArray* a : {&s.zero_filled, &s.target})
        for (auto& v : a->values) v *= by;
    return s;
}

}  // namespace gleam::data
