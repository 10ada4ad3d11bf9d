// The table of operations on the emulated device: every kernel, in three orders of its threads.
#include "test/kernels/table/test_table.hpp"

#include "kernels/emu/emu.hpp"

using namespace gleam;

namespace {

void require_in_every_order(const std::vector<test::OperationCase>& rows) {
    for (auto order : {emu::ThreadOrder::forward, emu::ThreadOrder::reverse, emu::ThreadOrder::shuffled})
        test::require_rows(rows, *emu::make_emu_operations(order));
}

}  // namespace

TEST_CASE("Kernels of coils and masks agree with their definitions") { require_in_every_order(test::coil_cases()); }

TEST_CASE("Kernels of borders agree with their definitions") { require_in_every_order(test::border_cases()); }

TEST_CASE("Kernels of thin convolutions agree with their definitions") { require_in_every_order(test::thin_convolution_cases()); }

// In one order: apart from sums for the bias, what computes is the library.
TEST_CASE("Convolutions that the library does agree with their definitions") {
    test::require_rows(test::convolution_cases(), *emu::make_emu_operations());
}

TEST_CASE("Kernels of the wavelet transform agree with their definitions") { require_in_every_order(test::wavelet_cases()); }
