// Products of matrices that fit the second cache level, as the convolutions need them: c = a b or c += a b.
#pragma once

#include <cstdint>

#include "kernels/cpu/simd.hpp"

namespace gleam::kernels::cpu {

// Element (m, k) of part p of a stands at data[m * row + k * column + p * part]; the parts, which are beside one another, may
// overlap, and so may rows.
template <class Number>
struct MatrixView {
    const Number* data;
    std::int64_t row, column, parts = 1, part = 0;
};

// c [rows, columns] (+)= a [rows, parts * depth] b [parts * depth, columns] of floats, or of pairs that stand for two neighbours
// along depth each. b and c are contiguous; columns must be a multiple of `lanes`. Every element of c is one sum over depth in
// order, starting at c or at zero.
template <class Number>
void matrix_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const MatrixView<Number>& a, const Number* b,
                    bool accumulate, float* c);
extern template void matrix_product(std::int64_t, std::int64_t, std::int64_t, const MatrixView<float>&, const float*, bool,
                                    float*);
extern template void matrix_product(std::int64_t, std::int64_t, std::int64_t, const MatrixView<Bf16Pair>&, const Bf16Pair*, bool,
                                    float*);

}  // namespace gleam::kernels::cpu
