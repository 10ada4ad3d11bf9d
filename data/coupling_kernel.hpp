// The convolution between coils that ESPIRiT finds in the calibration block (data/espirit_calibration.hpp).
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <vector>

namespace gleam::data {

using Extent = std::array<std::int64_t, 3>;  // along z, y, x

// W with  y_c[k] = sum over c', l of W_cc'[l] y_c'[k - l]  for k-space that fits the calibration. Only c' <= c: W_c'c[-l] = conj
// W_cc'[l].
struct CouplingKernel {
    std::int64_t coils = 0;
    Extent lags{};                            // 2k-1 per axis, centre at k-1; z, y, x
    std::vector<std::complex<float>> values;  // [pair, lag_x, lag_y, lag_z], pair = c (c+1)/2 + c'
};

}  // namespace gleam::data
