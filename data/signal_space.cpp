// Products are divided among threads here, in pieces of fixed size, so that results do not depend on the number of threads.
#include "data/signal_space.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.hpp"
#include "core/philox.hpp"

namespace gleam::data {
namespace {

using Matrix = Eigen::MatrixXcd;
using Eigen::Index;

// ---- sums over patches ------------------------------------------------------------------------------------------------------

// One axis of a block: where products of two points a lag apart lie, and which entries of a patch they belong to.
struct Axis {
    Axis(std::int64_t side, std::int64_t kernel, std::int64_t lag)
        : lag(lag),
          first(std::max<std::int64_t>(0, lag)),
          end(side + std::min<std::int64_t>(0, lag)),
          patches(side - kernel + 1),
          entries(kernel - std::abs(lag)) {}

    std::int64_t lag;
    std::int64_t first, end;  // points that have a point `lag` before them
    std::int64_t patches;     // patches that hold an entry: points first + e to first + e + patches - 1 for entry e
    std::int64_t entries;     // entries of a patch that have one `lag` before them, from `first` on
};

// Calls add(i, sign) for the points of each entry's window that the one before did not have, and those that it had beyond, then
// done(entry).
template <class Add, class Done>
void slide(const Axis& axis, Add&& add, Done&& done) {
    for (std::int64_t e = 0; e < axis.entries; ++e) {
        if (e == 0)
            for (std::int64_t i = 0; i < axis.patches; ++i) add(axis.first + i, 1.0);
        else
            add(axis.first + e + axis.patches - 1, 1.0), add(axis.first + e - 1, -1.0);
        done(e);
    }
}

class PatchSums {
public:
    PatchSums(const Array<std::complex<double>>& block, const Extent& kernel)
        : side_{block.shape[1], block.shape[2], block.shape[3]}, kernel_(kernel) {
        for (const auto& value : block.values) re_.push_back(value.real()), im_.push_back(value.imag());
    }

    struct Buffers {
        std::vector<double> plane_re, plane_im, row_re, row_im;
    };

    // Of the products y_c[q] conj(y_d[q - lag]), those that meet in patches: entries (i, i - lag) of the coils' part of the
    // matrix.
    void add_lag(std::int64_t c, std::int64_t d, const Extent& lag, Buffers& work, Matrix& out) const {
        const Axis z(side_[0], kernel_[0], lag[0]), y(side_[1], kernel_[1], lag[1]), x(side_[2], kernel_[2], lag[2]);
        const std::int64_t width = side_[2];
        work.plane_re.assign(static_cast<std::size_t>(side_[1] * width), 0), work.plane_im = work.plane_re;
        slide(
            z,
            [&](std::int64_t at, double sign) {
                add_products(c, d, at, sign, {z, y, x}, work);
            },
            [&](std::int64_t ez) {
                work.row_re.assign(static_cast<std::size_t>(width), 0), work.row_im = work.row_re;
                slide(
                    y,
                    [&](std::int64_t at, double sign) {
                        const double *re = work.plane_re.data() + at * width, *im = work.plane_im.data() + at * width;
                        for (std::int64_t i = 0; i < width; ++i) {
                            work.row_re[static_cast<std::size_t>(i)] += sign * re[i];
                            work.row_im[static_cast<std::size_t>(i)] += sign * im[i];
                        }
                    },
                    [&](std::int64_t ey) {
                        std::complex<double> sum = 0;
                        slide(
                            x,
                            [&](std::int64_t at, double sign) {
                                const auto i = static_cast<std::size_t>(at);
                                sum += sign * std::complex<double>(work.row_re[i], work.row_im[i]);
                            },
                            [&](std::int64_t ex) {
                                const Extent i{z.first + ez, y.first + ey, x.first + ex};
                                const Index row = c * points_of(kernel_) + entry(i);
                                const Index column =
                                    d * points_of(kernel_) + entry({i[0] - lag[0], i[1] - lag[1], i[2] - lag[2]});
                                out(row, column) = sum;
                                out(column, row) = std::conj(sum);
                            });
                    });
            });
    }

private:
    std::int64_t entry(const Extent& i) const { return (i[0] * kernel_[1] + i[1]) * kernel_[2] + i[2]; }

    // plane += sign y_c[z] conj(y_d[z - lag])
    void add_products(std::int64_t c, std::int64_t d, std::int64_t at, double sign, const std::array<Axis, 3>& axes,
                      Buffers& work) const {
        const auto& [z, y, x] = axes;
        const std::int64_t width = side_[2], plane = side_[1] * width;
        for (std::int64_t row = y.first; row < y.end; ++row) {
            const std::int64_t a = (c * side_[0] + at) * plane + row * width;
            const std::int64_t b = (d * side_[0] + at - z.lag) * plane + (row - y.lag) * width - x.lag;
            const double *ar = re_.data() + a, *ai = im_.data() + a, *br = re_.data() + b, *bi = im_.data() + b;
            double *re = work.plane_re.data() + row * width, *im = work.plane_im.data() + row * width;
            for (std::int64_t i = x.first; i < x.end; ++i) {
                re[i] += sign * (ar[i] * br[i] + ai[i] * bi[i]);
                im[i] += sign * (ai[i] * br[i] - ar[i] * bi[i]);
            }
        }
    }

    Extent side_, kernel_;
    std::vector<double> re_, im_;
};

// ---- eigenvectors -----------------------------------------------------------------------------------------------------------

constexpr double accurate = 1e-6;   // residuals relative to their eigenvalue
constexpr double rounding = 1e-13;  // and to the largest

Eigen::SelfAdjointEigenSolver<Matrix> eigen(const Matrix& matrix) {
    Eigen::SelfAdjointEigenSolver<Matrix> solver(matrix);
    if (solver.info() != Eigen::Success) throw NumericError("espirit", "the eigenvalues of the calibration did not converge");
    return solver;
}

// a b
template <class A>
Matrix product(const A& a, const Matrix& b) {
    constexpr Index piece = 64;
    Matrix out(a.rows(), b.cols());
#pragma omp parallel for schedule(dynamic)
    for (Index row = 0; row < a.rows(); row += piece) {
        const Index rows = std::min(piece, a.rows() - row);
        out.middleRows(row, rows).noalias() = a.middleRows(row, rows) * b;
    }
    return out;
}

// The eigenvectors of eigenvalues above the threshold, where the eigenvalues of all of them are known.
Matrix all_above(const Matrix& matrix, double threshold) {
    const auto solver = eigen(matrix);
    const Eigen::VectorXd& values = solver.eigenvalues();  // ascend
    Index kept = 0;
    while (kept < values.size() && values(values.size() - 1 - kept) > threshold * values(values.size() - 1)) ++kept;
    return solver.eigenvectors().rightCols(kept);
}

// Orthonormal columns that span a random space with those of `with`, if any.
Matrix random_columns(Index rows, Index columns, const Matrix* with) {
    Philox random(0, Purpose::calibration);
    Matrix q(rows, columns);
    for (Index c = 0; c < columns; ++c)
        for (Index r = 0; r < rows; ++r) {
            const double re = random.normal();
            q(r, c) = {re, random.normal()};
        }
    if (with) q.leftCols(with->cols()) = *with;
    return Eigen::HouseholderQR<Matrix>(q).householderQ() * Matrix::Identity(rows, columns);
}

// What a step of subspace iteration from an orthonormal basis knows (Rayleigh-Ritz).
struct Ritz {
    Ritz(const Matrix& matrix, const Matrix& basis, double threshold) : image(product(matrix, basis)) {
        const auto solver = eigen(product(basis.adjoint(), image));
        values = solver.eigenvalues().reverse();
        vectors = solver.eigenvectors().rowwise().reverse();
        const Matrix squares = product(image.adjoint(), image);
        gram = product(vectors.adjoint(), product(squares, vectors));
        largest = values(0);
        while (kept < values.size() && values(kept) > threshold * largest) ++kept;
        // |A v - value v|^2 = |A v|^2 - value^2 for a Ritz vector v
        converged = true;
        for (Index i = 0; i < kept; ++i) {
            const double residual = values(i) * std::sqrt(std::max(0.0, gram(i, i).real() / (values(i) * values(i)) - 1));
            converged = converged && residual <= accurate * values(i) + rounding * largest;
        }
    }

    // An orthonormal basis of the images, but for directions far below the threshold; nothing when they are too nearly dependent.
    std::optional<Matrix> next(double threshold) const {
        const double least = largest * std::max(1e-6 * threshold, rounding);
        const Index n = std::count_if(values.begin(), values.end(), [&](double v) { return v > least; });
        const Eigen::VectorXcd scale = values.head(n).cwiseInverse().cast<std::complex<double>>();
        const Matrix scaled = scale.asDiagonal() * gram.topLeftCorner(n, n) * scale.asDiagonal();
        const Eigen::LLT<Matrix> factor(scaled);
        if (factor.info() != Eigen::Success || factor.rcond() < 1e-8) return std::nullopt;
        const Matrix turned = vectors.leftCols(n) * scale.asDiagonal();
        return product(image, factor.matrixL().solve(turned.adjoint()).adjoint());
    }

    Matrix image, vectors, gram;  // A Q, V, and V^H (A Q)^H A Q V
    Eigen::VectorXd values;       // descending
    double largest = 0;
    Index kept = 0;
    bool converged = false;  // those kept
};

}  // namespace

Eigen::MatrixXcd patch_gram(const Array<std::complex<double>>& block, const Extent& kernel) {
    const std::int64_t coils = block.shape[0], lags[] = {2 * kernel[0] - 1, 2 * kernel[1] - 1, 2 * kernel[2] - 1};
    const std::int64_t all_lags = lags[0] * lags[1] * lags[2];
    const PatchSums sums(block, kernel);
    Matrix gram(coils * points_of(kernel), coils * points_of(kernel));
#pragma omp parallel
    {
        PatchSums::Buffers work;
#pragma omp for schedule(dynamic)
        for (std::int64_t pair = 0; pair < coils * coils; ++pair)
            for (std::int64_t lag = pair / coils == pair % coils ? all_lags / 2 : 0; lag < all_lags; ++lag) {
                const std::int64_t c = pair / coils, d = pair % coils;
                if (d > c) break;
                sums.add_lag(c, d,
                             {lag / (lags[1] * lags[2]) - kernel[0] + 1, lag / lags[2] % lags[1] - kernel[1] + 1,
                              lag % lags[2] - kernel[2] + 1},
                             work, gram);
            }
    }
    return gram;
}

Eigen::MatrixXcd leading_space(const Eigen::MatrixXcd& matrix, double threshold, Eigen::Index expected) {
    constexpr int limit = 50;  // as much work as taking the whole matrix apart
    threshold = std::max(threshold, rounding);
    const Index n = matrix.rows();
    Index columns = 2 * expected;
    if (2 * columns > n) return all_above(matrix, threshold);
    Matrix basis = random_columns(n, columns, nullptr);
    for (int i = 0; i < limit; ++i) {
        const Ritz ritz(matrix, basis, threshold);
        if (!(ritz.largest > 0)) return Matrix(n, 0);
        if (4 * ritz.kept > 3 * columns) {  // too few columns to converge quickly
            columns *= 2;
            if (2 * columns > n) break;
            basis = random_columns(n, columns, &ritz.image);
            continue;
        }
        if (ritz.converged) return product(basis, ritz.vectors.leftCols(ritz.kept));
        const auto next = ritz.next(threshold);
        basis =
            next ? *next : Matrix(Eigen::HouseholderQR<Matrix>(ritz.image).householderQ() * Matrix::Identity(n, basis.cols()));
    }
    return all_above(matrix, threshold);
}

}  // namespace gleam::data
