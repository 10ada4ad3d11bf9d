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
constexpr float converged = 3e-5F;  // |G v - lambda v| / lambda
constexpr std::int64_t coil_limit = 256;
constexpr int lanes = 16;  // points of the image that iterate together

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

// e^{2 pi i lag (p - n/2) / n} for lags around 0 and all points p of an axis; split into re and im, [lag, p].
struct Waves {
    Waves(int lags, std::int64_t n) : re(static_cast<std::size_t>(lags * n)), im(re.size()) {
        for (std::int64_t lag = 0; lag < lags; ++lag)
            for (std::int64_t p = 0; p < n; ++p) {
                const double turns = static_cast<double>((lag - lags / 2) * (p - n / 2) % n) / static_cast<double>(n);
                re[static_cast<std::size_t>(lag * n + p)] = static_cast<float>(std::cos(6.283185307179586 * turns));
                im[static_cast<std::size_t>(lag * n + p)] = static_cast<float>(std::sin(6.283185307179586 * turns));
            }
    }
    std::vector<float> re, im;
};

// The matrices G of one row of the image: re and im, [pair, x], the width rounded up to whole lanes (zeros beyond).
class RowOfMatrices {
public:
    RowOfMatrices(const CouplingKernel& w, const Waves& along_y, const Waves& along_x, std::int64_t height, std::int64_t width)
        : w_(w),
          along_y_(along_y),
          along_x_(along_x),
          height_(height),
          width_(width),
          stride_((width + lanes - 1) / lanes * lanes),
          re_(static_cast<std::size_t>(w.coils * (w.coils + 1) / 2 * stride_)),
          im_(re_.size()) {}

    void fill(std::int64_t y) {
        std::fill(re_.begin(), re_.end(), 0.0F);
        std::fill(im_.begin(), im_.end(), 0.0F);
        const std::complex<float>* lag = w_.values.data();
        for (std::size_t pair = 0; pair < re_.size() / static_cast<std::size_t>(stride_); ++pair)
            for (std::int64_t lx = 0; lx < w_.lags; ++lx) {
                std::complex<float> sum = 0;
                for (std::int64_t ly = 0; ly < w_.lags; ++ly) {
                    const auto at = static_cast<std::size_t>(ly * height_ + y);
                    const float wr = along_y_.re[at], wi = along_y_.im[at], vr = lag->real(), vi = lag->imag();
                    sum += std::complex<float>(vr * wr - vi * wi, vr * wi + vi * wr);
                    ++lag;
                }
                add_wave(sum, lx, static_cast<std::int64_t>(pair) * stride_);
            }
    }

    float* re(std::int64_t x) { return re_.data() + x; }
    float* im(std::int64_t x) { return im_.data() + x; }
    std::int64_t stride() const { return stride_; }

private:
    void add_wave(std::complex<float> a, std::int64_t lx, std::int64_t first) {
        const float ar = a.real(), ai = a.imag();
        const float *wr = along_x_.re.data() + lx * width_, *wi = along_x_.im.data() + lx * width_;
        float *re = re_.data() + first, *im = im_.data() + first;
        for (std::int64_t x = 0; x < width_; ++x) {
            re[x] += ar * wr[x] - ai * wi[x];
            im[x] += ar * wi[x] + ai * wr[x];
        }
    }

    const CouplingKernel& w_;
    const Waves &along_y_, &along_x_;
    std::int64_t height_, width_, stride_;
    std::vector<float> re_, im_;
};

using Lane = std::array<float, lanes>;

// Power iteration on `lanes` matrices at once.
class Eigenvectors {
public:
    explicit Eigenvectors(int coils)
        : coils_(coils), vr_(static_cast<std::size_t>(coils)), vi_(vr_.size()), gr_(vr_.size()), gi_(vr_.size()) {}

    void solve(const float* re, const float* im, std::int64_t stride) {
        start(re, im, stride);
        for (int i = 0; i < iteration_limit; ++i) {
            multiply(re, im, stride);
            if (advance()) break;
        }
    }

    // G -= value v v^H: leaves the other eigenvectors.
    void deflate(float* re, float* im, std::int64_t stride) const {
        for (std::size_t c = 0; c < vr_.size(); ++c)
            for (std::size_t d = 0; d <= c; ++d, re += stride, im += stride)
                for (std::size_t l = 0; l < lanes; ++l) {
                    re[l] -= value_[l] * (vr_[c][l] * vr_[d][l] + vi_[c][l] * vi_[d][l]);
                    im[l] -= value_[l] * (vi_[c][l] * vr_[d][l] - vr_[c][l] * vi_[d][l]);
                }
    }

    float value(int lane) const { return value_[static_cast<std::size_t>(lane)]; }
    std::complex<float> vector(int coil, int lane) const {
        const auto c = static_cast<std::size_t>(coil), l = static_cast<std::size_t>(lane);
        return {vr_[c][l], vi_[c][l]};
    }

private:
    // The column of the largest diagonal entry: G e_j, for the coil j that sees most.
    void start(const float* re, const float* im, std::int64_t stride) {
        for (int l = 0; l < lanes; ++l) {
            int strongest = 0;
            const auto diagonal = [&](int c) { return re[(c * (c + 3) / 2) * stride + l]; };
            for (int c = 1; c < coils_; ++c)
                if (diagonal(c) > diagonal(strongest)) strongest = c;
            for (int c = 0; c < coils_; ++c) {
                const int high = std::max(c, strongest), low = std::min(c, strongest);
                const std::int64_t at = (high * (high + 1) / 2 + low) * stride + l;
                gr_[static_cast<std::size_t>(c)][static_cast<std::size_t>(l)] = re[at];
                gi_[static_cast<std::size_t>(c)][static_cast<std::size_t>(l)] = c >= strongest ? im[at] : -im[at];
            }
        }
        vr_ = gr_, vi_ = gi_;
        advance();
    }

    // g = G v
    void multiply(const float* re, const float* im, std::int64_t stride) {
        for (auto* g : {&gr_, &gi_})
            for (Lane& lane : *g) lane.fill(0);
        for (std::size_t c = 0; c < gr_.size(); ++c) {
            Lane sum_r = gr_[c], sum_i = gi_[c];
            for (std::size_t d = 0; d < c; ++d, re += stride, im += stride)
                for (std::size_t l = 0; l < lanes; ++l) {
                    sum_r[l] += re[l] * vr_[d][l] - im[l] * vi_[d][l];
                    sum_i[l] += re[l] * vi_[d][l] + im[l] * vr_[d][l];
                    gr_[d][l] += re[l] * vr_[c][l] + im[l] * vi_[c][l];
                    gi_[d][l] += re[l] * vi_[c][l] - im[l] * vr_[c][l];
                }
            for (std::size_t l = 0; l < lanes; ++l) {
                gr_[c][l] = sum_r[l] + re[l] * vr_[c][l];
                gi_[c][l] = sum_i[l] + re[l] * vi_[c][l];
            }
            re += stride, im += stride;
        }
    }

    // v = g / |g|; tells whether all lanes have come to rest.
    bool advance() {
        Lane norm2{}, change{};
        for (std::size_t c = 0; c < gr_.size(); ++c)
            for (std::size_t l = 0; l < lanes; ++l) norm2[l] += gr_[c][l] * gr_[c][l] + gi_[c][l] * gi_[c][l];
        Lane inverse;
        for (std::size_t l = 0; l < lanes; ++l) {
            value_[l] = std::sqrt(norm2[l]);
            inverse[l] = norm2[l] > 0 ? 1 / value_[l] : 0;
        }
        for (std::size_t c = 0; c < gr_.size(); ++c)
            for (std::size_t l = 0; l < lanes; ++l) {
                const float r = gr_[c][l] * inverse[l], i = gi_[c][l] * inverse[l];
                change[l] += (r - vr_[c][l]) * (r - vr_[c][l]) + (i - vi_[c][l]) * (i - vi_[c][l]);
                vr_[c][l] = r;
                vi_[c][l] = i;
            }
        return *std::max_element(change.begin(), change.end()) <= converged * converged;
    }

    int coils_;
    std::vector<Lane> vr_, vi_, gr_, gi_;
    Lane value_{};
};

// Turns the eigenvector's phase to the reference and stores it where the eigenvalue says that there is signal.
void store(const Eigenvectors& found, int lane, const std::vector<std::complex<float>>& reference, float crop, std::int64_t set,
           std::int64_t point, CoilMaps& out) {
    const std::int64_t coils = out.maps.shape[1], points = out.maps.shape[2] * out.maps.shape[3];
    const float value = found.value(lane);
    out.eigenvalues[set * points + point] = value;
    if (!(value > crop)) return;
    std::complex<float>* map = out.maps.slice(set) + point;
    for (std::int64_t c = 0; c < coils; ++c) map[c * points] = found.vector(static_cast<int>(c), lane);
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
        seen += std::conj(reference[static_cast<std::size_t>(c)]) * map[c * points];
        norm2 += std::norm(map[c * points]);
    }
    const float size = std::abs(seen);
    std::complex<float> turn = size > 0 ? std::conj(seen) / size : 1.0F;
    if (set > 0) turn = norm2 > 0.25F ? turn / std::sqrt(norm2) : 0.0F;
    for (std::int64_t c = 0; c < coils; ++c) map[c * points] *= turn;
}

void solve_all(const CouplingKernel& w, const std::vector<std::complex<float>>& reference, double crop, CoilMaps& out) {
    const std::int64_t height = out.eigenvalues.shape[1], width = out.eigenvalues.shape[2];
    const Waves along_y(w.lags, height), along_x(w.lags, width);
#pragma omp parallel
    {
        RowOfMatrices row(w, along_y, along_x, height, width);
        Eigenvectors eigenvectors(w.coils);
#pragma omp for schedule(dynamic)
        for (std::int64_t y = 0; y < height; ++y) {
            row.fill(y);
            for (std::int64_t x = 0; x < width; x += lanes) {
                for (std::int64_t set = 0; set < out.maps.shape[0]; ++set) {
                    if (set > 0) eigenvectors.deflate(row.re(x), row.im(x), row.stride());
                    eigenvectors.solve(row.re(x), row.im(x), row.stride());
                    for (int lane = 0; lane < std::min<std::int64_t>(lanes, width - x); ++lane)
                        store(eigenvectors, lane, reference, static_cast<float>(crop), set, y * width + x + lane, out);
                }
            }
        }
    }
}

}  // namespace

CoilMaps espirit(const ComplexArray& kspace, const RealArray* mask, const EspiritOptions& options) {
    if (kspace.shape.rank() != 3 || kspace.empty())
        throw ShapeError("espirit", "k-space " + kspace.shape.str() + " is not [coil, y, x]");
    if (mask && !(mask->shape == Shape{kspace.shape[1], kspace.shape[2]}))
        throw ShapeError("espirit", "mask " + mask->shape.str() + " does not fit k-space " + kspace.shape.str());
    check(kspace.shape[0], kspace.shape[1], kspace.shape[2], options);
    require_finite("coil maps: k-space", kspace);
    const int side = mask ? sampled_centre(*mask, options.calibration) : options.calibration;
    require_side(side, options);
    return espirit_of_block(calibration_block(kspace, side), kspace.shape[1], kspace.shape[2], options);
}

CoilMaps espirit_of_block(const Array<std::complex<double>>& block, std::int64_t height, std::int64_t width,
                          const EspiritOptions& options) {
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
    solve_all(coupling_kernel(block, options.kernel, options.threshold, options.floor), reference, options.crop, out);
    return out;
}

}  // namespace gleam::data
