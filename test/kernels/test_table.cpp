// The table of operations on the CPU.
#include "test/kernels/table/test_table.hpp"

#include "kernels/cpu/cpu.hpp"

using namespace gleam;

TEST_CASE("Activations with signs agree with their definitions on the CPU") {
    test::require_rows(test::activation_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Borders and their adjoints agree with their definitions on the CPU") {
    test::require_rows(test::border_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Coils and masks agree with their definitions on the CPU") {
    test::require_rows(test::coil_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Convolutions and their gradients agree with their definitions on the CPU") {
    test::require_rows(test::convolution_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Eigenvectors agree with an iteration in double precision on the CPU") {
    test::require_rows(test::eigenvector_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Fourier transforms agree with their definition on the CPU") {
    test::require_rows(test::fourier_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Losses agree with their definitions on the CPU") {
    test::require_rows(test::loss_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Normalisation agrees with its definition on the CPU") {
    test::require_rows(test::normalization_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Optimisers agree with their definitions on the CPU") {
    test::require_rows(test::optimizer_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Random numbers agree with their definitions on the CPU") {
    test::require_rows(test::random_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("The normal operator agrees with its definition on the CPU") {
    test::require_rows(test::sense_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Vectors and scalars agree with their definitions on the CPU") {
    test::require_rows(test::vector_cases(), *kernels::make_cpu_operations());
}

TEST_CASE("Wavelet transforms agree with their definitions on the CPU") {
    test::require_rows(test::wavelet_cases(), *kernels::make_cpu_operations());
}
