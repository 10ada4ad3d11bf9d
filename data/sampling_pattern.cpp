#include "data/sampling_pattern.hpp"

#include <algorithm>

namespace gleam::data {
namespace {

bool has_holes(const RealArray& sampled) {
    const Shape& shape = sampled.shape;
    Shape first = shape, last = shape;
    for (int axis = 0; axis < shape.rank(); ++axis) last[axis] = -1;
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < sampled.elements(); ++i) {
        if (sampled[i] == 0) continue;
        ++count;
        std::int64_t rest = i;
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            const std::int64_t at = rest % shape[axis];
            rest /= shape[axis];
            first[axis] = std::min(first[axis], at), last[axis] = std::max(last[axis], at);
        }
    }
    std::int64_t box = 1;
    for (int axis = 0; axis < shape.rank(); ++axis) box *= last[axis] - first[axis] + 1;
    return count > 0 && count < box;
}

}  // namespace

RealArray sampled_points(const ComplexArray& kspace) {
    Shape shape = kspace.shape;
    const std::int64_t coils = shape[2], points = shape[3] * shape[4] * shape[5];
    shape[2] = 1;
    RealArray sampled(shape);
    for (std::int64_t i = 0; i < kspace.elements(); ++i)
        if (kspace[i] != 0.0F) sampled[i / (coils * points) * points + i % points] = 1;
    return sampled;
}

SamplingPattern sampling_pattern(const KspaceFile& file, bool all_slices) {
    SamplingPattern found;
    found.sampled = RealArray(file.layout().rss_shape());
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
