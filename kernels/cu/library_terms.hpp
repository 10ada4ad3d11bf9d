// What is asked of a GPU's libraries, in terms that do not depend on which library it is.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tensor.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cu {

// ---- Fourier transforms ----------------------------------------------------------------------------------------------------

// `count` volumes [z, y, x] one after the other, transformed in place along the axes where `axes` is true: without scale or
// shift.
struct FourierBatch {
    std::int64_t count = 1;
    std::array<std::int64_t, 3> extent{1, 1, 1};
    std::array<bool, 3> axes{true, true, true};
};

// Transforms that a library does in one call, `repeats` times: number n of transform b of call r lies at
// r step + b distance + n stride, with n counting through `extent` row by row.
struct FourierPass {
    std::vector<int> extent;
    std::int64_t stride = 1, distance = 1, batch = 1, repeats = 1, step = 0;

    std::int64_t elements() const;  // of one call
    friend auto operator<=>(const FourierPass&, const FourierPass&) = default;
};

// The calls that make up a batch; none where no axis is longer than 1.
std::vector<FourierPass> fourier_passes(const FourierBatch& batch);

// ---- convolutions
// --------------------------------------------------------------------------------------------------------------

enum class ConvolutionPass : std::uint8_t { forward, data, weights };

// One convolution between x [N,D,H,W,I] and y [N,D',H',W',O] with weights [O,kd,kh,kw,I]: all channels-last and of one type. A
// pass writes y, x or the weights (never adding to them) and reads the other two.
struct WideConvolution {
    ConvolutionPass pass = ConvolutionPass::forward;
    Padding padding{0, 0, 0};
    bool tf32 = false;  // f32 may be rounded to 10 bits after the point before it is multiplied
    Tensor x, weights, y;
};

// A convolution of single pixels as one product of matrices, column by column as in BLAS: C [m, n] = op(A) op(B), where A or B
// is transposed if it says so; lda, ldb and ldc are the lengths of their stored columns.
struct MatrixProduct {
    bool transpose_a = false, transpose_b = false;
    std::int64_t m = 0, n = 0, k = 0, lda = 0, ldb = 0, ldc = 0;
    Tensor a, b, c;
};

bool is_matrix_product(const WideConvolution& c);
MatrixProduct as_matrix_product(const WideConvolution& c);

}  // namespace gleam::kernels::cu
