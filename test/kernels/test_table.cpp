#include "test/kernels/table/test_table.hpp"

#include "kernels/cpu/cpu.hpp"

using namespace gleam;

TEST_CASE("Coils and masks agree with their definitions on the CPU") {
    test::require_rows(test::coil_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Fourier transforms agree with their definition on the CPU") {
    test::require_rows(test::fourier_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("The normal operator agrees with its definition on the CPU") {
    test::require_rows(test::sense_cases(), *kernels::make_cpu_operations());
}
