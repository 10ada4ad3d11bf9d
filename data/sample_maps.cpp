#include "data/sample_maps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "data/espirit_calibration.hpp"

namespace gleam::data {
namespace {

struct Plane {
    ComplexArray kspace;  // [coil, y, x]
    RealArray mask;       // [y, x]; empty: sampled everywhere

    CoilMaps maps(const EspiritOptions& options) const { return espirit(kspace, mask.empty() ? nullptr : &mask, options); }
};

// The slice, or the average of its frames.
Plane average(const ComplexArray& kspace, const RealArray* mask) {
    const Shape& s = kspace.shape;
    const std::int64_t frames = s[1], coils = s[2], points = s[4] * s[5];
    Plane plane{ComplexArray(Shape{coils, s[4], s[5]}), {}};
    RealArray count(Shape{s[4], s[5]});
    for (std::int64_t t = 0; t < frames; ++t)
        for (std::int64_t i = 0; i < points; ++i) {
            if (mask && (*mask)[(mask->shape[1] == 1 ? 0 : t * points) + i] == 0) continue;
            count[i] += 1;
            for (std::int64_t c = 0; c < coils; ++c) plane.kspace[c * points + i] += kspace[(t * coils + c) * points + i];
        }
    for (std::int64_t i = 0; i < plane.kspace.elements(); ++i)
        if (count[i % points] > 1) plane.kspace[i] /= count[i % points];
    if (mask) {
        plane.mask = count;
        for (float& m : plane.mask.values) m = m > 0 ? 1.0F : 0.0F;
    }
    return plane;
}

// Which lines along x a volume has, [z, y].
RealArray sampled_lines(const RealArray& mask) {
    const std::int64_t width = mask.shape[5];
    RealArray lines(Shape{mask.shape[3], mask.shape[4]});
    for (std::int64_t i = 0; i < mask.elements(); ++i)
        if (mask[i] != 0) lines[i / width] = 1;
    for (std::int64_t x = 0; x < width; ++x) {
        std::int64_t there = 0, missing = 0;
        for (std::int64_t line = 0; line < lines.elements(); ++line)
            if (lines[line] != 0) ++(mask[line * width + x] != 0 ? there : missing);
        if (there > 0 && missing > 0)
            throw DataError("coil maps",
                            fmt::format("{} of {} lines along x, the readout of a volume, are not sampled at x = {}", missing,
                                        lines.elements(), x),
                            "in 3d the sampled points have to be whole lines; check the order of the axes");
    }
    return lines;
}

// Section `x` across the lines of [1, 1, C, Z, Y, X].
ComplexArray section(const ComplexArray& hybrid, std::int64_t x) {
    const Shape& s = hybrid.shape;
    ComplexArray plane(Shape{s[2], s[3], s[4]});
    for (std::int64_t i = 0; i < plane.elements(); ++i) plane[i] = hybrid[i * s[5] + x];
    return plane;
}

double norm(const Array<std::complex<double>>& block) {
    double sum = 0;
    for (const auto& value : block.values) sum += std::norm(value);
    return std::sqrt(sum);
}

// What the sections have to agree on: the phase reference, and the singular values that count, relative to the strongest
// section. Its largest singular value is taken as the norm of its patches, which hold every point k^2 times.
EspiritOptions shared_options(const ComplexArray& hybrid, const RealArray* lines, EspiritOptions options) {
    const Shape& s = hybrid.shape;
    const int wanted = std::min<int>(options.calibration, static_cast<int>(std::min(s[3], s[4])));
    const int side = lines ? sampled_centre(*lines, wanted) : wanted;
    if (side < 1) return options;  // espirit() says what is wrong
    const std::int64_t coils = s[2], points = std::int64_t{side} * side;
    Array<std::complex<double>> all(Shape{coils, s[5], side, side});
    double strongest = 0;
    for (std::int64_t x = 0; x < s[5]; ++x) {
        const auto block = calibration_block(section(hybrid, x), side);
        strongest = std::max(strongest, norm(block));
        for (std::int64_t c = 0; c < coils; ++c) std::copy_n(block.slice(c), points, all.slice(c) + x * points);
    }
    options.floor = options.threshold * strongest * options.kernel;
    if (options.phase == PhaseReference::principal && strongest > 0) options.reference = principal_coil(all);
    return options;
}

Shape maps_shape(const Shape& kspace, int sets) {
    Shape shape{1, 1, kspace[2], kspace[3], kspace[4], kspace[5]};
    if (sets > 1) shape.append(sets);
    return shape;
}

SampleMaps maps_of_volume(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options,
                          kernels::Operations& ops) {
    const Shape& s = kspace.shape;
    const RealArray lines = mask ? sampled_lines(*mask) : RealArray();
    ComplexArray hybrid = kspace;
    Arena workspace("coil maps");
    workspace.serve_on_demand(ops.allocator());
    ops.fft(kernels::FftDirection::inverse, 2, hybrid.view({1, 1, s[2] * s[3] * s[4], 1, 1, s[5]}), workspace);
    const EspiritOptions shared = shared_options(hybrid, mask ? &lines : nullptr, options);
    SampleMaps out{ComplexArray(maps_shape(s, options.sets)), options.calibration, true};
    const std::int64_t rows = s[2] * s[3] * s[4], sets = options.sets;
    for (std::int64_t x = 0; x < s[5]; ++x) {
        const CoilMaps found = Plane{section(hybrid, x), lines}.maps(shared);
        out.calibration = found.calibration;
        out.no_signal = out.no_signal && found.no_signal;
        for (std::int64_t e = 0; e < sets; ++e)
            for (std::int64_t row = 0; row < rows; ++row) out.maps[(row * s[5] + x) * sets + e] = found.maps.slice(e)[row];
    }
    return out;
}

}  // namespace

SampleMaps sample_maps(const ComplexArray& kspace, const RealArray* mask, Physics physics, const EspiritOptions& options,
                       kernels::Operations& ops) {
    if (ops.device().kind != DeviceKind::cpu) throw InternalError("sample_maps", "needs the operations of the CPU");
    if (physics == Physics::volume) return maps_of_volume(kspace, mask, options, ops);
    const CoilMaps found = average(kspace, mask).maps(options);
    SampleMaps out{ComplexArray(maps_shape(kspace.shape, options.sets)), found.calibration, found.no_signal};
    const std::int64_t sets = options.sets, points = found.maps.elements() / sets;
    for (std::int64_t i = 0; i < out.maps.elements(); ++i) out.maps[i] = found.maps[i % sets * points + i / sets];
    return out;
}

}  // namespace gleam::data
