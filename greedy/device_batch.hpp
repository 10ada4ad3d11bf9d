// The batch on the device: its own arena, sized once for the largest batch that will be loaded.
#pragma once

#include <optional>

#include "data/loader.hpp"
#include "greedy/stage.hpp"
#include "greedy/step_memory.hpp"

namespace gleam::greedy {

struct BatchShape {
    Shape maps;   // [N, T|1, C, Z, Y, X(, E)]
    Shape image;  // [N, T, 1, Z, Y, X(, E)]
};

// `samples` samples of a data set.
BatchShape batch_shape(const data::DatasetLayout& layout, std::int64_t samples);

// A batch in host memory, of either precision.
struct BatchSource {
    Tensor maps;                   // [N, T|1, C, Z, Y, X(, E)]
    Tensor mask;                   // [N, T|1, 1, Z, Y, X]
    Tensor zero_filled;            // [N, T, 1, Z, Y, X(, E)]
    std::optional<Tensor> target;  // like zero_filled
    bool centred = true;           // the Fourier transform
};

class DeviceBatch {
public:
    // `precision`: f32 or f64.
    explicit DeviceBatch(kernels::Operations& ops, DType precision = DType::f32) : ops_(ops), precision_(precision) {}

    // A batch without numbers, for dry runs; makes the arena large enough for it. Before grant() only.
    Batch plan(const BatchShape& shape);
    void grant();

    // Copies a batch to the device. Replaces the one before. Axes along which every mask is constant get length 1 on the device,
    // so that the normal operator spares their transform.
    Batch load(const BatchSource& source);
    Batch load(const data::HostBatch& host);

    ArenaUse use() const { return {arena_.name(), arena_.bytes(), used_}; }

private:
    Batch lay_out(const BatchShape& shape, const Shape& mask);

    kernels::Operations& ops_;
    DType precision_;
    Arena arena_{"batch"};
    std::size_t used_ = 0;
};

}  // namespace gleam::greedy
