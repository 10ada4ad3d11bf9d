#include "data/espirit_calibration.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "data/masks.hpp"

namespace gleam::data {
namespace {

using Matrix = Eigen::MatrixXcd;

// Sums the projection's block of one pair of coils over equal differences of places.
void add_lags(const Matrix& block, const Extent& kernel, const Extent& lags, std::complex<float>* out) {
    std::vector<std::complex<double>> sum(static_cast<std::size_t>(points_of(lags)));
    const std::int64_t rows = kernel[1] * kernel[2], n = points_of(kernel);
    for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t i = 0; i < n; ++i) {
            const std::int64_t lz = i / rows - j / rows + kernel[0] - 1;
            const std::int64_t ly = i / kernel[2] % kernel[1] - j / kernel[2] % kernel[1] + kernel[1] - 1;
            const std::int64_t lx = i % kernel[2] - j % kernel[2] + kernel[2] - 1;
            sum[static_cast<std::size_t>((lx * lags[1] + ly) * lags[0] + lz)] += block(i, j);
        }
    for (const auto& s : sum) *out++ = std::complex<float>(s / static_cast<double>(n));
}

// Calls f(index into [Z, Y, X], index into the block) for every point of the central block.
template <class F>
void for_block(const Extent& matrix, const Extent& block, F&& f) {
    Extent begin;
    for (std::size_t axis = 0; axis < 3; ++axis) begin[axis] = central_begin(matrix[axis], block[axis]);
    std::int64_t i = 0;
    for (std::int64_t z = 0; z < block[0]; ++z)
        for (std::int64_t y = 0; y < block[1]; ++y)
            for (std::int64_t x = 0; x < block[2]; ++x)
                f(((begin[0] + z) * matrix[1] + begin[1] + y) * matrix[2] + begin[2] + x, i++);
}

// Whether point i of [Z, Y, X] is sampled in frame t.
bool sampled(const RealArray& mask, std::int64_t t, std::int64_t i) {
    const std::int64_t frame = mask.shape[1] == 1 ? 0 : t;
    return mask[frame * (mask.elements() / mask.shape[1]) + i] != 0;
}

}  // namespace

Extent block_of(const Extent& matrix, std::int64_t side) {
    return {std::min(matrix[0], side), std::min(matrix[1], side), std::min(matrix[2], side)};
}

int sampled_centre(const RealArray& mask, int wanted) {
    const Extent matrix{mask.shape[3], mask.shape[4], mask.shape[5]};
    int side = std::min(wanted, static_cast<int>(*std::max_element(matrix.begin(), matrix.end())));
    for (; side > 0; --side) {
        bool all = true;
        for_block(matrix, block_of(matrix, side), [&](std::int64_t point, std::int64_t) {
            bool any = false;
            for (std::int64_t t = 0; t < mask.shape[1]; ++t) any = any || sampled(mask, t, point);
            all = all && any;
        });
        if (all) break;
    }
    return side;
}

Array<std::complex<double>> calibration_block(const ComplexArray& kspace, const RealArray* mask, int side) {
    const Shape& s = kspace.shape;
    const Extent matrix{s[3], s[4], s[5]}, sides = block_of(matrix, side);
    Array<std::complex<double>> block(Shape{s[2], sides[0], sides[1], sides[2]});
    for_block(matrix, sides, [&](std::int64_t point, std::int64_t i) {
        double count = 0;
        for (std::int64_t t = 0; t < s[1]; ++t) {
            if (mask && !sampled(*mask, t, point)) continue;
            count += 1;
            for (std::int64_t c = 0; c < s[2]; ++c)
                block.slice(c)[i] += std::complex<double>(kspace[(t * s[2] + c) * points_of(matrix) + point]);
        }
        if (count > 1)
            for (std::int64_t c = 0; c < s[2]; ++c) block.slice(c)[i] /= count;
    });
    return block;
}

CouplingKernel coupling_kernel(const Array<std::complex<double>>& block, int kernel, double threshold) {
    // Scaled to a largest magnitude of 1: squares of any unit stay within the range of numbers.
    Array<std::complex<double>> scaled = block;
    double largest = 0;
    for (const auto& value : block.values) largest = std::max(largest, std::abs(value));
    if (largest > 0)
        for (auto& value : scaled.values) value /= largest;
    CouplingKernel w;
    w.coils = block.shape[0];
    Extent patch;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        patch[axis] = block.shape[static_cast<int>(axis) + 1] > 1 ? kernel : 1;
        w.lags[axis] = 2 * patch[axis] - 1;
    }
    const std::int64_t points = points_of(patch), pairs = w.coils * (w.coils + 1) / 2, lags = points_of(w.lags);
    // Images that fill the field of view, seen by smooth coils, have about as many dimensions in a patch as it has points.
    const Matrix space = leading_space(patch_gram(scaled, patch), threshold * threshold, points);
    w.values.resize(static_cast<std::size_t>(pairs * lags));
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t c = 0; c < w.coils; ++c)
        for (std::int64_t d = 0; d <= c; ++d) {
            const Matrix projection = space.middleRows(c * points, points) * space.middleRows(d * points, points).adjoint();
            add_lags(projection, patch, w.lags, w.values.data() + (c * (c + 1) / 2 + d) * lags);
        }
    return w;
}

std::vector<std::complex<float>> principal_coil(const Array<std::complex<double>>& block) {
    const Eigen::Index coils = block.shape[0];
    Matrix samples = Eigen::Map<const Matrix>(block.data(), block.elements() / coils, coils);
    if (const double largest = samples.cwiseAbs().maxCoeff(); largest > 0) samples /= largest;
    // <v, y> has the most energy for the first eigenvector v of sum y y^H; samples are y^T.
    const Eigen::VectorXcd v =
        Eigen::SelfAdjointEigenSolver<Matrix>(samples.transpose() * samples.conjugate()).eigenvectors().col(coils - 1);
    Eigen::Index strongest = 0;
    v.cwiseAbs().maxCoeff(&strongest);
    const std::complex<double> turn = std::conj(v(strongest)) / std::abs(v(strongest));
    std::vector<std::complex<float>> weights;
    for (const auto& value : v) weights.emplace_back(value * turn);
    return weights;
}

}  // namespace gleam::data
