// The Fourier transform, against its definition.
#include <fmt/format.h>

#include "test/kernels/table/dense_fourier.hpp"
#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::FftDirection;

OperationCase fft(const Shape& shape, const kernels::Fourier& fourier, FftDirection direction, DType real) {
    const DType c = complex_of(real);
    const bool forward = direction == FftDirection::forward;
    const FftDirection back = forward ? FftDirection::inverse : FftDirection::forward;
    OperationCase row{fmt::format("fft, {}, rank {}, {}{}, {}", shape.str(), fourier.rank, forward ? "forward" : "inverse",
                                  fourier.centred ? "" : ", uncentred", name_of(c)),
                      {{c, shape}},
                      {{c, shape, Fill::unset}}};
    row.run = [=](Call& k) {
        k.ops.copy(k.in[0], k.out[0]);
        k.ops.fft(direction, fourier, k.out[0], k.workspace);
    };
    row.reference = [=](const Values& in, Values& out) {
        std::vector<std::complex<double>> data;
        for (std::int64_t i = 0; i < shape.elements(); ++i) data.push_back(in[0].complex(i));
        std::int64_t inner = 1;
        for (int axis = -1; axis >= -fourier.rank; --axis) {
            const std::int64_t n = shape[axis];
            dense_fourier(data.data(), shape.elements() / n / inner, n, inner, forward ? -1 : 1, fourier.centred ? n / 2 : 0);
            inner *= n;
        }
        for (std::int64_t i = 0; i < shape.elements(); ++i)
            out[0].set(i, data[static_cast<std::size_t>(i)] / std::sqrt(static_cast<double>(inner)));
    };
    row.tolerance = rounding_of(real);
    row.adjoint = [=](Call& k, const Tensor& y, const Tensor& x) {  // the inverse
        k.ops.copy(y, x);
        k.ops.fft(back, fourier, x, k.workspace);
    };
    return row;
}

struct FourierSizes {
    Shape shape;
    int rank;
};

// Lengths 1, even, multiples of 4 and not, odd, prime; rows that are even beside columns that are odd; more volumes than a thread
// takes at once; rows longer than a warp.
const FourierSizes sizes[] = {
    {{1, 1, 1, 1, 1, 1}, 2},  {{1, 1, 2, 1, 8, 4}, 2},  {{1, 1, 3, 1, 6, 10}, 2},  {{2, 1, 3, 1, 4, 6}, 2},
    {{1, 2, 1, 1, 7, 5}, 2},  {{1, 1, 2, 3, 5, 8}, 2},  {{1, 1, 1, 1, 12, 13}, 2}, {{1, 1, 19, 1, 3, 6}, 2},
    {{1, 1, 1, 1, 1, 77}, 2}, {{1, 1, 1, 1, 1, 70}, 2}, {{1, 1, 1, 1, 300, 1}, 2}, {{3, 7}, 2},
    {{1, 1, 2, 4, 6, 8}, 3},  {{2, 1, 2, 3, 4, 5}, 3},  {{1, 1, 1, 2, 2, 2}, 3},   {{1, 1, 9, 5, 6, 7}, 3},
};

}  // namespace

std::vector<OperationCase> fourier_cases() {
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64})
        for (const FourierSizes& s : sizes)
            for (bool centred : {true, false})
                for (FftDirection direction : {FftDirection::forward, FftDirection::inverse})
                    rows.push_back(fft(s.shape, {s.rank, centred}, direction, real));
    return rows;
}

}  // namespace gleam::test
