// Instance normalisation.
#include <fmt/format.h>

#include <cmath>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

// One pixel and one channel; channels in packs and not, fewer and more than a block has side by side; one chunk of pixels and
// several, with a rest.
const Shape shapes[] = {{1, 1, 1, 1, 1}, {2, 1, 3, 5, 2},  {1, 1, 7, 9, 3},    {2, 1, 8, 8, 8},
                        {3, 2, 3, 5, 4}, {1, 1, 5, 5, 67}, {1, 1, 4, 10, 264}, {2, 1, 9, 11, 16}};

struct Statistics {
    std::int64_t pixels, channels;
    std::vector<double> sums;  // [sample][channel]

    // Means over the pixels of f(index of the number, channel's place in sums).
    template <class F>
    Statistics(const Shape& s, F&& f) : pixels(s[1] * s[2] * s[3]), channels(s[4]) {
        sums.resize(static_cast<std::size_t>(s[0] * channels));
        for (std::int64_t i = 0; i < s.elements(); ++i) sums[at(i)] += f(i) / static_cast<double>(pixels);
    }
    std::size_t at(std::int64_t i) const { return static_cast<std::size_t>(i / channels / pixels * channels + i % channels); }
    double operator()(std::int64_t i) const { return sums[at(i)]; }
};

constexpr double epsilon = 1e-5;

// The numbers lie around 0 for normal ones, around 1/2 for uniform ones.
OperationCase normalize(const Shape& shape, DType type, Fill fill, bool in_place) {
    OperationCase row{fmt::format("normalize, {}, {}{}{}", shape.str(), name_of(type), fill == Fill::uniform ? ", uniform" : "",
                                  in_place ? ", in place" : ""),
                      {{type, shape, fill}},
                      {{type, shape, in_place ? Fill::normal : Fill::unset}, {DType::f64, {shape[0], shape[4]}, Fill::unset}}};
    row.run = [=](Call& k) { k.ops.normalize(in_place ? k.out[0] : k.in[0], epsilon, k.out[0], k.out[1]); };
    row.reference = [=](const Values& in, Values& out) {
        const Value x = in_place ? out[0] : in[0];
        const Statistics mean(shape, [&](std::int64_t i) { return x[i]; });
        const Statistics variance(shape, [&](std::int64_t i) { return (x[i] - mean(i)) * (x[i] - mean(i)); });
        for (std::int64_t i = 0; i < shape.elements(); ++i) out[0][i] = (x[i] - mean(i)) / std::sqrt(variance(i) + epsilon);
        for (std::size_t k = 0; k < variance.sums.size(); ++k) out[1].numbers[k] = 1 / std::sqrt(variance.sums[k] + epsilon);
    };
    row.tolerance = type == DType::f64 ? 1e-13 : rounding_of(type);
    return row;
}

OperationCase normalize_adjoint(const Shape& shape, DType type, bool in_place) {
    OperationCase row{fmt::format("normalize_adjoint, {}, {}{}", shape.str(), name_of(type), in_place ? ", in place" : ""),
                      {{type, shape}, {type, shape}, {DType::f64, {shape[0], shape[4]}, Fill::uniform}},
                      {{type, shape, in_place ? Fill::normal : Fill::unset}}};
    row.run = [=](Call& k) { k.ops.normalize_adjoint(in_place ? k.out[0] : k.in[0], k.in[1], k.in[2], k.out[0]); };
    row.reference = [=](const Values& in, Values& out) {
        const Value g = in_place ? out[0] : in[0];
        const Value& y = in[1];
        const Statistics mean(shape, [&](std::int64_t i) { return g[i]; });
        const Statistics product(shape, [&](std::int64_t i) { return g[i] * y[i]; });
        for (std::int64_t i = 0; i < shape.elements(); ++i)
            out[0][i] = in[2].numbers[mean.at(i)] * (g[i] - mean(i) - y[i] * product(i));
    };
    row.tolerance = type == DType::f64 ? 1e-13 : rounding_of(type);
    return row;
}

// Output 0: <w, normalize(x)>; output 1: its gradient by x, through normalize_adjoint.
OperationCase gradient(const Shape& shape) {
    OperationCase row{fmt::format("normalize and its adjoint, {}", shape.str()),
                      {{DType::f64, shape}, {DType::f64, shape}},
                      {{DType::f64, {1}, Fill::unset},
                       {DType::f64, shape, Fill::unset},
                       {DType::f64, shape, Fill::unset},
                       {DType::f64, {shape[0], shape[4]}, Fill::unset}}};
    row.run = [](Call& k) {
        k.ops.normalize(k.in[0], epsilon, k.out[2], k.out[3]);
        k.ops.dot(k.in[1], k.out[2], k.out[0]);
        k.ops.normalize_adjoint(k.in[1], k.out[2], k.out[3], k.out[1]);
    };
    row.gradient = GradientRule{0, 1, 0};
    return row;
}

}  // namespace

std::vector<OperationCase> normalization_cases() {
    std::vector<OperationCase> rows;
    for (const Shape& shape : shapes) {
        for (DType type : {DType::f32, DType::f64, DType::bf16}) {
            rows.push_back(normalize(shape, type, Fill::uniform, type == DType::bf16));
            rows.push_back(normalize_adjoint(shape, type, type == DType::bf16));
        }
        rows.push_back(normalize(shape, DType::f32, Fill::normal, true));
        rows.push_back(normalize_adjoint(shape, DType::f32, true));
        if (shape.elements() > 1) rows.push_back(gradient(shape));
    }
    return rows;
}

}  // namespace gleam::test
