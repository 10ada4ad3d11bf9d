#include "data/sample_maps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "core/error.hpp"
#include "data/checks.hpp"
#include "data/espirit_calibration.hpp"
#include "data/masks.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::data {
namespace {

struct Plane {
    ComplexArray kspace;  // [coil, y, x]
    RealArray mask;       // [y, x]; empty: sampled everywhere

    CoilMaps maps(const EspiritOptions& options, kernels::Operations& ops) const {
        return espirit(kspace, mask.empty() ? nullptr : &mask, options, ops);
    }
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

// The calibration blocks of all sections across x, [section][coil, side, side]: the central lines of k-space, transformed along
// x.
std::vector<Array<std::complex<double>>> section_blocks(const ComplexArray& kspace, int side, kernels::Operations& ops) {
    const Shape& s = kspace.shape;
    const std::int64_t coils = s[2], width = s[5], top = central_begin(s[3], side), left = central_begin(s[4], side);
    ComplexArray lines(Shape{1, 1, coils * side * side, 1, 1, width});
    for (std::int64_t c = 0; c < coils; ++c)
        for (std::int64_t z = 0; z < side; ++z)
            for (std::int64_t y = 0; y < side; ++y)
                std::copy_n(kspace.data() + ((c * s[3] + top + z) * s[4] + left + y) * width, width,
                            lines.data() + ((c * side + z) * side + y) * width);
    Arena workspace("coil maps");
    workspace.serve_on_demand(ops.allocator());
    ops.fft(kernels::FftDirection::inverse, 2, lines.view(), workspace);
    std::vector<Array<std::complex<double>>> blocks;
    for (std::int64_t x = 0; x < width; ++x) {
        auto& block = blocks.emplace_back(Shape{coils, side, side});
        for (std::int64_t i = 0; i < block.elements(); ++i) block[i] = lines[i * width + x];
    }
    return blocks;
}

double norm(const Array<std::complex<double>>& block) {
    double sum = 0;
    for (const auto& value : block.values) sum += std::norm(value);
    return std::sqrt(sum);
}

// What the sections have to agree on: the phase reference, and the singular values that count, relative to the strongest
// section. Its largest singular value is taken as the norm of its patches, which hold every point k^2 times.
EspiritOptions shared_options(const std::vector<Array<std::complex<double>>>& blocks, EspiritOptions options) {
    const std::int64_t coils = blocks[0].shape[0], sections = static_cast<std::int64_t>(blocks.size());
    const std::int64_t side = blocks[0].shape[1], points = side * side;
    Array<std::complex<double>> all(Shape{coils, sections, side, side});
    double strongest = 0;
    for (std::int64_t x = 0; x < sections; ++x) {
        const auto& block = blocks[static_cast<std::size_t>(x)];
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

// Sections are independent of one another: every thread takes some that are neighbours, so that what it writes is too.
SampleMaps maps_of_volume(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options,
                          kernels::Operations& ops) {
    const Shape& s = kspace.shape;
    const RealArray lines = mask ? sampled_lines(*mask) : RealArray();
    require_finite("coil maps: k-space", kspace);
    const int wanted = std::min<int>(options.calibration, static_cast<int>(std::min(s[3], s[4])));
    const int side = mask ? sampled_centre(lines, wanted) : wanted;
    if (side < 1) {  // says what is wrong
        espirit_of_block(Array<std::complex<double>>(Shape{s[2], 0, 0}), s[3], s[4], options, ops);
    }
    const auto blocks = section_blocks(kspace, side, ops);
    const EspiritOptions shared = shared_options(blocks, options);
    SampleMaps out{ComplexArray(maps_shape(s, options.sets)), side, true};
    const std::int64_t rows = s[2] * s[3] * s[4], sets = options.sets, width = s[5];
    const std::int64_t together = std::clamp<std::int64_t>(width / (4 * kernels::thread_count()), 1, 8);
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t first = 0; first < width; first += together) try {
            const std::int64_t last = std::min(first + together, width);
            const auto own = kernels::make_cpu_operations();
            std::vector<CoilMaps> found;
            for (std::int64_t x = first; x < last; ++x)
                found.push_back(espirit_of_block(blocks[static_cast<std::size_t>(x)], s[3], s[4], shared, *own));
            for (std::int64_t row = 0; row < rows; ++row)
                for (std::int64_t x = first; x < last; ++x)
                    for (std::int64_t e = 0; e < sets; ++e)
                        out.maps[(row * width + x) * sets + e] = found[static_cast<std::size_t>(x - first)].maps.slice(e)[row];
            const bool nothing = std::all_of(found.begin(), found.end(), [](const CoilMaps& maps) { return maps.no_signal; });
#pragma omp critical
            out.no_signal = out.no_signal && nothing;
        } catch (...) {
#pragma omp critical
            failure = std::current_exception();
        }
    if (failure) std::rethrow_exception(failure);
    return out;
}

}  // namespace

SampleMaps sample_maps(const ComplexArray& kspace, const RealArray* mask, Physics physics, const EspiritOptions& options,
                       kernels::Operations& ops) {
    if (ops.device().kind != DeviceKind::cpu) throw InternalError("sample_maps", "needs the operations of the CPU");
    if (physics == Physics::volume) return maps_of_volume(kspace, mask, options, ops);
    const CoilMaps found = average(kspace, mask).maps(options, ops);
    SampleMaps out{ComplexArray(maps_shape(kspace.shape, options.sets)), found.calibration, found.no_signal};
    const std::int64_t sets = options.sets, points = found.maps.elements() / sets;
    for (std::int64_t i = 0; i < out.maps.elements(); ++i) out.maps[i] = found.maps[i % sets * points + i / sets];
    return out;
}

}  // namespace gleam::data
