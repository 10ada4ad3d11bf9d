#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using Group = std::vector<OperationCase> (*)();

const Group groups[] = {
    activation_cases,    border_cases,    coil_cases,   convolution_cases, eigenvector_cases, fourier_cases, loss_cases,
    normalization_cases, optimizer_cases, random_cases, sense_cases,       vector_cases,      wavelet_cases,
};

}  // namespace

std::vector<OperationCase> all_cases() {
    std::vector<OperationCase> all;
    for (Group group : groups) {
        std::vector<OperationCase> rows = group();
        all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
    return all;
}

}  // namespace gleam::test
