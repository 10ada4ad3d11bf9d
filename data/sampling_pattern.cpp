#include "data/sampling_pattern.hpp"

#include <algorithm>

namespace gleam::data {
namespace {

bool has_holes(const RealArray& sampled) {
    const std::int64_t height = sampled.shape[0], width = sampled.shape[1];
    std::int64_t top = height, bottom = -1, left = width, right = -1, count = 0;
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            if (sampled[y * width + x] == 0) continue;
            top = std::min(top, y), bottom = std::max(bottom, y);
            left = std::min(left, x), right = std::max(right, x);
            ++count;
        }
    return count > 0 && count < (bottom - top + 1) * (right - left + 1);
}

}  // namespace

RealArray sampled_points(const ComplexArray& kspace) {
    RealArray sampled(Shape{kspace.shape[1], kspace.shape[2]});
    for (std::int64_t c = 0; c < kspace.shape[0]; ++c)
        for (std::int64_t i = 0; i < sampled.elements(); ++i)
            if (kspace.slice(c)[i] != 0.0F) sampled[i] = 1;
    return sampled;
}

SamplingPattern sampling_pattern(const KspaceFile& file, bool all_slices) {
    SamplingPattern found;
    found.sampled = RealArray(Shape{file.height(), file.width()});
    RealArray first;
    for (std::int64_t s = 0; s < file.slices(); ++s) {
        const RealArray one = sampled_points(file.read_slice(s));
        if (std::find(one.values.begin(), one.values.end(), 1.0F) == one.values.end()) continue;
        if (first.empty()) first = one;
        found.same_in_all = found.same_in_all && one.values == first.values;
        for (std::int64_t i = 0; i < one.elements(); ++i) found.sampled[i] = std::max(found.sampled[i], one[i]);
        found.zeros = std::count(found.sampled.values.begin(), found.sampled.values.end(), 0.0F);
        if (!all_slices && found.zeros == 0) break;
    }
    found.zeros = std::count(found.sampled.values.begin(), found.sampled.values.end(), 0.0F);
    found.holes = has_holes(found.sampled);
    return found;
}

}  // namespace gleam::data
