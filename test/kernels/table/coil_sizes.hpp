// Sizes of images, maps, k-space and masks, for rows about coils.
#pragma once

#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {

struct CoilSizes {
    std::int64_t batch, frames, coils, z, y, x, sets;
    bool one_map = false;

    Shape per_pixel(std::int64_t t, std::int64_t c) const {
        Shape s{batch, t, c, z, y, x};
        if (sets > 1) s.append(sets);
        return s;
    }
    Shape image() const { return per_pixel(frames, 1); }
    Shape maps() const { return per_pixel(one_map ? 1 : frames, coils); }
    Shape kspace() const { return {batch, frames, coils, z, y, x}; }
    std::int64_t pixels() const { return z * y * x; }
    std::int64_t map_entry(std::int64_t i) const { return one_map ? i / frames : i; }
    std::string text() const {
        return fmt::format("{} x {} frames, {} coils of {} x {} x {}, {} sets{}", batch, frames, coils, z, y, x, sets,
                           one_map ? ", one map" : "");
    }
};

// Which axes t, z, y, x the mask varies along.
struct MaskSizes {
    CoilSizes k;
    bool t, z, y, x;

    Shape shape() const { return {k.batch, t ? k.frames : 1, 1, z ? k.z : 1, y ? k.y : 1, x ? k.x : 1}; }
    std::string text() const { return fmt::format("{}, mask {}", k.text(), shape().str()); }
    // Which number of the mask belongs to a pixel of k-space.
    std::int64_t at(std::int64_t n, std::int64_t frame, std::int64_t iz, std::int64_t iy, std::int64_t ix) const {
        const Shape s = shape();
        return (((n * s[1] + frame % s[1]) * s[3] + iz % s[3]) * s[4] + iy % s[4]) * s[5] + ix % s[5];
    }
};

}  // namespace gleam::test
