// The table of operations on a GPU, if there is one. Tags, for tools that run a part of it: [kernels], what our own kernels do;
// [libraries], what NVIDIA's libraries do beside them.
#include "test/kernels/table/test_table.hpp"

#include "test/support/gpu.hpp"

using namespace gleam;

namespace {

void require_on_gpu(const std::vector<test::OperationCase>& rows) {
    if (const auto ops = test::open_gpu()) test::require_rows(rows, *ops);
}

}  // namespace

TEST_CASE("On a GPU activations with signs agree with their definitions", "[kernels]") {
    require_on_gpu(test::activation_cases());
}
TEST_CASE("On a GPU borders agree with their definitions", "[kernels]") { require_on_gpu(test::border_cases()); }
TEST_CASE("On a GPU coils and masks agree with their definitions", "[kernels]") { require_on_gpu(test::coil_cases()); }
TEST_CASE("On a GPU wide convolutions agree with their definitions", "[libraries]") { require_on_gpu(test::convolution_cases()); }
TEST_CASE("On a GPU eigenvectors agree with an iteration in double precision", "[kernels]") {
    require_on_gpu(test::eigenvector_cases());
}
TEST_CASE("On a GPU Fourier transforms agree with their definition", "[libraries]") { require_on_gpu(test::fourier_cases()); }
TEST_CASE("On a GPU losses agree with their definitions", "[kernels]") { require_on_gpu(test::loss_cases()); }
TEST_CASE("On a GPU normalisation agrees with its definitions", "[kernels]") { require_on_gpu(test::normalization_cases()); }
TEST_CASE("On a GPU optimisers agree with their definitions", "[kernels]") { require_on_gpu(test::optimizer_cases()); }
TEST_CASE("On a GPU random numbers agree with their definitions", "[kernels]") { require_on_gpu(test::random_cases()); }
TEST_CASE("On a GPU the normal operator agrees with its definition", "[libraries]") { require_on_gpu(test::sense_cases()); }
TEST_CASE("On a GPU thin convolutions agree with their definitions", "[kernels]") {
    require_on_gpu(test::thin_convolution_cases());
}
TEST_CASE("On a GPU vectors and scalars agree with their definitions", "[kernels]") { require_on_gpu(test::vector_cases()); }
TEST_CASE("On a GPU wavelet transforms agree with their definitions", "[kernels]") { require_on_gpu(test::wavelet_cases()); }
