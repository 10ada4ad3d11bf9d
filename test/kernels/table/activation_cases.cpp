// Activations that keep a bit per number.
#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

OperationCase activate(const Shape& shape, double slope, bool signs, DType t) {
    OperationCase row{fmt::format("activate, {}, slope {}, {}{}", shape.str(), slope, name_of(t), signs ? "" : ", without signs"),
                      {{t, shape}},
                      {{t, shape, Fill::unset}}};
    if (signs) row.out.push_back({DType::u32, Shape{kernels::sign_words(shape.elements())}, Fill::unset});
    row.run = [=](Call& k) { k.ops.activate(k.in[0], slope, k.out[0], signs ? &k.out[1] : nullptr); };
    row.reference = [=](const Values& in, Values& out) {
        if (signs) std::fill(out[1].numbers.begin(), out[1].numbers.end(), 0.0);
        for (std::int64_t i = 0; i < shape.elements(); ++i) {
            const double v = in[0][i];
            out[0][i] = v > 0 ? v : slope * v;
            if (signs && v > 0) out[1][i / 32] += static_cast<double>(std::uint32_t{1} << (i % 32));
        }
    };
    row.tolerance = rounding_of(t);
    return row;
}

OperationCase activate_adjoint(const Shape& shape, double slope, DType t) {
    OperationCase row{fmt::format("activate_adjoint, {}, slope {}, {}", shape.str(), slope, name_of(t)),
                      {{t, shape}, {DType::u32, Shape{kernels::sign_words(shape.elements())}, Fill::uniform}},
                      {{t, shape, Fill::unset}}};
    row.in[1].adjust = [](std::vector<double>& words) {
        for (double& w : words) w = std::floor(w * 4294967296.0);
    };
    row.run = [=](Call& k) { k.ops.activate_adjoint(k.in[0], k.in[1], slope, k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        for (std::int64_t i = 0; i < shape.elements(); ++i) {
            const bool positive = static_cast<std::uint32_t>(in[1][i / 32]) >> (i % 32) & 1U;
            out[0][i] = positive ? in[0][i] : slope * in[0][i];
        }
    };
    row.tolerance = rounding_of(t);
    // For given signs it is linear and its own adjoint.
    row.adjoint = [=](Call& k, const Tensor& y, const Tensor& x) { k.ops.activate_adjoint(y, k.in[1], slope, x); };
    return row;
}

}  // namespace

std::vector<OperationCase> activation_cases() {
    std::vector<OperationCase> rows;
    const Shape shapes[] = {{1, 1, 1, 1, 1}, {1, 1, 3, 5, 7}, {2, 1, 8, 4, 16}, {1, 3, 11, 13, 9}, {1, 1, 1, 8, 4}};
    for (DType t : {DType::f32, DType::f64, DType::bf16})
        for (const Shape& shape : shapes)
            for (double slope : {0.0, 0.01}) {
                rows.push_back(activate(shape, slope, slope == 0, t));
                rows.push_back(activate_adjoint(shape, slope, t));
            }
    return rows;
}

}  // namespace gleam::test
