// What a row of the table has to do at least, and how long a device takes for it.
#pragma once

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {

// Floating-point operations and bytes of a row (kernels/work.hpp), counted from its shapes: nothing is computed or allocated.
struct RowWork {
    double flops = 0, bytes = 0;
};
RowWork work_of(const OperationCase& row, kernels::Operations& ops);

// Seconds of one call, the median of `repeats` measurements after one to warm up. Operands are random, or zero where they are not
// plain numbers. A device that works on by itself is waited for.
double time_of(const OperationCase& row, kernels::Operations& ops, int repeats);

}  // namespace gleam::test
