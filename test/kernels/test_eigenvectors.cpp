#include <Eigen/Dense>

#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

using Matrix = Eigen::MatrixXcd;

// A matrix with these eigenvalues, in descending order, and random eigenvectors.
Matrix matrix_with(const std::vector<double>& eigenvalues, std::uint32_t stream) {
    const auto n = static_cast<Eigen::Index>(eigenvalues.size());
    const auto numbers = random_array<std::complex<double>>(Shape{n, n}, stream);
    const Matrix q = Eigen::HouseholderQR<Matrix>(Eigen::Map<const Matrix>(numbers.data(), n, n)).householderQ();
    return q * Eigen::Map<const Eigen::VectorXd>(eigenvalues.data(), n).asDiagonal() * q.adjoint();
}

template <class T>
struct Points {
    Points(std::int64_t coils, std::int64_t points)
        : matrices(Shape{coils * (coils + 1) / 2, points}), vectors(Shape{coils, points}), values(Shape{points}) {}

    void set(std::int64_t point, const Matrix& m) {
        std::int64_t pair = 0;
        for (Eigen::Index c = 0; c < m.rows(); ++c)
            for (Eigen::Index d = 0; d <= c; ++d) matrices.slice(pair++)[point] = std::complex<T>(m(c, d));
    }
    void solve(Operations& ops, int iterations) {
        ops.leading_eigenvectors(iterations, matrices.view(), vectors.view(), values.view());
    }
    Eigen::VectorXcd vector(std::int64_t point) const {
        Eigen::VectorXcd v(vectors.shape[0]);
        for (Eigen::Index c = 0; c < v.size(); ++c) v(c) = std::complex<double>(vectors.slice(c)[point]);
        return v;
    }

    Array<std::complex<T>> matrices, vectors;
    Array<T> values;
};

// Sine of the angle between two vectors of norm 1.
double angle(const Eigen::VectorXcd& a, const Eigen::VectorXcd& b) { return (a - b * b.dot(a)).norm(); }

template <class T>
void compare_with_solver(std::int64_t coils, std::int64_t points, double bound) {
    Bench b;
    Points<T> p(coils, points);
    std::vector<Matrix> all;
    for (std::int64_t i = 0; i < points; ++i) {
        std::vector<double> eigenvalues;
        for (std::int64_t c = 0; c < coils; ++c)
            eigenvalues.push_back(c == 0 ? 1 : 0.7 - 0.6 * static_cast<double>(c) / static_cast<double>(coils));
        all.push_back(matrix_with(eigenvalues, static_cast<std::uint32_t>(i)) * (1.0 + static_cast<double>(i)));
        p.set(i, all.back());
    }
    p.solve(*b.ops, 200);
    for (std::int64_t i = 0; i < points; ++i) {
        INFO(coils << " coils, point " << i << " of " << points);
        const Eigen::SelfAdjointEigenSolver<Matrix> solver(all[static_cast<std::size_t>(i)]);
        const Eigen::VectorXcd found = p.vector(i);
        CHECK(found.norm() == Approx(1).margin(bound));
        CHECK(static_cast<double>(p.values[i]) == Approx(solver.eigenvalues()(coils - 1)).epsilon(bound));
        CHECK(angle(found, solver.eigenvectors().col(coils - 1)) < bound);
    }
}

}  // namespace

TEST_CASE("Leading eigenvectors are those of a full solver, for any number of coils and points") {
    for (const auto& [coils, points] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {2, 15}, {3, 17}, {8, 64}, {8, 131}, {13, 5}, {32, 33}}) {
        compare_with_solver<float>(coils, points, 1e-4);
        compare_with_solver<double>(coils, points, 1e-11);
    }
}

TEST_CASE("A matrix of zeros has the vector and the value 0, whatever its neighbours are") {
    Bench b;
    Points<float> p(4, 20);
    p.set(7, matrix_with({3, 1, 0.5, 0}, 1));
    std::fill(p.vectors.values.begin(), p.vectors.values.end(), 9.0F);
    p.solve(*b.ops, 100);
    for (std::int64_t i = 0; i < 20; ++i) {
        CHECK(p.vector(i).norm() == Approx(i == 7 ? 1 : 0).margin(1e-5));
        CHECK(p.values[i] == Approx(i == 7 ? 3 : 0).margin(1e-4));
    }
}

TEST_CASE("Deflation leaves the other eigenvectors: one after the other all are found") {
    Bench b;
    const std::vector<double> eigenvalues{4, 2, 1, 0.5, 0.25};
    Points<double> p(5, 19);
    std::vector<Matrix> all;
    for (std::uint32_t i = 0; i < 19; ++i) {
        all.push_back(matrix_with(eigenvalues, i));
        p.set(i, all.back());
    }
    for (std::size_t e = 0; e < eigenvalues.size(); ++e) {
        if (e > 0) b.ops->deflate(p.vectors.view(), p.values.view(), p.matrices.view());
        p.solve(*b.ops, 300);
        for (std::int64_t i = 0; i < 19; ++i) {
            const Eigen::SelfAdjointEigenSolver<Matrix> solver(all[static_cast<std::size_t>(i)]);
            CHECK(p.values[i] == Approx(eigenvalues[e]).epsilon(1e-9));
            CHECK(angle(p.vector(i), solver.eigenvectors().col(static_cast<Eigen::Index>(4 - e))) < 1e-9);
        }
    }
}

TEST_CASE("The iteration starts from the column of the first largest diagonal entry") {
    Bench b;
    Matrix tied = Matrix::Zero(3, 3);  // diagonal: 1, 2, 2, and nothing else: the iteration stays where it starts
    tied.diagonal() << 1, 2, 2;
    Points<float> p(3, 1);
    p.set(0, tied);
    p.solve(*b.ops, 10);
    CHECK(std::abs(p.vector(0)(1)) == 1);
    CHECK(p.vector(0)(2) == 0.0);
}

TEST_CASE("An eigenvector depends on its own matrix only, not on neighbours, threads or how points are divided into calls") {
    Bench b;
    Points<float> p(6, 200);
    for (std::uint32_t i = 0; i < 200; ++i) p.set(i, matrix_with({1, i % 2 ? 0.97 : 0.3, 0.2, 0.1, 0, 0}, i));
    p.solve(*b.ops, 50);
    const auto vectors = p.vectors.values;
    const auto values = p.values.values;
    for (int threads : {1, 3}) {
        set_thread_count(threads);
        p.solve(*b.ops, 50);
        CHECK(p.vectors.values == vectors);
        CHECK(p.values.values == values);
    }
    set_thread_count(0);
    for (std::int64_t i : {0, 1, 55, 198}) {
        Points<float> one(6, 1);
        for (std::int64_t pair = 0; pair < 21; ++pair) one.matrices[pair] = p.matrices.slice(pair)[i];
        one.solve(*b.ops, 50);
        CHECK(one.vector(0) == p.vector(i));
        CHECK(one.values[0] == p.values[i]);
    }
}

TEST_CASE("Eigenvectors refuse tensors that do not fit together") {
    Bench b;
    Array<std::complex<float>> matrices(Shape{6, 10}), vectors(Shape{3, 10}), fewer(Shape{2, 10});
    RealArray values(Shape{10}), short_values(Shape{9});
    Array<double> precise(Shape{10});
    const auto solve = [&](const Tensor& m, const Tensor& v, const Tensor& l, int iterations = 1) {
        b.ops->leading_eigenvectors(iterations, m, v, l);
    };
    CHECK_NOTHROW(solve(matrices.view(), vectors.view(), values.view()));
    CHECK_THROWS_AS(solve(matrices.view(), fewer.view(), values.view()), ShapeError);
    CHECK_THROWS_AS(solve(matrices.view(), vectors.view(), short_values.view()), ShapeError);
    CHECK_THROWS_AS(solve(matrices.view(), vectors.view(), precise.view()), ShapeError);
    CHECK_THROWS_AS(solve(matrices.view(), vectors.view(), vectors.view()), ShapeError);
    CHECK_THROWS_AS(solve(matrices.view().as_real(), vectors.view(), values.view()), ShapeError);
    CHECK_THROWS_AS(solve(matrices.view(), vectors.view(), values.view(), 0), ShapeError);
    CHECK_THROWS_AS(b.ops->deflate(fewer.view(), values.view(), matrices.view()), ShapeError);
}

TEST_CASE("Eigenvectors count the products of matrix and vector in every iteration") {
    CHECK(eigenvector_flops(Shape{8, 100}, 30) == 30 * 100 * 8 * 64);
}
