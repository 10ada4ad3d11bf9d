#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {

std::vector<OperationCase> all_cases() {
    std::vector<OperationCase> all;
    for (const auto& group : {border_cases, coil_cases, convolution_cases, thin_convolution_cases, wavelet_cases}) {
        std::vector<OperationCase> rows = group();
        all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
    return all;
}

}  // namespace gleam::test
