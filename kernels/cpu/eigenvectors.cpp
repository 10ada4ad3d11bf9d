// Power iteration on the matrices of as many points at once as a vector has lanes.
#include "kernels/device/eigenvectors.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/lanes.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
class PowerIteration {
public:
    explicit PowerIteration(std::int64_t coils)
        : coils_(coils),
          matrix_(static_cast<std::size_t>(coils * (coils + 1) / 2)),
          v_(static_cast<std::size_t>(coils)),
          g_(v_.size()) {}

    // The first n of a vector's points, whose numbers are `stride` apart; matrices of points beyond are 0.
    void load(const std::complex<T>* matrices, std::int64_t n, std::int64_t stride) {
        for (auto& entry : matrix_) {
            entry = load_pixels(matrices, n, 1);
            matrices += stride;
        }
    }

    void solve(int iterations) {
        for (int l = 0; l < count; ++l) start(l);
        moving_ = ~(Mask{});
        for (auto& v : v_) v = Pair<T>{};
        advance();
        for (int i = 0; i < iterations && any(moving_); ++i) {
            multiply();
            advance();
        }
    }

    void store(std::complex<T>* vectors, T* values, std::int64_t n, std::int64_t stride) const {
        for (const auto& v : v_) {
            store_pixels(vectors, n, 1, v);
            vectors += stride;
        }
        for (std::int64_t l = 0; l < std::min<std::int64_t>(n, count); ++l) values[l] = value_[l];
    }

private:
    using Vector = typename Lanes<T>::Vector;
    using Mask = decltype(Vector{} > Vector{});
    static constexpr int count = Lanes<T>::count;

    static bool any(Mask mask) {
        bool found = false;
        for (int l = 0; l < count; ++l) found = found || mask[l] != 0;
        return found;
    }
    static Vector root(Vector v) {
        for (int l = 0; l < count; ++l) v[l] = std::sqrt(v[l]);
        return v;
    }

    // g = the column of the largest diagonal entry, that is G e_j for the coil j that sees most.
    void start(int l) {
        const auto entry = [&](std::int64_t c, std::int64_t d) -> const Pair<T>& {
            return matrix_[static_cast<std::size_t>(device::triangle_entry(c, d))];
        };
        std::int64_t strongest = 0;
        for (std::int64_t c = 1; c < coils_; ++c)
            if (entry(c, c).re[l] > entry(strongest, strongest).re[l]) strongest = c;
        for (std::int64_t c = 0; c < coils_; ++c) {
            const Pair<T>& column = entry(std::max(c, strongest), std::min(c, strongest));
            g_[static_cast<std::size_t>(c)].re[l] = column.re[l];
            g_[static_cast<std::size_t>(c)].im[l] = c > strongest ? column.im[l] : c < strongest ? -column.im[l] : T(0);
        }
    }

    // g = G v
    void multiply() {
        const Pair<T>* m = matrix_.data();
        for (std::size_t c = 0; c < g_.size(); ++c) {
            const Pair<T> v = v_[c];
            Pair<T> sum{};
            for (std::size_t d = 0; d < c; ++d, ++m) {
                sum.re += m->re * v_[d].re - m->im * v_[d].im;
                sum.im += m->re * v_[d].im + m->im * v_[d].re;
                g_[d].re += m->re * v.re + m->im * v.im;
                g_[d].im += m->re * v.im - m->im * v.re;
            }
            g_[c] = {sum.re + m->re * v.re, sum.im + m->re * v.im};
            ++m;
        }
    }

    // v = g / |g| where v still moves.
    void advance() {
        Vector norm2{}, change{};
        for (const auto& g : g_) norm2 += g.re * g.re + g.im * g.im;
        const Vector norm = root(norm2), inverse = norm2 > 0 ? 1 / norm : Vector{};
        value_ = moving_ ? norm : value_;
        for (std::size_t c = 0; c < g_.size(); ++c) {
            const Vector re = g_[c].re * inverse - v_[c].re, im = g_[c].im * inverse - v_[c].im;
            change += re * re + im * im;
            v_[c].re = moving_ ? g_[c].re * inverse : v_[c].re;
            v_[c].im = moving_ ? g_[c].im * inverse : v_[c].im;
        }
        moving_ &= change > device::at_rest<T>() * device::at_rest<T>();
    }

    std::int64_t coils_;
    std::vector<Pair<T>> matrix_;  // lower triangle, row by row
    std::vector<Pair<T>> v_, g_;
    Vector value_{};
    Mask moving_{};
};

template <class T>
void iterate_points(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) {
    const std::int64_t coils = vectors.shape[0], points = vectors.shape[1];
    constexpr std::int64_t lanes = Lanes<T>::count;
#pragma omp parallel if (points > lanes)
    {
        PowerIteration<T> iteration(coils);
#pragma omp for schedule(dynamic, 4)
        for (std::int64_t first = 0; first < points; first += lanes) {
            iteration.load(matrices.as<std::complex<T>>() + first, points - first, points);
            iteration.solve(iterations);
            iteration.store(vectors.as<std::complex<T>>() + first, values.as<T>() + first, points - first, points);
        }
    }
}

template <class T>
void deflate_points(const Tensor& vectors, const Tensor& values, const Tensor& matrices) {
    const std::int64_t coils = vectors.shape[0], points = vectors.shape[1];
#pragma omp parallel for schedule(static) if (matrices.elements() > 4096)
    for (std::int64_t c = 0; c < coils; ++c)
        for (std::int64_t d = 0; d <= c; ++d) {
            const std::complex<T>*a = vectors.as<std::complex<T>>() + c * points, *b = vectors.as<std::complex<T>>() + d * points;
            std::complex<T>* out = matrices.as<std::complex<T>>() + device::triangle_entry(c, d) * points;
            const T* value = values.as<T>();
            for (std::int64_t i = 0; i < points; ++i) {
                const T ar = a[i].real(), ai = a[i].imag(), br = b[i].real(), bi = b[i].imag();
                out[i] -= std::complex<T>(value[i] * (ar * br + ai * bi), value[i] * (ai * br - ar * bi));
            }
        }
}

}  // namespace

void CpuOperations::do_leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) {
    with_real(values.dtype, [&](auto zero) { iterate_points<decltype(zero)>(iterations, matrices, vectors, values); });
}

void CpuOperations::do_deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) {
    with_real(values.dtype, [&](auto zero) { deflate_points<decltype(zero)>(vectors, values, matrices); });
}

}  // namespace gleam::kernels::cpu
