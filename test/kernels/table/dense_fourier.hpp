// The Fourier transform by its definition.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace gleam::test {

// Along the middle axis of [outer, n, inner], in place, without scale: X_k = sum_i x_i exp(sign 2 pi i (i - origin) (k - origin)
// / n).
inline void dense_fourier(std::complex<double>* x, std::int64_t outer, std::int64_t n, std::int64_t inner, int sign,
                          std::int64_t origin) {
    if (n == 1) return;
    std::vector<std::complex<double>> roots(static_cast<std::size_t>(n)), line(roots.size());
    for (std::int64_t k = 0; k < n; ++k) roots[std::size_t(k)] = std::polar(1.0, sign * 2 * M_PI * double(k) / double(n));
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t j = 0; j < inner; ++j) {
            std::complex<double>* first = x + o * n * inner + j;
            for (std::int64_t i = 0; i < n; ++i) line[std::size_t(i)] = first[i * inner];
            for (std::int64_t k = 0; k < n; ++k) {
                double re = 0, im = 0;
                const std::int64_t step = (k - origin + n) % n;
                std::int64_t turn = step * (n - origin) % n;
                for (const std::complex<double>& a : line) {
                    const std::complex<double> root = roots[std::size_t(turn)];
                    re += a.real() * root.real() - a.imag() * root.imag();
                    im += a.real() * root.imag() + a.imag() * root.real();
                    turn = turn + step < n ? turn + step : turn + step - n;
                }
                first[k * inner] = {re, im};
            }
        }
}

}  // namespace gleam::test
