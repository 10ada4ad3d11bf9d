// The batch on the device: its own arena, sized once for the largest batch that will be loaded.
#pragma once

#include "data/loader.hpp"
#include "greedy/stage.hpp"
#include "greedy/step_memory.hpp"

namespace gleam::greedy {

struct BatchShape {
    std::int64_t samples = 1, coils = 1, height = 1, width = 1;
    std::int64_t frames = 1, depth = 1, sets = 1, mask_frames = 1;

    Shape image() const { return with_sets({samples, frames, 1, depth, height, width}); }
    Shape maps() const { return with_sets({samples, 1, coils, depth, height, width}); }
    Shape mask() const { return {samples, mask_frames, 1, depth, height, width}; }
    // Axes of the Fourier transform. A volume one pixel deep is a slice.
    int rank() const { return depth > 1 ? 3 : 2; }

private:
    Shape with_sets(Shape shape) const {
        if (sets > 1) shape.append(sets);
        return shape;
    }
};

BatchShape shape_of(const data::HostBatch& host);

class DeviceBatch {
public:
    explicit DeviceBatch(kernels::Operations& ops) : ops_(ops) {}

    // A batch without numbers, for dry runs; makes the arena large enough for it. Before grant() only.
    Batch plan(const BatchShape& shape);
    void grant();

    // Copies a batch to the device. Replaces the one before. The target may be absent.
    Batch load(const data::HostBatch& host);

    ArenaUse use() const { return {arena_.name(), arena_.bytes(), used_}; }

private:
    Batch lay_out(const BatchShape& shape);

    kernels::Operations& ops_;
    Arena arena_{"batch"};
    std::size_t used_ = 0;
};

}  // namespace gleam::greedy
