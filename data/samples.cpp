#include "data/samples.hpp"

#include <fmt/format.h>

#include <numeric>

#include "data/normalize.hpp"

namespace gleam::data {
namespace {

// The size of a batch of one: [C, Y, X] -> [1, 1, C, 1, Y, X].
Shape six_axes(const Shape& s) { return Shape{1, 1, s.rank() == 3 ? s[0] : 1, 1, s[-2], s[-1]}; }

double acceleration_of(const RealArray& mask) {
    const double sampled = std::accumulate(mask.values.begin(), mask.values.end(), 0.0);
    return sampled > 0 ? static_cast<double>(mask.elements()) / sampled : 0;
}

}  // namespace

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
    const Shape image{file_.height(), file_.width()};
    if (mask_) {
        s.mask = make_mask(*mask_, image[0], image[1], epoch, static_cast<std::uint32_t>(number)).values;
    } else if (!data.mask.empty()) {
        s.mask = std::move(data.mask);
    } else {
        s.mask = RealArray(image);
        s.mask.values.assign(s.mask.values.size(), 1.0F);
    }
    s.acceleration = acceleration_of(s.mask);

    s.zero_filled = ComplexArray(image);
    const Tensor coils = data.kspace.view(six_axes(data.kspace.shape));
    ops.mask_multiply(s.mask.view(six_axes(image)), coils);
    ops.fft(kernels::FftDirection::inverse, 2, coils, workspace);
    ops.coil_combine(coils, s.maps.view(six_axes(s.maps.shape)), s.zero_filled.view(six_axes(image)));
    s.scale = percentile_scale(s.zero_filled);
    const auto by = static_cast<float>(1 / s.scale);
    for (ComplexArray* a : {&s.zero_filled, &s.target})
        for (auto& v : a->values) v *= by;
    return s;
}

}  // namespace gleam::data
