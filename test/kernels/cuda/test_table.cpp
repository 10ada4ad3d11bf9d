// The table of operations on a GPU, if there is one.
#include "test/kernels/table/test_table.hpp"

#include "core/error.hpp"
#include "kernels/devices.hpp"

using namespace gleam;

TEST_CASE("Every row of the table of operations holds on the GPU, or it is said why there is none") {
    std::unique_ptr<kernels::Operations> ops;
    try {
        ops = kernels::make_operations("cuda");
    } catch (const DeviceError& e) {
        WARN("no row was run: " << e.what());
        CHECK(e.code() == ExitCode::device);
        return;
    }
    test::require_rows(test::all_cases(), *ops);
}
