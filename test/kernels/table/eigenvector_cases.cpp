// Eigenvectors of the matrices that coil maps come from.
#include <fmt/format.h>

#include <cmath>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using Complex = std::complex<double>;

// Where (c, d), d <= c, of the matrix of a point lies.
std::int64_t entry(std::int64_t c, std::int64_t d, std::int64_t point, std::int64_t points) {
    return (c * (c + 1) / 2 + d) * points + point;
}

Complex at(const Value& g, std::int64_t c, std::int64_t d, std::int64_t point, std::int64_t points) {
    return c >= d ? g.complex(entry(c, d, point, points)) : std::conj(g.complex(entry(d, c, point, points)));
}

// Random numbers become s s^H + 0.05 B B^H with s and the rows of B random: one large eigenvalue. The last point is all zeros.
void make_positive(std::vector<double>& numbers, std::int64_t coils, std::int64_t points) {
    const std::vector<double> random = numbers;
    const auto draw = [&](std::int64_t k, std::int64_t c, std::int64_t p) {
        const auto i = static_cast<std::size_t>((k * coils + c) * points + p) * 2 % (random.size() - 1);
        return Complex(random[i], random[i + 1]);
    };
    for (std::int64_t p = 0; p < points; ++p)
        for (std::int64_t c = 0; c < coils; ++c)
            for (std::int64_t d = 0; d <= c; ++d) {
                Complex sum = 0;
                for (std::int64_t k = 0; k < 3; ++k) sum += (k == 0 ? 1.0 : 0.05) * draw(k, c, p) * std::conj(draw(k, d, p));
                if (p + 1 == points && points > 1) sum = 0;
                const auto i = static_cast<std::size_t>(2 * entry(c, d, p, points));
                numbers[i] = sum.real();
                numbers[i + 1] = c == d ? 0 : sum.imag();
            }
}

// The eigenvector that power iteration from the column of the largest diagonal entry ends at.
std::vector<Complex> eigenvector(const Value& g, std::int64_t coils, std::int64_t point, std::int64_t points, double& value) {
    std::int64_t strongest = 0;
    for (std::int64_t c = 1; c < coils; ++c)
        if (at(g, c, c, point, points).real() > at(g, strongest, strongest, point, points).real()) strongest = c;
    std::vector<Complex> v(static_cast<std::size_t>(coils), 0.0);
    v[static_cast<std::size_t>(strongest)] = 1;
    value = 0;
    for (int i = 0; i < 2000; ++i) {
        std::vector<Complex> next(v.size(), 0.0);
        double norm2 = 0;
        for (std::int64_t c = 0; c < coils; ++c) {
            for (std::int64_t d = 0; d < coils; ++d)
                next[static_cast<std::size_t>(c)] += at(g, c, d, point, points) * v[static_cast<std::size_t>(d)];
            norm2 += std::norm(next[static_cast<std::size_t>(c)]);
        }
        value = std::sqrt(norm2);
        for (Complex& c : next) c = norm2 > 0 ? c / value : 0.0;
        v = next;
    }
    return v;
}

OperationCase leading_eigenvectors(std::int64_t coils, std::int64_t points, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("leading_eigenvectors, {} coils, {} points, {}", coils, points, name_of(c)),
                      {{c, Shape{coils * (coils + 1) / 2, points}}},
                      {{c, Shape{coils, points}, Fill::unset}, {real, Shape{points}, Fill::unset}}};
    row.in[0].adjust = [=](std::vector<double>& numbers) { make_positive(numbers, coils, points); };
    row.run = [](Call& k) { k.ops.leading_eigenvectors(200, k.in[0], k.out[0], k.out[1]); };
    row.reference = [=](const Values& in, Values& out) {
        for (std::int64_t p = 0; p < points; ++p) {
            const auto v = eigenvector(in[0], coils, p, points, out[1][p]);
            for (std::int64_t k = 0; k < coils; ++k) out[0].set(k * points + p, v[static_cast<std::size_t>(k)]);
        }
    };
    row.tolerance = real == DType::f64 ? 1e-10 : 5e-5;  // where the iteration comes to rest
    return row;
}

OperationCase deflate(std::int64_t coils, std::int64_t points, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("deflate, {} coils, {} points, {}", coils, points, name_of(c)),
                      {{c, Shape{coils, points}}, {real, Shape{points}}},
                      {{c, Shape{coils * (coils + 1) / 2, points}}}};
    row.run = [](Call& k) { k.ops.deflate(k.in[0], k.in[1], k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        for (std::int64_t p = 0; p < points; ++p)
            for (std::int64_t a = 0; a < coils; ++a)
                for (std::int64_t b = 0; b <= a; ++b) {
                    const std::int64_t i = entry(a, b, p, points);
                    out[0].set(i, out[0].complex(i) -
                                      in[1][p] * in[0].complex(a * points + p) * std::conj(in[0].complex(b * points + p)));
                }
    };
    row.tolerance = rounding_of(real);
    return row;
}

}  // namespace

std::vector<OperationCase> eigenvector_cases() {
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64})
        for (const auto& [coils, points] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {2, 5}, {5, 129}, {8, 40}, {33, 3}}) {
            rows.push_back(leading_eigenvectors(coils, points, real));
            rows.push_back(deflate(coils, points, real));
        }
    return rows;
}

}  // namespace gleam::test
