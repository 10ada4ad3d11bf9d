// Requires of every row of a group what the table says, on one device. One TEST_CASE per group and device calls it.
#pragma once

#include "test/kernels/table/run_case.hpp"
#include "test/support/catch.hpp"

namespace gleam::test {

inline void require_rows(const std::vector<OperationCase>& rows, kernels::Operations& ops) {
    REQUIRE_FALSE(rows.empty());
    for (const OperationCase& row : rows) {
        INFO(row.name);
        const CaseResult result = run_case(row, ops);
        CHECK(result.error <= row.tolerance);
        CHECK(result.adjoint_error <= adjoint_bound(row));
        CHECK(result.gradient_error <= gradient_bound);
        CHECK(result.broken == "");
    }
}

}  // namespace gleam::test
