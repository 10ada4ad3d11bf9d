// Small data sets of any physics: a textured object seen by smooth coils of unit norm, without noise, so that target = truth.
#pragma once

#include <algorithm>

#include "core/philox.hpp"
#include "data/dataset_file.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::test {

// A layout with target, truth and RSS. Sizes that the physics lacks are 1.
inline data::DatasetLayout small_layout(data::Physics physics, std::int64_t samples = 2, std::int64_t sets = 1) {
    data::DatasetLayout layout;
    layout.physics = physics, layout.slices = samples, layout.coils = 4, layout.sets = sets;
    layout.height = 30, layout.width = 24, layout.target = layout.truth = layout.rss = true;
    if (physics == data::Physics::volume) layout.depth = 18;
    if (physics == data::Physics::dynamic) layout.frames = 3;
    return layout;
}

namespace detail {

// Coil sensitivities [C, E] of one pixel at (z, y, x) in [-1, 1]: unit norm over the coils, sets orthogonal to one another.
inline std::vector<std::complex<double>> pixel_maps(std::int64_t coils, std::int64_t sets, double z, double y, double x) {
    std::vector<std::complex<double>> maps(static_cast<std::size_t>(coils * sets));
    for (std::int64_t e = 0; e < sets; ++e) {
        const auto at = [&](std::int64_t c, std::int64_t set) -> std::complex<double>& {
            return maps[static_cast<std::size_t>(c * sets + set)];
        };
        for (std::int64_t c = 0; c < coils; ++c) {
            const double angle =
                6.283185307179586 * static_cast<double>(c) / static_cast<double>(coils) + 0.7 * static_cast<double>(e);
            const double dy = y - 1.3 * std::sin(angle), dx = x - 1.3 * std::cos(angle), dz = z - (c % 2 ? 0.6 : -0.6);
            at(c, e) =
                std::polar(std::exp(-0.6 * (dy * dy + dx * dx + dz * dz)), angle + 0.8 * dx * dy + static_cast<double>(e * c));
        }
        for (std::int64_t f = 0; f < e; ++f) {
            std::complex<double> overlap = 0;
            for (std::int64_t c = 0; c < coils; ++c) overlap += std::conj(at(c, f)) * at(c, e);
            for (std::int64_t c = 0; c < coils; ++c) at(c, e) -= overlap * at(c, f);
        }
        double norm = 0;
        for (std::int64_t c = 0; c < coils; ++c) norm += std::norm(at(c, e));
        for (std::int64_t c = 0; c < coils; ++c) at(c, e) /= std::sqrt(norm);
    }
    return maps;
}

}  // namespace detail

// Sample `number` of such a data set.
inline data::SliceData physics_sample(const data::DatasetLayout& layout, std::int64_t number, kernels::Operations& ops) {
    data::SliceData s;
    s.kspace = ComplexArray(layout.kspace_shape());
    s.maps = ComplexArray(layout.maps_shape());
    s.target = ComplexArray(layout.image_shape());
    s.rss = RealArray(layout.rss_shape());
    const std::int64_t pixels = layout.depth * layout.height * layout.width, sets = layout.sets, coils = layout.coils;
    const auto place = [](std::int64_t i, std::int64_t n) {
        return (2 * static_cast<double>(i) + 1) / static_cast<double>(n) - 1;
    };
    for (std::int64_t p = 0; p < pixels; ++p) {
        const double z = place(p / layout.width / layout.height, layout.depth),
                     y = place(p / layout.width % layout.height, layout.height), x = place(p % layout.width, layout.width);
        const auto maps = detail::pixel_maps(coils, sets, z, y, x);
        for (std::int64_t i = 0; i < coils * sets; ++i)
            s.maps[(i / sets * pixels + p) * sets + i % sets] = std::complex<float>(maps[static_cast<std::size_t>(i)]);
        for (std::int64_t t = 0; t < layout.frames; ++t) {
            const double beat = 0.08 * static_cast<double>(t + number);
            const double r = z * z + y * y / (0.7 + beat) + x * x / 0.7, inner = (y - 0.2) * (y - 0.2) + x * x + z * z;
            for (std::int64_t e = 0; e < sets; ++e) {
                const double magnitude =
                    r > 0.8 ? 0 : (inner < 0.1 + beat ? 1.0 : 0.5) * (e ? 0.3 : 1) + 0.05 * std::sin(9 * y + 5 * x);
                s.target[(t * pixels + p) * sets + e] = std::complex<float>(std::polar(magnitude, 0.5 * x - 0.3 * y + 0.2 * z));
            }
            double energy = 0;
            for (std::int64_t c = 0; c < coils; ++c) {
                std::complex<double> sum = 0;
                for (std::int64_t e = 0; e < sets; ++e)
                    sum += maps[static_cast<std::size_t>(c * sets + e)] *
                           std::complex<double>(s.target[(t * pixels + p) * sets + e]);
                s.kspace[(t * coils + c) * pixels + p] = std::complex<float>(sum);
                energy += std::norm(sum);
            }
            s.rss[t * pixels + p] = static_cast<float>(std::sqrt(energy));
        }
    }
    s.truth = s.target;
    Arena workspace("physics");
    workspace.serve_on_demand(ops.allocator());
    ops.fft(kernels::FftDirection::forward, layout.fourier_rank(), s.kspace.view(), workspace);
    return s;
}

inline void write_physics(const fs::path& path, const data::DatasetLayout& layout) {
    const auto ops = kernels::make_cpu_operations();
    data::DatasetWriter writer(path, layout);
    for (std::int64_t i = 0; i < layout.slices; ++i) writer.write_slice(i, physics_sample(layout, i, *ops));
    writer.commit();
}

}  // namespace gleam::test
