#include "data/espirit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "data/checks.hpp"
#include "data/espirit_calibration.hpp"

namespace gleam::data {
namespace {

constexpr int iteration_limit = 1000;  // some tens are usual
constexpr std::int64_t coil_limit = 256;
constexpr std::int64_t matrices_together = 131072;  // entries of all pairs of coils

Extent matrix_of(const Shape& kspace) { return {kspace[3], kspace[4], kspace[5]}; }

void check(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options) {
    const Shape& s = kspace.shape;
    if (s.rank() != 6 || s[0] != 1 || kspace.empty())
        throw ShapeError("espirit", "k-space " + s.str() + " is not [1, frame, coil, z, y, x]");
    if (mask && !(mask->shape == Shape{1, s[1], 1, s[3], s[4], s[5]} || mask->shape == Shape{1, 1, 1, s[3], s[4], s[5]}))
        throw ShapeError("espirit", "mask " + mask->shape.str() + " does not fit k-space " + s.str());
    if (options.sets < 1 || options.sets > s[2])
        throw ConfigError("espirit.sets", fmt::format("{} sets of maps are asked for", options.sets),
                          fmt::format("with {} coils it must be 1 to {}", s[2], s[2]));
    if (options.kernel < 1 || options.kernel > 32)
        throw ConfigError("espirit.kernel", fmt::format("is {}", options.kernel), "it must be 1 to 32");
    if (options.calibration < 2 * options.kernel - 1)
        throw ConfigError("espirit.calibration",
                          fmt::format("{} points are too few for a kernel of {}", options.calibration, options.kernel),
                          fmt::format("use at least {}, or a smaller kernel", 2 * options.kernel - 1));
    if (!(options.threshold >= 0 && options.threshold < 1))
        throw ConfigError("espirit.threshold", fmt::format("is {}", options.threshold), "it must be at least 0 and below 1");
    if (!(options.crop >= 0 && options.crop < 1))
        throw ConfigError("espirit.crop", fmt::format("is {}", options.crop), "it must be at least 0 and below 1");
    if (s[2] > coil_limit)
        throw DataError("coil maps", fmt::format("{} coils are more than the {} that maps are made for", s[2], coil_limit),
                        "compress the coils first");
    if (s[3] == 1 && std::min(s[4], s[5]) < options.calibration)
        throw DataError(
            "coil maps",
            fmt::format("k-space of {} x {} points is smaller than the calibration block of {}", s[4], s[5], options.calibration),
            "use a smaller espirit.calibration");
}

// "24 x 24", or "16 x 24 x 24" of a volume
std::string sizes(const Extent& e) {
    return (e[0] > 1 ? fmt::format("{} x ", e[0]) : std::string()) + fmt::format("{} x {}", e[1], e[2]);
}

void require_block(const Extent& matrix, const Extent& block, int kernel) {
    for (std::size_t axis = 0; axis < 3; ++axis)
        if (block[axis] < 2 * kernel - 1 && (axis > 0 || matrix[0] > 1))
            throw DataError("coil maps",
                            fmt::format("only {} points at the centre of k-space are fully sampled; a kernel of {} needs {}",
                                        sizes(block), kernel, 2 * kernel - 1),
                            "use a smaller espirit.kernel or bring maps with the data");
}

// e^{2 pi i lag (p - n/2) / n} for lags around 0 and all points p of an axis; split into re and im, [lag, p], rows padded with
// zeros to whole tiles.
struct Waves {
    static constexpr std::int64_t tile = 32;

    Waves(std::int64_t lags, std::int64_t n)
        : stride((n + tile - 1) / tile * tile), re(static_cast<std::size_t>(lags * stride)), im(re.size()) {
        for (std::int64_t lag = 0; lag < lags; ++lag)
            for (std::int64_t p = 0; p < n; ++p) {
                const double turns = static_cast<double>((lag - lags / 2) * (p - n / 2) % n) / static_cast<double>(n);
                re[static_cast<std::size_t>(lag * stride + p)] = static_cast<float>(std::cos(6.283185307179586 * turns));
                im[static_cast<std::size_t>(lag * stride + p)] = static_cast<float>(std::sin(6.283185307179586 * turns));
            }
    }
    std::complex<float> at(std::int64_t lag, std::int64_t p) const {
        const auto i = static_cast<std::size_t>(lag * stride + p);
        return {re[i], im[i]};
    }
    // sum over lags of values[lag] e^{...} at p
    std::complex<float> sum(const std::complex<float>* values, std::int64_t lags, std::int64_t p) const {
        float re_sum = 0, im_sum = 0;
        for (std::int64_t lag = 0; lag < lags; ++lag) {
            const std::complex<float> w = at(lag, p), v = values[lag];
            re_sum += v.real() * w.real() - v.imag() * w.imag();
            im_sum += v.real() * w.imag() + v.imag() * w.real();
        }
        return {re_sum, im_sum};
    }

    std::int64_t stride;
    std::vector<float> re, im;
};

// The matrices G of some rows of the image, as Operations::leading_eigenvectors wants them: W's transform, one axis at a time.
class RowMatrices {
public:
    RowMatrices(const CouplingKernel& w, const Extent& matrix)
        : w_(w),
          pairs_(w.coils * (w.coils + 1) / 2),
          width_(matrix[2]),
          along_z_(w.lags[0], matrix[0]),
          along_y_(w.lags[1], matrix[1]),
          along_x_(w.lags[2], width_),
          plane_(static_cast<std::size_t>(pairs_ * w.lags[2] * w.lags[1])) {}

    void enter_plane(std::int64_t z) {
#pragma omp parallel for schedule(static)
        for (std::size_t i = 0; i < plane_.size(); ++i)
            plane_[i] = along_z_.sum(w_.values.data() + static_cast<std::int64_t>(i) * w_.lags[0], w_.lags[0], z);
    }

    // Of the plane entered: out [pair, row, x]
    void fill(std::int64_t first_row, std::int64_t rows, std::complex<float>* out) const {
#pragma omp parallel
        {
            std::vector<std::complex<float>> sums(static_cast<std::size_t>(w_.lags[2]));
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < pairs_ * rows; ++i) {
                const std::complex<float>* lags = plane_.data() + i / rows * w_.lags[2] * w_.lags[1];
                for (std::int64_t lx = 0; lx < w_.lags[2]; ++lx)
                    sums[static_cast<std::size_t>(lx)] = along_y_.sum(lags + lx * w_.lags[1], w_.lags[1], first_row + i % rows);
                sum_over_x(sums, out + i * width_);
            }
        }
    }

private:
    void sum_over_x(const std::vector<std::complex<float>>& sums, std::complex<float>* out) const {
        for (std::int64_t first = 0; first < width_; first += Waves::tile) {
            std::array<float, Waves::tile> re{}, im{};
            const float *wr = along_x_.re.data() + first, *wi = along_x_.im.data() + first;
            for (const auto& sum : sums) {
                const float sr = sum.real(), si = sum.imag();
                for (std::size_t x = 0; x < Waves::tile; ++x) {
                    re[x] += sr * wr[x] - si * wi[x];
                    im[x] += sr * wi[x] + si * wr[x];
                }
                wr += along_x_.stride, wi += along_x_.stride;
            }
            for (std::size_t x = 0; x < Waves::tile && first + static_cast<std::int64_t>(x) < width_; ++x)
                out[first + static_cast<std::int64_t>(x)] = {re[x], im[x]};
        }
    }

    const CouplingKernel& w_;
    std::int64_t pairs_, width_;
    Waves along_z_, along_y_, along_x_;
    std::vector<std::complex<float>> plane_;  // [pair, lag_x, lag_y]
};

// What makes maps of eigenvectors.
struct MapRule {
    const std::vector<std::complex<float>>& reference;
    float crop;
    std::int64_t sets;
};

// Of one point: turns the eigenvector's phase to the reference and stores it where the eigenvalue says that there is signal.
void store(const std::complex<float>* vector, std::int64_t stride, float value, const MapRule& rule, std::int64_t set,
           std::int64_t point, CoilMaps& out) {
    const std::int64_t coils = out.maps.shape[2], sets = rule.sets, step = out.eigenvalues.elements();
    out.eigenvalues[point * sets + set] = value;
    if (!(value > rule.crop)) return;
    std::complex<float>* map = out.maps.data() + point * sets + set;
    for (std::int64_t c = 0; c < coils; ++c) map[c * step] = vector[c * stride];
    // Eigenvalues that are nearly equal leave their vectors a little oblique.
    for (std::int64_t s = 0; s < set; ++s) {
        const std::complex<float>* other = map - set + s;
        std::complex<float> inner = 0;
        for (std::int64_t c = 0; c < coils; ++c) inner += std::conj(other[c * step]) * map[c * step];
        for (std::int64_t c = 0; c < coils; ++c) map[c * step] -= inner * other[c * step];
    }
    std::complex<float> seen = 0;
    float norm2 = 0;
    for (std::int64_t c = 0; c < coils; ++c) {
        seen += std::conj(rule.reference[static_cast<std::size_t>(c)]) * map[c * step];
        norm2 += std::norm(map[c * step]);
    }
    const float size = std::abs(seen);
    std::complex<float> turn = size > 0 ? std::conj(seen) / size : 1.0F;
    if (set > 0) turn = norm2 > 0.25F ? turn / std::sqrt(norm2) : 0.0F;
    for (std::int64_t c = 0; c < coils; ++c) map[c * step] *= turn;
}

// Coil images whose place maps take, some points at a time: these are copied first, and combined by the maps afterwards.
class ReplacedImages {
public:
    ReplacedImages(ComplexArray& maps, ComplexArray& combined) : maps_(maps), combined_(combined), coils_(maps.shape[2]) {}

    void begin(std::int64_t first, std::int64_t points, std::complex<float> map) {
        images_.resize(static_cast<std::size_t>(coils_ * points));
        for (std::int64_t c = 0; c < coils_; ++c) {
            std::complex<float>* place = maps_.data() + c * combined_.elements() + first;
            std::copy_n(place, points, images_.data() + c * points);
            std::fill_n(place, points, map);
        }
    }
    void end(std::int64_t first, std::int64_t points) {
#pragma omp parallel for schedule(static)
        for (std::int64_t i = 0; i < points; ++i)
            for (std::int64_t c = 0; c < coils_; ++c)
                combined_[first + i] +=
                    std::conj(maps_[c * combined_.elements() + first + i]) * images_[static_cast<std::size_t>(c * points + i)];
    }

private:
    ComplexArray &maps_, &combined_;
    std::int64_t coils_;
    std::vector<std::complex<float>> images_;
};

// A few rows at a time: their matrices stay in the cache.
void solve_all(const CouplingKernel& w, const Extent& matrix, const MapRule& rule, kernels::Operations& ops, CoilMaps& out,
               ReplacedImages* images) {
    const std::int64_t height = matrix[1], width = matrix[2], coils = w.coils, pairs = coils * (coils + 1) / 2;
    RowMatrices row_matrices(w, matrix);
    const std::int64_t together = std::clamp<std::int64_t>(matrices_together / (pairs * width), 1, height);
    ComplexArray all_matrices(Shape{pairs * together * width}), all_vectors(Shape{coils * together * width});
    RealArray all_values(Shape{together * width});
    for (std::int64_t z = 0; z < matrix[0]; ++z) {
        row_matrices.enter_plane(z);
        for (std::int64_t y = 0; y < height; y += together) {
            const std::int64_t rows = std::min(together, height - y), points = rows * width, first = (z * height + y) * width;
            const Tensor matrices = view_of(all_matrices.data(), Shape{pairs, points});
            const Tensor vectors = view_of(all_vectors.data(), Shape{coils, points});
            const Tensor values = view_of(all_values.data(), Shape{points});
            row_matrices.fill(y, rows, all_matrices.data());
            if (images) images->begin(first, points, 0);
            for (std::int64_t set = 0; set < rule.sets; ++set) {
                if (set > 0) ops.deflate(vectors, values, matrices);
                ops.leading_eigenvectors(iteration_limit, matrices, vectors, values);
#pragma omp parallel for schedule(static)
                for (std::int64_t i = 0; i < points; ++i)
                    store(all_vectors.data() + i, points, all_values[i], rule, set, first + i, out);
            }
            if (images) images->end(first, points);
        }
    }
}

}  // namespace

Espirit::Espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops)
    : options_(options), ops_(ops) {
    if (ops.device().kind != DeviceKind::cpu) throw InternalError("espirit", "needs the operations of the CPU");
    check(kspace, mask, options);
    require_finite("coil maps: k-space", kspace);
    const Extent matrix = matrix_of(kspace.shape);
    const std::int64_t coils = kspace.shape[2];
    calibration_ = mask ? sampled_centre(*mask, options.calibration) : options.calibration;
    require_block(matrix, block_of(matrix, calibration_), options.kernel);
    const auto block = calibration_block(kspace, mask, calibration_);
    maps_shape_ = {1, 1, coils, matrix[0], matrix[1], matrix[2]};
    no_signal_ = std::all_of(block.values.begin(), block.values.end(), [](auto v) { return v == 0.0; });
    if (no_signal_ || coils == 1) return;
    kernel_ = coupling_kernel(block, options.kernel, options.threshold);
    reference_.resize(static_cast<std::size_t>(coils));
    reference_[0] = 1;
    if (options.phase == PhaseReference::principal) reference_ = principal_coil(block);
}

// Where there is no kernel, maps are 0 or, for a single coil, 1.
CoilMaps Espirit::without_values() const {
    CoilMaps out;
    out.calibration = calibration_, out.no_signal = no_signal_;
    out.maps.shape = maps_shape_, out.eigenvalues.shape = {maps_shape_[3], maps_shape_[4], maps_shape_[5]};
    if (options_.sets > 1) out.maps.shape.append(options_.sets), out.eigenvalues.shape.append(options_.sets);
    const bool ones = !no_signal_ && maps_shape_[2] == 1;
    out.eigenvalues.values.resize(static_cast<std::size_t>(out.eigenvalues.shape.elements()), ones ? 1.0F : 0.0F);
    return out;
}

CoilMaps Espirit::maps() const {
    CoilMaps out = without_values();
    const bool ones = !no_signal_ && maps_shape_[2] == 1;
    out.maps.values.resize(static_cast<std::size_t>(out.maps.shape.elements()), ones ? 1.0F : 0.0F);
    const MapRule rule{reference_, static_cast<float>(options_.crop), options_.sets};
    if (kernel_.coils > 0) solve_all(kernel_, matrix_of(maps_shape_), rule, ops_, out, nullptr);
    return out;
}

CoilMaps Espirit::maps_in_place_of(ComplexArray images, ComplexArray& combined) const {
    if (options_.sets != 1 || !(images.shape == maps_shape_))
        throw ShapeError("espirit", "images " + images.shape.str() + " have not the shape of one set of maps");
    CoilMaps out = without_values();
    out.maps = std::move(images);
    ReplacedImages replaced(out.maps, combined);
    if (kernel_.coils > 0) {
        const MapRule rule{reference_, static_cast<float>(options_.crop), 1};
        solve_all(kernel_, matrix_of(maps_shape_), rule, ops_, out, &replaced);
        return out;
    }
    const std::int64_t width = maps_shape_[5];
    for (std::int64_t first = 0; first < combined.elements(); first += width) {
        replaced.begin(first, width, no_signal_ ? 0.0F : 1.0F);
        replaced.end(first, width);
    }
    return out;
}

CoilMaps espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops) {
    return Espirit(kspace, mask, options, ops).maps();
}

}  // namespace gleam::data
