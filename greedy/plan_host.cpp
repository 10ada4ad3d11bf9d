#include "greedy/plan_host.hpp"

#include <algorithm>

#include "data/loader.hpp"

namespace gleam::greedy {
namespace {

// Measured as what is left when all that is counted is subtracted: tables of transforms, HDF5's caches, OpenMP's threads. Where
// convolutions need oneDNN, its code and kernels take some MiB more.
constexpr std::size_t library_bytes = std::size_t{4} << 20;

// A sample while it is read, or with its image and the magnitudes of both in double precision.
std::size_t validation_step(const data::DatasetLayout& l) {
    const std::size_t image = static_cast<std::size_t>(l.image_shape().elements()) * 8;
    return data::sample_bytes(l) + std::max(data::reading_bytes(l), 3 * image);
}

// One tensor at a time: on the host, with its checksum, and in the library's buffer.
std::size_t saving(const Network& network) {
    std::int64_t largest = 0;
    for (const Stage& stage : network.stages())
        for (const auto& entry : stage.parameters().entries()) largest = std::max(largest, entry.shape.elements());
    return 3 * static_cast<std::size_t>(largest) * size_of(network.options().dtype);
}

}  // namespace

HostMemory host_memory(const Network& network, const DataLayouts& data, std::int64_t batch) {
    HostMemory host;
    // One of the batches is being made, sample by sample.
    const std::size_t one_sample = data::sample_bytes(data.train), one_batch = static_cast<std::size_t>(batch) * one_sample;
    host.loader = data::batches_held(one_batch) * one_batch + data::reading_bytes(data.train) + (batch > 1 ? one_sample : 0);
    host.step = saving(network);
    if (data.validation) host.step = std::max(host.step, validation_step(*data.validation));
    host.libraries = library_bytes;
    std::int64_t largest = 0;  // of all stages
    for (const Stage& stage : network.stages()) largest = std::max(largest, stage.parameters().elements());
    host.starting = static_cast<std::size_t>(largest) * (sizeof(double) + size_of(network.options().dtype)) + library_bytes;
    return host;
}

}  // namespace gleam::greedy
