#include "data/normalize.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace gleam::data {

double percentile_scale(const ComplexArray& image) {
    std::vector<float> magnitudes;
    magnitudes.reserve(image.values.size());
    for (const auto& v : image.values) magnitudes.push_back(std::abs(v));
    if (magnitudes.empty()) return 1;
    const auto top = std::max<std::ptrdiff_t>(1, std::lround(0.05 * static_cast<double>(magnitudes.size())));
    std::nth_element(magnitudes.begin(), magnitudes.begin() + (top - 1), magnitudes.end(), std::greater<>());
    const double scale = magnitudes[static_cast<std::size_t>(top - 1)];
    return scale > 0 ? scale : 1;
}

}  // namespace gleam::data
