// Runs rows of the table of operations on one device.
#pragma once

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {

struct CaseResult {
    double error = 0;           // the largest of all outputs, relative l2
    double adjoint_error = 0;   // of the inner-product test
    double gradient_error = 0;  // against finite differences
    std::string broken;         // an input or a byte behind an operand that the operation changed; empty: none
};

CaseResult run_case(const OperationCase& row, kernels::Operations& ops);

// The bounds of the last two: 1e-5 in single, 1e-12 in double precision; 1e-6.
double adjoint_bound(const OperationCase& row);
inline constexpr double gradient_bound = 1e-6;

}  // namespace gleam::test
