// One row of the table of operations: what goes in, how the operation is called, and what must come out, in double precision by
// plain loops. The same rows run on every device (run_case.hpp) and, with larger sizes, in the benchmark of kernels.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/arena.hpp"
#include "kernels/operations.hpp"

namespace gleam::test {

// The numbers of one operand in double, as the stored type has rounded them; complex ones as (re, im).
struct Value {
    DType dtype = DType::f32;
    Shape shape;
    std::vector<double> numbers;

    std::complex<double> complex(std::int64_t i) const {
        return {numbers[static_cast<std::size_t>(2 * i)], numbers[static_cast<std::size_t>(2 * i + 1)]};
    }
    void set(std::int64_t i, std::complex<double> v) {
        numbers[static_cast<std::size_t>(2 * i)] = v.real();
        numbers[static_cast<std::size_t>(2 * i + 1)] = v.imag();
    }
    double& operator[](std::int64_t i) { return numbers[static_cast<std::size_t>(i)]; }
    double operator[](std::int64_t i) const { return numbers[static_cast<std::size_t>(i)]; }
};
using Values = std::vector<Value>;

// What an operand holds before the call. Outputs that an operation only writes are `unset`: NaN.
enum class Fill : std::uint8_t { normal, uniform, zero_or_one, zero, unset };

struct Operand {
    DType dtype = DType::f32;
    Shape shape;
    Fill fill = Fill::normal;
    // Turns the random numbers into what the operation wants, such as a matrix of a certain kind.
    std::function<void(std::vector<double>&)> adjust = {};
};

// The tensors of one call on a device.
struct Call {
    kernels::Operations& ops;
    Arena& workspace;
    std::vector<Tensor> in, out;
};

// A scalar output whose gradient by an input another output is; compared with finite differences on the device, where the row is
// in double precision.
struct GradientRule {
    int value_out, gradient_out, by_in;
};

struct OperationCase {
    std::string name;  // "coil_expand, 3 coils of 5 x 7, f32"
    std::vector<Operand> in, out;
    std::function<void(Call&)> run = {};
    std::function<void(const Values& in, Values& out)> reference = {};  // `out` holds what was there before the call
    double tolerance = 1e-6;                                            // of every output: |difference| / |reference|, l2
    // For linear operations from in[0] to out[0]: x = A^H y, checked by <A x, y> = <x, A^H y>.
    std::function<void(Call&, const Tensor& y, const Tensor& x)> adjoint = {};
    std::optional<GradientRule> gradient = {};
};

// Tolerance of sums of a few terms: about ten roundings.
constexpr double rounding_of(DType t) { return real_of(t) == DType::f64 ? 1e-14 : t == DType::bf16 ? 8e-3 : 1e-6; }

// The rows, by group; each is in the file of its name.
std::vector<OperationCase> activation_cases();
std::vector<OperationCase> border_cases();
std::vector<OperationCase> coil_cases();
std::vector<OperationCase> convolution_cases();
std::vector<OperationCase> eigenvector_cases();
std::vector<OperationCase> fourier_cases();
std::vector<OperationCase> loss_cases();
std::vector<OperationCase> normalization_cases();
std::vector<OperationCase> optimizer_cases();
std::vector<OperationCase> random_cases();
std::vector<OperationCase> sense_cases();
std::vector<OperationCase> thin_convolution_cases();
std::vector<OperationCase> vector_cases();
std::vector<OperationCase> wavelet_cases();

// All of them; and rows without reference, of sizes of real networks and scans, for timing.
std::vector<OperationCase> all_cases();
std::vector<OperationCase> performance_cases();

}  // namespace gleam::test
