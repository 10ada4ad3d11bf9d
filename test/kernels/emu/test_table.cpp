// The table of operations on the emulated device: every kernel, in three orders of its threads.
#include "test/kernels/table/test_table.hpp"

#include "kernels/emu/emu.hpp"

using namespace gleam;

namespace {

// The thread sanitizer is slow. It sees races in any order and precision, so one of each is enough for it.
#if defined(__SANITIZE_THREAD__)
constexpr bool sparing = true;
constexpr emu::ThreadOrder orders[] = {emu::ThreadOrder::shuffled};
#else
constexpr bool sparing = false;
constexpr emu::ThreadOrder orders[] = {emu::ThreadOrder::forward, emu::ThreadOrder::reverse, emu::ThreadOrder::shuffled};
#endif

// Rows of double precision; scalars are double in all of them.
bool in_double(const test::OperationCase& row) {
    const auto says = [&](const char* type) { return row.name.find(type) != std::string::npos; };
    return says(name_of(DType::c128)) || says(name_of(DType::f64));
}

void require_in_every_order(std::vector<test::OperationCase> rows) {
    if (sparing) std::erase_if(rows, in_double);
    for (auto order : orders) test::require_rows(rows, *emu::make_emu_operations(order));
}

}  // namespace

TEST_CASE("Kernels of activations with signs agree with their definitions") { require_in_every_order(test::activation_cases()); }
TEST_CASE("Kernels of borders agree with their definitions") { require_in_every_order(test::border_cases()); }
TEST_CASE("Kernels of coils and masks agree with their definitions") { require_in_every_order(test::coil_cases()); }
// In one order: apart from sums for the bias, what computes is the library.
TEST_CASE("Convolutions that the library does agree with their definitions") {
    test::require_rows(test::convolution_cases(), *emu::make_emu_operations());
}
TEST_CASE("Kernels of eigenvectors agree with an iteration in double precision") {
    require_in_every_order(test::eigenvector_cases());
}
TEST_CASE("Kernels of the Fourier transform agree with its definition") { require_in_every_order(test::fourier_cases()); }
TEST_CASE("Kernels of losses agree with their definitions") { require_in_every_order(test::loss_cases()); }
TEST_CASE("Kernels of normalisation agree with their definitions") { require_in_every_order(test::normalization_cases()); }
TEST_CASE("Kernels of optimisers agree with their definitions") { require_in_every_order(test::optimizer_cases()); }
TEST_CASE("Kernels of random numbers agree with their definitions") { require_in_every_order(test::random_cases()); }
TEST_CASE("Kernels of the normal operator agree with its definition") { require_in_every_order(test::sense_cases()); }
TEST_CASE("Kernels of thin convolutions agree with their definitions") { require_in_every_order(test::thin_convolution_cases()); }
TEST_CASE("Kernels of vectors and scalars agree with their definitions") { require_in_every_order(test::vector_cases()); }
TEST_CASE("Kernels of wavelet transforms agree with their definitions") { require_in_every_order(test::wavelet_cases()); }
