#include "data/espirit_calibration.hpp"
#include "data/signal_space.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::random_array;
using Matrix = Eigen::MatrixXcd;

namespace {

// Column p holds patch p, by its definition.
Matrix patches(const Array<std::complex<double>>& block, const Extent& kernel) {
    const Shape& s = block.shape;
    const Extent places{s[1] - kernel[0] + 1, s[2] - kernel[1] + 1, s[3] - kernel[2] + 1};
    Matrix a(s[0] * points_of(kernel), points_of(places));
    for (Eigen::Index row = 0; row < a.rows(); ++row)
        for (Eigen::Index column = 0; column < a.cols(); ++column) {
            const std::int64_t c = row / points_of(kernel), i = row % points_of(kernel);
            const std::int64_t z = column / (places[1] * places[2]) + i / (kernel[1] * kernel[2]);
            const std::int64_t y = column / places[2] % places[1] + i / kernel[2] % kernel[1];
            const std::int64_t x = column % places[2] + i % kernel[2];
            a(row, column) = block[((c * s[1] + z) * s[2] + y) * s[3] + x];
        }
    return a;
}

// A positive semidefinite matrix with these eigenvalues and random eigenvectors.
Matrix matrix_with(const Eigen::VectorXd& eigenvalues) {
    const Eigen::Index n = eigenvalues.size();
    const auto numbers = random_array<std::complex<double>>(Shape{n, n}, 5);
    const Matrix q = Eigen::HouseholderQR<Matrix>(Eigen::Map<const Matrix>(numbers.data(), n, n)).householderQ();
    return q * eigenvalues.asDiagonal() * q.adjoint();
}

// Largest difference between the projections onto what the columns span and onto the eigenvectors above the threshold.
double distance(const Matrix& matrix, const Matrix& found, double threshold) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(matrix);
    const Eigen::VectorXd& values = solver.eigenvalues();
    const Eigen::Index n = values.size(), kept = (values.array() > threshold * values(n - 1)).count();
    const Matrix exact = solver.eigenvectors().rightCols(kept);
    REQUIRE(found.cols() == kept);
    return (found * found.adjoint() - exact * exact.adjoint()).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("The patches' Gram matrix is the product of the matrix of all patches with its adjoint") {
    struct Case {
        Shape block;
        Extent kernel;
    };
    for (const Case& c : {Case{{3, 1, 9, 7}, {1, 3, 3}},
                          {{2, 5, 6, 7}, {2, 3, 4}},
                          {{1, 5, 5, 5}, {3, 3, 3}},
                          {{2, 1, 4, 4}, {1, 1, 1}},
                          {{2, 3, 3, 3}, {3, 3, 3}}}) {
        INFO(c.block.str());
        const auto block = random_array<std::complex<double>>(c.block, 3);
        const Matrix a = patches(block, c.kernel), expected = a * a.adjoint();
        CHECK((patch_gram(block, c.kernel) - expected).norm() < 1e-13 * expected.norm());
    }
}

TEST_CASE("Subspace iteration finds the eigenvectors above the threshold as a full solver does") {
    const Eigen::Index n = 110;
    Eigen::VectorXd values(n);
    SECTION("falling quickly") {
        for (Eigen::Index i = 0; i < n; ++i) values(i) = std::pow(0.6, static_cast<double>(i));
        const Matrix m = matrix_with(values);
        for (double threshold : {1e-1, 1e-3, 1e-6}) CHECK(distance(m, leading_space(m, threshold, 20), threshold) < 1e-5);
    }
    SECTION("above a floor of noise, and more of them than expected") {
        for (Eigen::Index i = 0; i < n; ++i) values(i) = 1e-3 + (i < 17 ? 1.0 / static_cast<double>(1 + i) : 0.0);
        const Matrix m = matrix_with(values);
        for (Eigen::Index expected : {4, 8, 20, 50}) CHECK(distance(m, leading_space(m, 0.01, expected), 0.01) < 1e-5);
    }
    SECTION("of a low rank") {
        values.setZero();
        values.head(6) << 5, 4, 3, 2, 1, 0.5;
        const Matrix m = matrix_with(values);
        for (double threshold : {1e-8, 0.3}) CHECK(distance(m, leading_space(m, threshold, 12), threshold) < 1e-5);
    }
    SECTION("falling so slowly that they take many steps") {
        for (Eigen::Index i = 0; i < n; ++i) values(i) = 1 - static_cast<double>(i) / static_cast<double>(n);
        const Matrix m = matrix_with(values);
        CHECK(distance(m, leading_space(m, 0.897, 16), 0.897) < 1e-5);
    }
}

TEST_CASE("A matrix of zeros spans nothing") {
    CHECK(leading_space(Matrix::Zero(100, 100), 1e-3, 10).cols() == 0);
    CHECK(leading_space(Matrix::Zero(10, 10), 1e-3, 10).cols() == 0);
}

TEST_CASE("The signal space has the same bits for every number of threads") {
    const auto block = random_array<std::complex<double>>(Shape{3, 7, 8, 9}, 3);
    Matrix gram, space;
    for (int threads : {1, 3}) {
        kernels::set_thread_count(threads);
        const Matrix again = patch_gram(block, {3, 3, 3});
        const Matrix found = leading_space(again, 0.3, 9);
        if (threads > 1) {
            CHECK(again == gram);
            CHECK(found == space);
        }
        gram = again, space = found;
    }
    kernels::set_thread_count(0);
}

TEST_CASE("The coupling kernel leaves k-space as it is where its patches lie in the signal space") {
    // Two coils that are multiples of one another, of one plane wave: W y = y.
    Array<std::complex<double>> block(Shape{2, 6, 6, 6});
    for (std::int64_t i = 0; i < 216; ++i) {
        const double phase =
            0.3 * static_cast<double>(i / 36) - 0.5 * static_cast<double>(i / 6 % 6) + 0.9 * static_cast<double>(i % 6);
        block[i] = std::polar(2.0, phase), block[216 + i] = std::polar(1.0, phase + 1);
    }
    const CouplingKernel w = coupling_kernel(block, 3, 0.01);
    CHECK(w.coils == 2);
    CHECK(w.lags == Extent{5, 5, 5});
    const auto value = [&](std::int64_t c, std::int64_t d, const Extent& lag) {
        const bool turned = d > c;
        Extent at;
        for (std::size_t axis = 0; axis < 3; ++axis) at[axis] = turned ? 2 - lag[axis] : 2 + lag[axis];
        const std::int64_t pair = turned ? d * (d + 1) / 2 + c : c * (c + 1) / 2 + d;
        const auto v = std::complex<double>(w.values[static_cast<std::size_t>(((pair * 5 + at[2]) * 5 + at[1]) * 5 + at[0])]);
        return turned ? std::conj(v) : v;
    };
    for (std::int64_t c = 0; c < 2; ++c) {
        std::complex<double> sum = 0;  // at the point (z, y, x) = (3, 2, 2), through the wave's value there and its phase
        for (std::int64_t d = 0; d < 2; ++d)
            for (std::int64_t lz = -2; lz <= 2; ++lz)
                for (std::int64_t ly = -2; ly <= 2; ++ly)
                    for (std::int64_t lx = -2; lx <= 2; ++lx) {
                        const double phase = 0.3 * static_cast<double>(3 - lz) - 0.5 * static_cast<double>(2 - ly) +
                                             0.9 * static_cast<double>(2 - lx);
                        sum += value(c, d, {lz, ly, lx}) * std::polar(d == 0 ? 2.0 : 1.0, phase + (d == 0 ? 0.0 : 1.0));
                    }
        CHECK(std::abs(sum - block[c * 216 + 3 * 36 + 2 * 6 + 2]) < 1e-5);
    }
}
