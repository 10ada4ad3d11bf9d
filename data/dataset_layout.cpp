#include "data/dataset_layout.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace gleam::data {
namespace {

constexpr std::pair<Physics, const char*> kinds[] = {
    {Physics::planar, "2d"}, {Physics::volume, "3d"}, {Physics::dynamic, "2d+t"}};

}  // namespace

std::string name_of(Physics physics) {
    for (const auto& [value, name] : kinds)
        if (value == physics) return name;
    return "?";
}

Physics physics_of(std::string_view name) {
    for (const auto& [value, text] : kinds)
        if (text == name) return value;
    throw ConfigError("physics", fmt::format("'{}' is not known", name), "use 2d, 3d or 2d+t");
}

Shape DatasetLayout::stored(std::int64_t samples, std::int64_t frames_there, bool coil_axis) const {
    Shape shape;
    if (samples > 0) shape.append(samples);
    if (physics == Physics::dynamic && frames_there > 0) shape.append(frames_there);
    if (coil_axis) shape.append(coils);
    if (physics == Physics::volume) shape.append(depth);
    shape.append(height);
    shape.append(width);
    return shape;
}

std::string kspace_axes(Physics physics) {
    if (physics == Physics::volume) return "volume, coil, z, y, x";
    return physics == Physics::dynamic ? "slice, frame, coil, y, x" : "slice, coil, y, x";
}

}  // namespace gleam::data
