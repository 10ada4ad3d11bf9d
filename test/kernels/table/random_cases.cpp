// Random numbers, against the stream that draws one after the other.
#include <fmt/format.h>

#include <cmath>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::RandomStream;

const RandomStream streams[] = {{1, Purpose::noise, 0, 0, 0}, {0xfedcba9876543210, Purpose::weights, 17, 4294967295, 3}};

OperationCase uniform(const Shape& shape, DType type, const RandomStream& stream, double low, double high) {
    OperationCase row{
        fmt::format("random_uniform, {}, {} to {}, seed {}, {}", shape.str(), low, high, stream.seed, name_of(type)),
        {},
        {{type, shape, Fill::unset}}};
    row.run = [=](Call& k) { k.ops.random_uniform(stream, low, high, k.out[0]); };
    row.reference = [=](const Values&, Values& out) {
        Philox random = stream.philox();
        for (double& v : out[0].numbers) {
            v = random.uniform(low, high);
            if (real_of(type) == DType::f32) v = static_cast<float>(v);
        }
    };
    row.tolerance = 0;  // to the bit
    return row;
}

OperationCase normal(const Shape& shape, DType type, const RandomStream& stream, double mean, double deviation) {
    OperationCase row{
        fmt::format("random_normal, {}, {} +- {}, seed {}, {}", shape.str(), mean, deviation, stream.seed, name_of(type)),
        {},
        {{type, shape, Fill::unset}}};
    row.run = [=](Call& k) { k.ops.random_normal(stream, mean, deviation, k.out[0]); };
    row.reference = [=](const Values&, Values& out) {
        Philox random = stream.philox();
        for (double& v : out[0].numbers) v = mean + deviation * random.normal();
    };
    row.tolerance = rounding_of(type);
    return row;
}

}  // namespace

std::vector<OperationCase> random_cases() {
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64})
        for (DType type : {real, complex_of(real)})
            for (const RandomStream& stream : streams)
                for (const Shape& shape : {Shape{1}, Shape{4}, Shape{3, 5}, Shape{2, 1, 1, 1, 50, 41}}) {
                    rows.push_back(uniform(shape, type, stream, 0, 1));
                    rows.push_back(uniform(shape, type, stream, -0.1, 0.3));
                    rows.push_back(normal(shape, type, stream, 0, 1));
                    rows.push_back(normal(shape, type, stream, 0.5, 0.01));
                }
    return rows;
}

}  // namespace gleam::test
