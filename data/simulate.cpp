#include "data/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/philox.hpp"
#include "data/checks.hpp"
#include "data/coils.hpp"
#include "data/phantom.hpp"

namespace gleam::data {
namespace {

void add_noise(ComplexArray& kspace, double deviation, Philox random) {
    if (deviation == 0) return;
    const double part = deviation / std::sqrt(2.0);  // of the real and of the imaginary part
    for (auto& k : kspace.values) {
        const double re = random.normal();
        const double im = random.normal();
        k += std::complex<float>(static_cast<float>(part * re), static_cast<float>(part * im));
    }
}

// Coils, k-space, noise and target of a given truth.
SliceData acquire(ComplexArray truth, const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations) {
    const DatasetLayout layout{1, options.coils, options.height, options.width};
    Philox coil_random(options.seed, Purpose::coils, 0, index);
    SliceData slice;
    slice.truth = std::move(truth);
    slice.truth.shape = layout.image_shape();
    slice.maps = make_coil_maps(layout.coils, layout.height, layout.width, coil_random);
    slice.maps.shape = layout.maps_shape();
    slice.kspace = ComplexArray(layout.kspace_shape());
    slice.target = ComplexArray(layout.image_shape());

    Arena workspace("simulation");
    workspace.serve_on_demand(operations.allocator());
    const Tensor kspace = slice.kspace.view(), maps = slice.maps.view();
    operations.coil_expand(slice.truth.view(), maps, kspace);
    operations.fft(kernels::FftDirection::forward, layout.fourier_rank(), kspace, workspace);
    add_noise(slice.kspace, options.noise, Philox(options.seed, Purpose::noise, 0, index));

    ComplexArray back = slice.kspace;
    operations.fft(kernels::FftDirection::inverse, layout.fourier_rank(), back.view(), workspace);
    operations.coil_combine(back.view(), maps, slice.target.view());
    return slice;
}

}  // namespace

void check(const SimulateOptions& options) {
    auto positive = [](const char* name, std::int64_t value) {
        if (value < 1) throw ConfigError(name, fmt::format("is {}", value), "give a positive number");
    };
    positive("slices", options.slices);
    positive("height", options.height);
    positive("width", options.width);
    positive("coils", options.coils);
    if (!(options.noise >= 0) || !std::isfinite(options.noise))
        throw ConfigError("noise", fmt::format("is {}", options.noise), "give 0 or a positive number, such as 0.01");
    try {
        // k-space twice, maps, and as much again while transforming
        checked_bytes("simulation", Shape{options.coils, options.height, options.width}, 4 * sizeof(std::complex<float>));
    } catch (const DataError&) {
        throw ConfigError(
            "height, width, coils",
            fmt::format("{} x {} pixels with {} coils do not fit into memory", options.height, options.width, options.coils),
            "give smaller numbers");
    }
}

SliceData simulate_slice(const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations) {
    check(options);
    return acquire(make_phantom(options.height, options.width, options.seed, index), options, index, operations);
}

SliceData simulate_slice_from(const RealArray& magnitude, const SimulateOptions& options, std::uint32_t index,
                              kernels::Operations& operations) {
    check(options);
    if (!(magnitude.shape == Shape{options.height, options.width}))
        throw DataError("image", fmt::format("is {}, not [{}, {}]", magnitude.shape.str(), options.height, options.width),
                        "fit it to the matrix first");
    require_finite("image", magnitude);
    const auto [least, most] = std::minmax_element(magnitude.values.begin(), magnitude.values.end());
    if (*least < 0) throw DataError("image", "holds negative numbers", "give magnitudes");
    if (*most == 0) throw DataError("image", "is zero everywhere", "choose a slice that shows something");
    Philox random(options.seed, Purpose::phantom, 0, index);
    const auto phase = make_phase(options.height, options.width, random);
    return acquire(complex_image(options.height, options.width, magnitude.values, phase), options, index, operations);
}

}  // namespace gleam::data
