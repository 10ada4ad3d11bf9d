#include "greedy/device_batch.hpp"

#include <algorithm>

namespace gleam::greedy {

BatchShape shape_of(const data::HostBatch& host) {
    const Shape &maps = host.maps.shape, &image = host.zero_filled.shape;
    return {maps[0], maps[2], maps[4], maps[5], image[1], maps[3], maps.rank() == 7 ? maps[6] : 1, host.mask.shape[1]};
}

Batch DeviceBatch::lay_out(const BatchShape& shape) {
    std::size_t offset = 0;
    const auto place = [&](DType dtype, const Shape& s) {
        Tensor t{nullptr, dtype, s, ops_.device()};
        if (arena_.sealed()) t.data = static_cast<char*>(arena_.data()) + offset;
        offset += (t.bytes() + memory_alignment - 1) / memory_alignment * memory_alignment;
        return t;
    };
    Batch batch;
    batch.sense = {place(DType::c64, shape.maps()), place(DType::f32, shape.mask()), shape.rank()};
    batch.zero_filled = place(DType::c64, shape.image());
    batch.target = place(DType::c64, shape.image());
    if (!arena_.sealed()) arena_.reserve(offset);
    if (offset > arena_.bytes()) throw InternalError("batch", "larger than planned");
    if (arena_.sealed()) used_ = std::max(used_, offset);
    return batch;
}

Batch DeviceBatch::plan(const BatchShape& shape) { return lay_out(shape); }

void DeviceBatch::grant() { arena_.grant(ops_.allocator(), "lower training.batch or the matrix size"); }

Batch DeviceBatch::load(const data::HostBatch& host) {
    const Batch batch = lay_out(shape_of(host));
    ops_.copy(host.maps.view(), batch.sense.maps);
    ops_.normal_mask(host.mask.view(), batch.sense.rank, batch.sense.normal_mask);
    ops_.copy(host.zero_filled.view(), batch.zero_filled);
    if (!host.target.empty()) ops_.copy(host.target.view(), batch.target);
    return batch;
}

}  // namespace gleam::greedy
