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
#include "data/waves.hpp"

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

// Pixels that fold in from beyond each end of x.
std::int64_t folded(const SimulateOptions& options) { return options.sets == 2 ? options.width * 5 / 16 : 0; }

// The matrix of the object, and its layout with one set: larger than the field of view when there are two.
DatasetLayout object_layout(const SimulateOptions& options) {
    DatasetLayout layout = layout_of(options);
    layout.width += 2 * folded(options);
    layout.sets = 1;
    return layout;
}

ComplexArray object_maps(const SimulateOptions& options, std::uint32_t index) {
    const DatasetLayout object = object_layout(options);
    Philox random(options.seed, Purpose::coils, 0, index);
    const Shape matrix =
        object.physics == Physics::volume ? Shape{object.depth, object.height, object.width} : Shape{object.height, object.width};
    ComplexArray maps = make_coil_maps(options.coils, matrix, random);
    maps.shape = object.maps_shape();
    return maps;
}

// The two sets of one pixel, made orthonormal; see simulate.hpp.
struct TwoSets {
    std::complex<float> overlap = 0;  // <s_1, s_2>
    float norm = 0;                   // of what is left of s_2; 0: there is no second set

    TwoSets(const std::complex<float>* s1, const std::complex<float>* s2, std::int64_t coils, std::int64_t stride) {
        std::complex<double> inner = 0;
        for (std::int64_t c = 0; c < coils; ++c)
            inner += std::conj(std::complex<double>(s1[c * stride])) * std::complex<double>(s2[c * stride]);
        const double left = 1 - std::norm(inner);
        overlap = std::complex<float>(inner);
        norm = left > 1e-4 ? static_cast<float>(std::sqrt(left)) : 0;
    }
};

// Folds object and maps of the large matrix into the field of view: truth and maps of two sets.
void fold(const ComplexArray& object, const ComplexArray& maps, const SimulateOptions& options, SliceData& sample) {
    const DatasetLayout layout = layout_of(options);
    const std::int64_t m = folded(options), width = layout.width, large = width + 2 * m, coils = layout.coils;
    const std::int64_t rows = layout.depth * layout.height, images = layout.frames * rows;
    sample.truth = ComplexArray(layout.image_shape());
    sample.maps = ComplexArray(layout.maps_shape());
    for (std::int64_t x = 0; x < width; ++x) {
        // Beyond the left end of the object's matrix lies what folds in on the right, and the other way round.
        const std::int64_t inside = x + m, beyond = x < m ? inside + width : inside - width;
        const bool two = beyond >= 0 && beyond < large;
        for (std::int64_t row = 0; row < rows; ++row) {
            const auto *s1 = maps.data() + row * large + inside, *s2 = maps.data() + row * large + beyond;
            const TwoSets sets(s1, two ? s2 : s1, coils, rows * large);
            for (std::int64_t c = 0; c < coils; ++c) {
                auto* out = sample.maps.data() + ((c * rows + row) * width + x) * 2;
                out[0] = s1[c * rows * large];
                if (two && sets.norm > 0) out[1] = (s2[c * rows * large] - sets.overlap * out[0]) / sets.norm;
            }
            for (std::int64_t i = row; i < images; i += rows) {
                auto* out = sample.truth.data() + (i * width + x) * 2;
                out[0] = object[i * large + inside];
                if (two) out[0] += sets.overlap * object[i * large + beyond], out[1] = sets.norm * object[i * large + beyond];
            }
        }
    }
}

// Coils, k-space, noise and target of a given object.
SliceData acquire(ComplexArray object, const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations) {
    const DatasetLayout layout = layout_of(options);
    SliceData sample;
    if (options.sets == 1) {
        sample.truth = std::move(object);
        sample.truth.shape = layout.image_shape();
        sample.maps = object_maps(options, index);
    } else {
        fold(object, object_maps(options, index), options, sample);
    }
    sample.kspace = ComplexArray(layout.kspace_shape());
    sample.target = ComplexArray(layout.image_shape());

    Arena workspace("simulation");
    workspace.serve_on_demand(operations.allocator());
    const Tensor kspace = sample.kspace.view(), maps = sample.maps.view();
    operations.coil_expand(sample.truth.view(), maps, kspace);
    operations.fft(kernels::FftDirection::forward, layout.fourier_rank(), kspace, workspace);
    add_noise(sample.kspace, options.noise, Philox(options.seed, Purpose::noise, 0, index));

    ComplexArray back = sample.kspace;
    operations.fft(kernels::FftDirection::inverse, layout.fourier_rank(), back.view(), workspace);
    operations.coil_combine(back.view(), maps, sample.target.view());
    return sample;
}

void check_sizes(const SimulateOptions& options) {
    auto positive = [](const char* name, std::int64_t value) {
        if (value < 1) throw ConfigError(name, fmt::format("is {}", value), "give a positive number");
    };
    positive("slices", options.slices);
    positive("height", options.height);
    positive("width", options.width);
    positive("depth", options.depth);
    positive("frames", options.frames);
    positive("coils", options.coils);
    positive("sets", options.sets);
    if (options.depth > 1 && options.physics != Physics::volume)
        throw ConfigError("depth", fmt::format("is {}", options.depth), "only the physics 3d has it");
    if (options.frames > 1 && options.physics != Physics::dynamic)
        throw ConfigError("frames", fmt::format("is {}", options.frames), "only the physics 2d+t has them");
    if (options.sets > 2) throw ConfigError("sets", fmt::format("is {}", options.sets), "1 or 2 sets of maps are simulated");
    if (options.sets == 2 && (options.coils < 2 || options.width < 8))
        throw ConfigError("sets", fmt::format("2 with {} coils and a width of {}", options.coils, options.width),
                          "two sets need two coils and a width of 8");
}

}  // namespace

void check(const SimulateOptions& options) {
    check_sizes(options);
    if (!(options.noise >= 0) || !std::isfinite(options.noise))
        throw ConfigError("noise", fmt::format("is {}", options.noise), "give 0 or a positive number, such as 0.01");
    try {
        // k-space twice, maps, and as much again while transforming
        checked_bytes("simulation",
                      Shape{options.coils, options.frames, options.depth, options.height, options.width, options.sets},
                      4 * sizeof(std::complex<float>));
    } catch (const DataError&) {
        throw ConfigError("frames, depth, height, width, coils",
                          fmt::format("{} x {} x {} x {} pixels with {} coils do not fit into memory", options.frames,
                                      options.depth, options.height, options.width, options.coils),
                          "give smaller numbers");
    }
}

DatasetLayout layout_of(const SimulateOptions& options) {
    DatasetLayout layout{options.slices, options.coils, options.height, options.width};
    layout.target = layout.truth = true;
    layout.physics = options.physics;
    layout.frames = options.frames, layout.depth = options.depth, layout.sets = options.sets;
    return layout;
}

SliceData simulate_slice(const SimulateOptions& options, std::uint32_t index, kernels::Operations& operations) {
    check(options);
    return acquire(make_phantom(object_layout(options), options.seed, index), options, index, operations);
}

SliceData simulate_slice_from(const RealArray& magnitude, const SimulateOptions& options, std::uint32_t index,
                              kernels::Operations& operations) {
    check(options);
    if (options.physics == Physics::dynamic || options.sets != 1)
        throw ConfigError("image", "cannot be made into frames or two sets of maps", "simulate these with phantoms");
    Shape needed{options.height, options.width};
    if (options.physics == Physics::volume) needed = {options.depth, options.height, options.width};
    if (!(magnitude.shape == needed))
        throw DataError("image", fmt::format("is {}, not {}", magnitude.shape.str(), needed.str()), "fit it to the matrix first");
    require_finite("image", magnitude);
    const auto [least, most] = std::minmax_element(magnitude.values.begin(), magnitude.values.end());
    if (*least < 0) throw DataError("image", "holds negative numbers", "give magnitudes");
    if (*most == 0) throw DataError("image", "is zero everywhere", "choose a slice that shows something");
    std::vector<float> phase;
    for (std::int64_t z = 0; z < options.depth; ++z) {
        Philox random(options.seed, Purpose::phantom, 0, index);
        const auto plane = make_phase(options.height, options.width, random, fov_position(z, options.depth));
        phase.insert(phase.end(), plane.begin(), plane.end());
    }
    return acquire(complex_image(magnitude.shape, magnitude.values, phase), options, index, operations);
}

}  // namespace gleam::data
