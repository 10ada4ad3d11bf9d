#include "test/kernels/table/test_table.hpp"

#include "kernels/cpu/cpu.hpp"

using namespace gleam;

TEST_CASE("Coils and masks agree with their definitions on the CPU") {
    test::require_rows(test::coil_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Borders and their adjoints agree with their definitions on the CPU") {
    test::require_rows(test::border_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Convolutions and their gradients agree with their definitions on the CPU") {
    const auto ops = kernels::make_cpu_operations();
    test::require_rows(test::thin_convolution_cases(), *ops);
    test::require_rows(test::convolution_cases(), *ops);
}

TEST_CASE("The wavelet transform and its shrinkage agree with their definitions on the CPU") {
    test::require_rows(test::wavelet_cases(), *kernels::make_cpu_operations());
}
