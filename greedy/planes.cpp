#include "greedy/planes.hpp"

#include <cmath>

namespace gleam::greedy {

RealArray magnitudes(const ComplexArray& image) {
    const Shape& s = image.shape;
    const std::int64_t sets = s.rank() == 7 ? s[6] : 1;
    RealArray out(Shape{s[0], s[1], s[2], s[3], s[4], s[5]});
    for (std::int64_t i = 0; i < out.elements(); ++i) {
        if (sets == 1) {
            out[i] = std::abs(image[i]);
            continue;
        }
        double sum = 0;
        for (std::int64_t e = 0; e < sets; ++e) sum += std::norm(std::complex<double>(image[i * sets + e]));
        out[i] = static_cast<float>(std::sqrt(sum));
    }
    return out;
}

RealArray middle_plane(const RealArray& image) {
    const Shape& s = image.shape;
    RealArray plane(Shape{s[4], s[5]});
    std::copy_n(image.data() + (s[1] / 2 * s[3] + s[3] / 2) * plane.elements(), plane.elements(), plane.data());
    return plane;
}

RealArray middle_mask(const RealArray& mask) {
    const Shape& s = mask.shape;
    if (s[3] == 1) return middle_plane(mask);
    RealArray plane(Shape{s[3], s[4]});
    for (std::int64_t i = 0; i < plane.elements(); ++i) plane[i] = mask[i * s[5] + s[5] / 2];
    return plane;
}

std::string sample_name(data::Physics physics, std::int64_t count) {
    if (physics == data::Physics::dynamic) return "series";
    return std::string(physics == data::Physics::volume ? "volume" : "slice") + (count == 1 ? "" : "s");
}

}  // namespace gleam::greedy
