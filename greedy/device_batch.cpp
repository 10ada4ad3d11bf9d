#include "greedy/device_batch.hpp"

#include <algorithm>

namespace gleam::greedy {
namespace {

// A volume has a Fourier transform over z, y and x; slices and frames over y and x.
int fourier_rank(const Shape& image) { return image[3] > 1 ? 3 : 2; }

// Is the tensor [outer.., n, inner..] equal all along `axis`?
template <class T>
bool constant_along(const Tensor& t, int axis) {
    std::int64_t inner = 1;
    for (int a = axis + 1; a < t.shape.rank(); ++a) inner *= t.shape[a];
    const std::int64_t n = t.shape[axis];
    const T* v = t.as<T>();
    for (std::int64_t first = 0; first < t.elements(); first += n * inner)
        for (std::int64_t i = inner; i < n * inner; ++i)
            if (v[first + i] != v[first + i - inner]) return false;
    return true;
}

// The mask without what its constant axes repeat, in `storage`.
template <class T>
Tensor without_constant_axes(const Tensor& mask, int rank, Array<T>& storage) {
    Shape kept = mask.shape;
    for (int axis : {5, 4, 3})
        if (axis >= 6 - rank && constant_along<T>(mask, axis)) kept[axis] = 1;
    storage = Array<T>(kept);
    const auto step = [&](int axis) { return kept[axis] == 1 ? 0 : 1; };
    const Shape& s = mask.shape;
    for (std::int64_t i = 0; i < s[0] * s[1]; ++i)
        for (std::int64_t z = 0; z < kept[3]; ++z)
            for (std::int64_t y = 0; y < kept[4]; ++y)
                for (std::int64_t x = 0; x < kept[5]; ++x)
                    storage[((i * kept[3] + z) * kept[4] + y) * kept[5] + x] =
                        mask.as<T>()[((i * s[3] + z * step(3)) * s[4] + y * step(4)) * s[5] + x * step(5)];
    return storage.view();
}

}  // namespace

BatchShape batch_shape(const data::DatasetLayout& layout, std::int64_t samples) {
    BatchShape shape{layout.maps_shape(), layout.image_shape()};
    shape.maps[0] = shape.image[0] = samples;
    return shape;
}

Batch DeviceBatch::lay_out(const BatchShape& shape, const Shape& mask) {
    std::size_t offset = 0;
    const auto place = [&](DType dtype, const Shape& s) {
        Tensor t{nullptr, dtype, s, ops_.device()};
        if (arena_.sealed()) t.data = static_cast<char*>(arena_.data()) + offset;
        offset += aligned(t.bytes());
        return t;
    };
    Batch batch;
    const DType complex = complex_of(precision_);
    batch.sense.maps = place(complex, shape.maps);
    const Shape& s = shape.image;
    for (Tensor* t : {&batch.mask, &batch.sense.normal_mask}) {
        *t = place(precision_, {s[0], s[1], 1, s[3], s[4], s[5]});  // room for any mask
        t->shape = mask;
    }
    batch.sense.rank = fourier_rank(shape.image);
    batch.zero_filled = place(complex, shape.image);
    batch.target = place(complex, shape.image);
    if (!arena_.sealed()) arena_.reserve(offset);
    if (offset > arena_.bytes()) throw InternalError("batch", "larger than planned");
    if (arena_.sealed()) used_ = std::max(used_, offset);
    return batch;
}

Batch DeviceBatch::plan(const BatchShape& shape) {
    const Shape& s = shape.image;
    return lay_out(shape, {s[0], s[1], 1, s[3], s[4], s[5]});
}

void DeviceBatch::grant() { arena_.grant(ops_.allocator(), "lower training.batch or the matrix size"); }

Batch DeviceBatch::load(const BatchSource& source) {
    return with_real(source.mask.dtype, [&](auto zero) {
        Array<decltype(zero)> storage;
        const int rank = fourier_rank(source.zero_filled.shape);
        const Tensor mask = without_constant_axes(source.mask, rank, storage);
        const Batch batch = lay_out({source.maps.shape, source.zero_filled.shape}, mask.shape);
        ops_.copy(source.maps, batch.sense.maps);
        ops_.copy(mask, batch.mask);
        ops_.normal_mask(batch.mask, {rank, source.centred}, batch.sense.normal_mask);
        ops_.copy(source.zero_filled, batch.zero_filled);
        if (source.target) ops_.copy(*source.target, batch.target);
        return batch;
    });
}

Batch DeviceBatch::load(const data::HostBatch& host) {
    BatchSource source{host.maps.view(), host.mask.view(), host.zero_filled.view(), {}};
    if (!host.target.empty()) source.target = host.target.view();
    return load(source);
}

}  // namespace gleam::greedy
