// Vectors, and scalars that stay on the device.
#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

// Single numbers, packs of 16 bytes with and without a rest, samples that begin between packs, several chunks of a sum.
const Shape shapes[] = {{1, 1}, {1, 4}, {1, 7}, {3, 8}, {3, 5}, {2, 1023}, {1, 12345}, {2, 2, 1, 1, 33}, {4, 1, 1, 3, 1024}};

OperationCase linear_combination(const Shape& shape, DType type, double a, double b) {
    OperationCase row{fmt::format("linear_combination, {}, {} x + {} y, {}", shape.str(), a, b, name_of(type)),
                      {{type, shape}, {type, shape}},
                      {{type, shape, Fill::unset}}};
    row.run = [=](Call& k) { k.ops.linear_combination(a, k.in[0], b, k.in[1], k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        for (std::size_t i = 0; i < out[0].numbers.size(); ++i) out[0].numbers[i] = a * in[0].numbers[i] + b * in[1].numbers[i];
    };
    row.tolerance = rounding_of(type);
    return row;
}

OperationCase add_acc(const Shape& shape, DType type) {
    OperationCase row{fmt::format("add_acc, {}, {}", shape.str(), name_of(type)), {{type, shape}}, {{type, shape}}};
    row.run = [](Call& k) { k.ops.add_acc(k.in[0], k.out[0]); };
    row.reference = [](const Values& in, Values& out) {
        for (std::size_t i = 0; i < out[0].numbers.size(); ++i) out[0].numbers[i] += in[0].numbers[i];
    };
    row.tolerance = rounding_of(type);
    return row;
}

// Both to a type of its own.
OperationCase copy(const Shape& shape, DType from, DType to) {
    OperationCase row{
        fmt::format("copy, {}, {} to {}", shape.str(), name_of(from), name_of(to)), {{from, shape}}, {{to, shape, Fill::unset}}};
    row.run = [](Call& k) { k.ops.copy(k.in[0], k.out[0]); };
    row.reference = [](const Values& in, Values& out) { out[0].numbers = in[0].numbers; };
    row.tolerance = from == to ? 0 : std::max(rounding_of(from), rounding_of(to));
    return row;
}

// One inner product per sample, or one of the whole batch.
OperationCase dot(const Shape& shape, DType type, bool of_batch) {
    const std::int64_t sums = of_batch ? 1 : shape[0];
    OperationCase row{fmt::format("dot, {}, {} sums, {}", shape.str(), sums, name_of(type)),
                      {{type, shape}, {type, shape}},
                      {{DType::f64, {sums}, Fill::unset}}};
    row.run = [](Call& k) { k.ops.dot(k.in[0], k.in[1], k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        const std::size_t n = in[0].numbers.size() / static_cast<std::size_t>(sums);
        for (std::int64_t s = 0; s < sums; ++s) out[0][s] = 0;
        for (std::size_t i = 0; i < in[0].numbers.size(); ++i)
            out[0][static_cast<std::int64_t>(i / n)] += in[0].numbers[i] * in[1].numbers[i];
    };
    row.tolerance = 1e-12;  // of sums in double precision, which may cancel
    return row;
}

struct QuotientKind {
    bool per_sample, denominator, y, in_place;
    DType numerator;

    std::string text() const {
        return fmt::format("scalars {}{}{}{}, numerator {}", per_sample ? "of samples" : "of the batch",
                           denominator ? "" : ", no denominator", y ? "" : ", no y", in_place ? ", in place" : "",
                           name_of(numerator));
    }
};

const QuotientKind quotients[] = {
    {true, true, true, false, DType::f64},  {true, true, true, true, DType::f64},     {false, true, true, false, DType::f64},
    {true, false, true, true, DType::f64},  {false, false, false, false, DType::f32}, {true, true, false, false, DType::f32},
    {false, false, true, true, DType::f32},
};

// The first sample's numerator and denominator are 0: the quotient counts as 0.
OperationCase add_quotient(const Shape& shape, DType type, const QuotientKind& kind, bool vanishing) {
    const Shape scalars{kind.per_sample ? shape[0] : 1};
    const Fill fill = vanishing ? Fill::zero : Fill::normal;
    OperationCase row{
        fmt::format("add_quotient, {}, {}{}, {}", shape.str(), kind.text(), vanishing ? ", 0/0" : "", name_of(type)),
        {{type, shape}, {kind.numerator, scalars, fill}, {DType::f64, scalars, fill}, {type, shape}},
        {{type, shape, kind.in_place ? Fill::normal : Fill::unset}}};
    constexpr double factor = -1.25;
    row.run = [kind](Call& k) {
        const Tensor* y = !kind.y ? nullptr : kind.in_place ? &k.out[0] : &k.in[3];
        k.ops.add_quotient(factor, k.in[1], kind.denominator ? &k.in[2] : nullptr, k.in[0], y, k.out[0]);
    };
    row.reference = [kind, shape](const Values& in, Values& out) {
        const std::size_t n = in[0].numbers.size() / static_cast<std::size_t>(shape[0]);
        for (std::size_t i = 0; i < in[0].numbers.size(); ++i) {
            const auto s = static_cast<std::int64_t>(kind.per_sample ? i / n : 0);
            const double below = kind.denominator ? in[2][s] : 1, quotient = below == 0 ? 0 : in[1][s] / below;
            const double y = !kind.y ? 0 : kind.in_place ? out[0].numbers[i] : in[3].numbers[i];
            out[0].numbers[i] = y + factor * quotient * in[0].numbers[i];
        }
    };
    row.tolerance = rounding_of(type);
    return row;
}

OperationCase quotient_derivatives(std::int64_t samples, DType numerator, bool denominator, bool vanishing) {
    const Shape shape{samples};
    OperationCase row{fmt::format("add_quotient_scalars_acc, {} samples, numerator {}{}{}", samples, name_of(numerator),
                                  denominator ? "" : ", no denominator", vanishing ? ", 0/0" : ""),
                      {{numerator, shape},
                       {DType::f64, shape, vanishing ? Fill::zero : Fill::normal},
                       {DType::f64, shape, vanishing ? Fill::zero : Fill::normal}},
                      {{numerator, shape}, {DType::f64, shape}}};
    constexpr double factor = 0.75;
    row.run = [=](Call& k) {
        k.ops.add_quotient_scalars_acc(factor, k.in[0], denominator ? &k.in[1] : nullptr, k.in[2], &k.out[0],
                                       denominator ? &k.out[1] : nullptr);
    };
    row.reference = [=](const Values& in, Values& out) {
        for (std::int64_t n = 0; n < samples; ++n) {
            const double a = in[0][n], b = denominator ? in[1][n] : 1, t = in[2][n];
            if (vanishing && denominator) continue;
            out[0][n] += factor * t / b;
            if (denominator) out[1][n] -= factor * t * a / (b * b);
        }
    };
    row.tolerance = rounding_of(numerator);
    return row;
}

OperationCase drop_below(std::int64_t samples) {
    OperationCase row{fmt::format("drop_below, {} samples", samples),
                      {{DType::f64, {samples}, Fill::uniform}},
                      {{DType::f64, {samples}, Fill::uniform}}};
    row.run = [](Call& k) { k.ops.drop_below(0.6, k.in[0], k.out[0]); };
    row.reference = [](const Values& in, Values& out) {
        for (std::size_t n = 0; n < in[0].numbers.size(); ++n)
            if (out[0].numbers[n] <= 0.6 * in[0].numbers[n]) out[0].numbers[n] = 0;
    };
    row.tolerance = 0;
    return row;
}

}  // namespace

std::vector<OperationCase> vector_cases() {
    std::vector<OperationCase> rows;
    for (const Shape& shape : shapes)
        for (DType real : {DType::f32, DType::f64})
            for (DType type : {real, complex_of(real)}) {
                rows.push_back(linear_combination(shape, type, 0.7, -1.3));
                rows.push_back(add_acc(shape, type));
                for (bool of_batch : {false, true}) rows.push_back(dot(shape, type, of_batch));
                for (const QuotientKind& kind : quotients)
                    if (type == real || kind.in_place) rows.push_back(add_quotient(shape, type, kind, false));
                rows.push_back(add_quotient(shape, type, quotients[0], true));
            }
    for (const Shape& shape : {Shape{1, 8}, Shape{1, 2, 3, 5, 7}}) {
        rows.push_back(linear_combination(shape, DType::bf16, 0.7, -1.3));
        rows.push_back(add_acc(shape, DType::bf16));
        for (DType from : {DType::bf16, DType::f32, DType::f64})
            for (DType to : {DType::bf16, DType::f32, DType::f64}) rows.push_back(copy(shape, from, to));
        rows.push_back(copy(shape, DType::c64, DType::c128));
        rows.push_back(copy(shape, DType::c128, DType::c64));
    }
    rows.push_back(linear_combination({1, 600000}, DType::f64, 2, 1));  // more than all threads of a launch take at once
    for (std::int64_t samples : {1, 3, 300}) {
        rows.push_back(drop_below(samples));
        for (DType numerator : {DType::f32, DType::f64})
            for (bool denominator : {false, true})
                for (bool vanishing : {false, true})
                    rows.push_back(quotient_derivatives(samples, numerator, denominator, vanishing));
    }
    return rows;
}

}  // namespace gleam::test
