// Products of matrices that fit the second cache level, as the convolutions need them: c = a b or c += a b.
#pragma once

#include <cstdint>

namespace gleam::kernels::cpu {

// Element (m, k) of a stands at data[m * row + k * column].
struct MatrixView {
    const float* data;
    std::int64_t row, column;
};

// c [rows, columns] (+)= a [rows, depth] b [depth, columns]. b and c are contiguous; columns must be a multiple of `lanes`
// (simd.hpp). Every element of c is one sum over depth in order, starting at c or at zero.
void matrix_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const MatrixView& a, const float* b, bool accumulate,
                    float* c);

}  // namespace gleam::kernels::cpu
