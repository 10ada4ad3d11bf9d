#include "data/espirit_calibration.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "data/masks.hpp"

namespace gleam::data {
namespace {

using Matrix = Eigen::MatrixXcd;

Eigen::SelfAdjointEigenSolver<Matrix> eigen(const Matrix& gram) {
    Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
    if (solver.info() != Eigen::Success) throw NumericError("espirit", "the eigenvalues of the calibration did not converge");
    return solver;
}

// Column p holds patch p: coil by coil, its k x k points.
Matrix patches(const Array<std::complex<double>>& block, int kernel) {
    const std::int64_t coils = block.shape[0], side = block.shape[1], places = side - kernel + 1;
    Matrix a(coils * kernel * kernel, places * places);
    for (std::int64_t py = 0; py < places; ++py)
        for (std::int64_t px = 0; px < places; ++px) {
            std::complex<double>* column = &a(0, py * places + px);
            for (std::int64_t c = 0; c < coils; ++c)
                for (std::int64_t dy = 0; dy < kernel; ++dy) {
                    const auto* row = block.slice(c) + (py + dy) * side + px;
                    column = std::copy(row, row + kernel, column);
                }
        }
    return a;
}

// Orthonormal basis of what the columns span, without directions that are weak compared with the strongest. The smaller of the
// two Gram matrices is taken apart.
Matrix signal_space(const Matrix& a, double threshold, double floor) {
    const bool tall = a.rows() > a.cols();
    const Eigen::Index n = std::min(a.rows(), a.cols());
    Matrix gram = Matrix::Zero(n, n);
    if (tall)
        gram.selfadjointView<Eigen::Lower>().rankUpdate(a.adjoint());
    else
        gram.selfadjointView<Eigen::Lower>().rankUpdate(a);
    const auto solver = eigen(gram);  // eigenvalues ascend
    const Eigen::VectorXd& values = solver.eigenvalues();
    const double least = std::max(threshold * threshold * values(n - 1), floor * floor);
    Eigen::Index kept = 0;
    while (kept < n && values(n - 1 - kept) > least) ++kept;
    if (!tall) return solver.eigenvectors().rightCols(kept);
    return a * (solver.eigenvectors().rightCols(kept) * values.tail(kept).cwiseSqrt().cwiseInverse().asDiagonal());
}

// Sums the projection's block of one pair of coils over equal differences of places.
void add_lags(const Matrix& block, int kernel, std::complex<float>* out) {
    const int lags = 2 * kernel - 1;
    std::vector<std::complex<double>> sum(static_cast<std::size_t>(lags * lags));
    for (int j = 0; j < kernel * kernel; ++j)
        for (int i = 0; i < kernel * kernel; ++i) {
            const int ly = i / kernel - j / kernel + kernel - 1, lx = i % kernel - j % kernel + kernel - 1;
            sum[static_cast<std::size_t>(lx * lags + ly)] += block(i, j);
        }
    for (const auto& s : sum) *out++ = std::complex<float>(s / static_cast<double>(kernel * kernel));
}

}  // namespace

int sampled_centre(const RealArray& mask, int wanted) {
    const std::int64_t height = mask.shape[0], width = mask.shape[1];
    const auto all_sampled = [&](std::int64_t side) {
        const std::int64_t top = central_begin(height, side), left = central_begin(width, side);
        for (std::int64_t y = top; y < top + side; ++y)
            for (std::int64_t x = left; x < left + side; ++x)
                if (mask[y * width + x] == 0) return false;
        return true;
    };
    std::int64_t side = std::min<std::int64_t>({wanted, height, width});
    while (side > 0 && !all_sampled(side)) --side;
    return static_cast<int>(side);
}

Array<std::complex<double>> calibration_block(const ComplexArray& kspace, int side) {
    const std::int64_t coils = kspace.shape[0], height = kspace.shape[1], width = kspace.shape[2];
    const std::int64_t top = central_begin(height, side), left = central_begin(width, side);
    Array<std::complex<double>> block(Shape{coils, side, side});
    for (std::int64_t c = 0; c < coils; ++c)
        for (std::int64_t y = 0; y < side; ++y)
            for (std::int64_t x = 0; x < side; ++x)
                block[(c * side + y) * side + x] = kspace.slice(c)[(top + y) * width + left + x];
    return block;
}

CouplingKernel coupling_kernel(const Array<std::complex<double>>& block, int kernel, double threshold, double floor) {
    // Scaled to a largest magnitude of 1: squares of any unit stay within the range of numbers.
    Array<std::complex<double>> scaled = block;
    double largest = 0;
    for (const auto& value : block.values) largest = std::max(largest, std::abs(value));
    if (largest > 0)
        for (auto& value : scaled.values) value /= largest;
    const Matrix space = signal_space(patches(scaled, kernel), threshold, largest > 0 ? floor / largest : 0);
    CouplingKernel w;
    w.coils = static_cast<int>(block.shape[0]);
    w.lags = 2 * kernel - 1;
    const std::int64_t pairs = w.coils * (w.coils + 1) / 2, lags = w.lags * w.lags, points = kernel * kernel;
    w.values.resize(static_cast<std::size_t>(pairs * lags));
#pragma omp parallel for schedule(dynamic)
    for (int c = 0; c < w.coils; ++c)
        for (int d = 0; d <= c; ++d) {
            const Matrix projection = space.middleRows(c * points, points) * space.middleRows(d * points, points).adjoint();
            add_lags(projection, kernel, w.values.data() + (c * (c + 1) / 2 + d) * lags);
        }
    return w;
}

std::vector<std::complex<float>> principal_coil(const Array<std::complex<double>>& block) {
    const Eigen::Index coils = block.shape[0];
    Matrix samples = Eigen::Map<const Matrix>(block.data(), block.elements() / coils, coils);
    if (const double largest = samples.cwiseAbs().maxCoeff(); largest > 0) samples /= largest;
    // <v, y> has the most energy for the first eigenvector v of sum y y^H; samples are y^T.
    const Eigen::VectorXcd v = eigen(samples.transpose() * samples.conjugate()).eigenvectors().col(coils - 1);
    Eigen::Index strongest = 0;
    v.cwiseAbs().maxCoeff(&strongest);
    const std::complex<double> turn = std::conj(v(strongest)) / std::abs(v(strongest));
    std::vector<std::complex<float>> weights;
    for (const auto& value : v) weights.emplace_back(value * turn);
    return weights;
}

}  // namespace gleam::data
