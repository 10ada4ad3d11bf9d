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

constexpr int iteration_limit = 100;
constexpr std::int64_t coil_limit = 256;
constexpr std::int64_t matrices_together = 131072;  // entries of all pairs of coils

void check(std::int64_t coils, std::int64_t height, std::int64_t width, const EspiritOptions& options) {
    if (options.sets < 1 || options.sets > coils)
        throw ConfigError("espirit.sets", fmt::format("{} sets of maps are asked for", options.sets),
                          fmt::format("with {} coils it must be 1 to {}", coils, coils));
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
    if (coils > coil_limit)
        throw DataError("coil maps", fmt::format("{} coils are more than the {} that maps are made for", coils, coil_limit),
                        "compress the coils first");
    if (!options.reference.empty() && static_cast<std::int64_t>(options.reference.size()) != coils)
        throw ShapeError("espirit", fmt::format("{} weights for {} coils", options.reference.size(), coils));
    if (std::min(height, width) < options.calibration)
        throw DataError("coil maps",
                        fmt::format("k-space of {} x {} points is smaller than the calibration block of {}", height, width,
                                    options.calibration),
                        "use a smaller espirit.calibration");
}

void require_side(int side, const EspiritOptions& options) {
    if (side < 2 * options.kernel - 1)
        throw DataError("coil maps",
                        fmt::format("only {} x {} points at the centre of k-space are fully sampled; a kernel of {} needs {}",
                                    side, side, options.kernel, 2 * options.kernel - 1),
                        "use a smaller espirit.kernel or bring maps with the data");
}

// e^{2 pi i lag (p - n/2) / n} for lags around 0 and all points p of an axis; split into re and im, [lag, p], rows padded with
// zeros to whole tiles.
struct Waves {
    static constexpr std::int64_t tile = 32;

    Waves(int lags, std::int64_t n)
        : stride((n + tile - 1) / tile * tile), re(static_cast<std::size_t>(lags * stride)), im(re.size()) {
        for (std::int64_t lag = 0; lag < lags; ++lag)
            for (std::int64_t p = 0; p < n; ++p) {
                const double turns = static_cast<double>((lag - lags / 2) * (p - n / 2) % n) / static_cast<double>(n);
                re[static_cast<std::size_t>(lag * stride + p)] = static_cast<float>(std::cos(6.283185307179586 * turns));
                im[static_cast<std::size_t>(lag * stride + p)] = static_cast<float>(std::sin(6.283185307179586 * turns));
            }
    }
    std::int64_t stride;
    std::vector<float> re, im;
};

// The matrices G of some rows of the image, as Operations::leading_eigenvectors wants them.
class RowMatrices {
public:
    RowMatrices(const CouplingKernel& w, std::int64_t height, std::int64_t width)
        : w_(w), width_(width), along_y_(w.lags, height), along_x_(w.lags, width) {}

    // out [pair, row, x]
    void fill(std::int64_t first_row, std::int64_t rows, std::complex<float>* out) const {
        const std::int64_t pairs = w_.coils * (w_.coils + 1) / 2;
#pragma omp parallel
        {
            std::vector<std::complex<float>> sums(static_cast<std::size_t>(w_.lags));
#pragma omp for schedule(static)
            for (std::int64_t i = 0; i < pairs * rows; ++i) {
                sum_over_y(i / rows, first_row + i % rows, sums);
                sum_over_x(sums, out + i * width_);
            }
        }
    }

private:
    // Of one row and pair, what is left to sum over the lags along x.
    void sum_over_y(std::int64_t pair, std::int64_t y, std::vector<std::complex<float>>& sums) const {
        const std::complex<float>* lag = w_.values.data() + pair * w_.lags * w_.lags;
        for (auto& sum : sums) {
            sum = 0;
            for (std::int64_t ly = 0; ly < w_.lags; ++ly, ++lag) {
                const auto at = static_cast<std::size_t>(ly * along_y_.stride + y);
                const float wr = along_y_.re[at], wi = along_y_.im[at], vr = lag->real(), vi = lag->imag();
                sum += std::complex<float>(vr * wr - vi * wi, vr * wi + vi * wr);
            }
        }
    }

    void sum_over_x(const std::vector<std::complex<float>>& sums, std::complex<float>* out) const {
        for (std::int64_t first = 0; first < width_; first += Waves::tile) {
            std::array<float, Waves::tile> re{}, im{};
            const float *wr = along_x_.re.data() + first, *wi = along_x_.im.data() + first;
            for (const auto& sum : sums) {
                for (std::size_t x = 0; x < Waves::tile; ++x) {
                    re[x] += sum.real() * wr[x] - sum.imag() * wi[x];
                    im[x] += sum.real() * wi[x] + sum.imag() * wr[x];
                }
                wr += along_x_.stride, wi += along_x_.stride;
            }
            for (std::size_t x = 0; x < Waves::tile && first + static_cast<std::int64_t>(x) < width_; ++x)
                out[first + static_cast<std::int64_t>(x)] = {re[x], im[x]};
        }
    }

    const CouplingKernel& w_;
    std::int64_t width_;
    Waves along_y_, along_x_;
};

// What makes maps of eigenvectors.
struct MapRule {
    const std::vector<std::complex<float>>& reference;
    float crop;
};

// Of one point: turns the eigenvector's phase to the reference and stores it where the eigenvalue says that there is signal.
void store(const std::complex<float>* vector, std::int64_t stride, float value, const MapRule& rule, std::int64_t set,
           std::int64_t point, CoilMaps& out) {
    const std::int64_t coils = out.maps.shape[1], points = out.maps.shape[2] * out.maps.shape[3];
    out.eigenvalues[set * points + point] = value;
    if (!(value > rule.crop)) return;
    std::complex<float>* map = out.maps.slice(set) + point;
    for (std::int64_t c = 0; c < coils; ++c) map[c * points] = vector[c * stride];
    // Eigenvalues that are nearly equal leave their vectors a little oblique.
    for (std::int64_t s = 0; s < set; ++s) {
        const std::complex<float>* other = out.maps.slice(s) + point;
        std::complex<float> inner = 0;
        for (std::int64_t c = 0; c < coils; ++c) inner += std::conj(other[c * points]) * map[c * points];
        for (std::int64_t c = 0; c < coils; ++c) map[c * points] -= inner * other[c * points];
    }
    std::complex<float> seen = 0;
    float norm2 = 0;
    for (std::int64_t c = 0; c < coils; ++c) {
        seen += std::conj(rule.reference[static_cast<std::size_t>(c)]) * map[c * points];
        norm2 += std::norm(map[c * points]);
    }
    const float size = std::abs(seen);
    std::complex<float> turn = size > 0 ? std::conj(seen) / size : 1.0F;
    if (set > 0) turn = norm2 > 0.25F ? turn / std::sqrt(norm2) : 0.0F;
    for (std::int64_t c = 0; c < coils; ++c) map[c * points] *= turn;
}

// A few rows at a time: their matrices stay in the cache.
void solve_all(const CouplingKernel& w, const MapRule& rule, kernels::Operations& ops, CoilMaps& out) {
    const std::int64_t height = out.eigenvalues.shape[1], width = out.eigenvalues.shape[2], coils = w.coils;
    const std::int64_t pairs = coils * (coils + 1) / 2;
    const RowMatrices row_matrices(w, height, width);
    const std::int64_t together = std::clamp<std::int64_t>(matrices_together / (pairs * width), 1, height);
    ComplexArray all_matrices(Shape{pairs * together * width}), all_vectors(Shape{coils * together * width});
    RealArray all_values(Shape{together * width});
    for (std::int64_t y = 0; y < height; y += together) {
        const std::int64_t rows = std::min(together, height - y), points = rows * width;
        const Tensor matrices = view_of(all_matrices.data(), Shape{pairs, points});
        const Tensor vectors = view_of(all_vectors.data(), Shape{coils, points});
        const Tensor values = view_of(all_values.data(), Shape{points});
        row_matrices.fill(y, rows, all_matrices.data());
        for (std::int64_t set = 0; set < out.maps.shape[0]; ++set) {
            if (set > 0) ops.deflate(vectors, values, matrices);
            ops.leading_eigenvectors(iteration_limit, matrices, vectors, values);
#pragma omp parallel for schedule(static)
            for (std::int64_t i = 0; i < points; ++i)
                store(all_vectors.data() + i, points, all_values[i], rule, set, y * width + i, out);
        }
    }
}

}  // namespace

CoilMaps espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options, kernels::Operations& ops) {
    if (kspace.shape.rank() != 3 || kspace.empty())
        throw ShapeError("espirit", "k-space " + kspace.shape.str() + " is not [coil, y, x]");
    if (mask && !(mask->shape == Shape{kspace.shape[1], kspace.shape[2]}))
        throw ShapeError("espirit", "mask " + mask->shape.str() + " does not fit k-space " + kspace.shape.str());
    check(kspace.shape[0], kspace.shape[1], kspace.shape[2], options);
    require_finite("coil maps: k-space", kspace);
    const int side = mask ? sampled_centre(*mask, options.calibration) : options.calibration;
    require_side(side, options);
    return espirit_of_block(calibration_block(kspace, side), kspace.shape[1], kspace.shape[2], options, ops);
}

CoilMaps espirit_of_block(const Array<std::complex<double>>& block, std::int64_t height, std::int64_t width,
                          const EspiritOptions& options, kernels::Operations& ops) {
    if (ops.device().kind != DeviceKind::cpu) throw InternalError("espirit", "needs the operations of the CPU");
    if (block.shape.rank() != 3 || block.shape[1] != block.shape[2])
        throw ShapeError("espirit", "calibration block " + block.shape.str() + " is not [coil, side, side]");
    const std::int64_t coils = block.shape[0];
    check(coils, height, width, options);
    CoilMaps out;
    out.calibration = static_cast<int>(block.shape[1]);
    require_side(out.calibration, options);
    out.maps = ComplexArray(Shape{options.sets, coils, height, width});
    out.eigenvalues = RealArray(Shape{options.sets, height, width});
    out.no_signal = std::all_of(block.values.begin(), block.values.end(), [](auto v) { return v == 0.0; });
    if (out.no_signal) return out;
    if (coils == 1) {
        std::fill(out.maps.values.begin(), out.maps.values.end(), 1.0F);
        std::fill(out.eigenvalues.values.begin(), out.eigenvalues.values.end(), 1.0F);
        return out;
    }
    std::vector<std::complex<float>> reference = options.reference;
    if (reference.empty() && options.phase == PhaseReference::principal) reference = principal_coil(block);
    if (reference.empty()) reference.assign(static_cast<std::size_t>(coils), 0), reference[0] = 1;
    const CouplingKernel w = coupling_kernel(block, options.kernel, options.threshold, options.floor);
    solve_all(w, {reference, static_cast<float>(options.crop)}, ops, out);
    return out;
}

}  // namespace gleam::data
