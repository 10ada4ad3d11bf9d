#include "greedy/plan_host.hpp"

#include <algorithm>

#include "data/loader.hpp"

namespace gleam::greedy {
namespace {

// Measured as what is left when all that is counted is subtracted: tables of transforms, HDF5's caches, OpenMP's threads. Where
// convolutions need oneDNN, its code and kernels take some MiB more.
constexpr std::size_t library_bytes = std::size_t{4} << 20;

std::size_t complex_bytes(const Shape& shape) { return static_cast<std::size_t>(shape.elements()) * 8; }
std::size_t real_bytes(const Shape& shape) { return static_cast<std::size_t>(shape.elements()) * 4; }

// One sample of a data set on the host, as data::Sample holds it for training.
std::size_t sample_bytes(const data::DatasetLayout& l) {
    return complex_bytes(l.maps_shape()) + 2 * complex_bytes(l.image_shape()) + real_bytes(l.rss_shape());
}

// What there is for a while when a sample is read, beside the sample: k-space, images that are not needed, and one transform.
std::size_t reading_bytes(const data::DatasetLayout& l) {
    std::size_t bytes = complex_bytes(l.kspace_shape());
    if (l.truth) bytes += complex_bytes(l.image_shape());
    if (l.rss) bytes += real_bytes(l.rss_shape());
    return bytes + static_cast<std::size_t>(l.depth * l.height * (l.width + 16)) * 8;
}

std::size_t training_step(const data::DatasetLayout& train, std::int64_t batch) {
    return static_cast<std::size_t>(batch) * sample_bytes(train);
}

// A sample while it is read, or with its image and the magnitudes of both in double precision.
std::size_t validation_step(const data::DatasetLayout& l) {
    const std::size_t image = complex_bytes(l.image_shape());
    return sample_bytes(l) + std::max(reading_bytes(l), 3 * image);
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
    // A batch being made is read sample by sample.
    const std::size_t one_batch = training_step(data.train, batch), one_sample = sample_bytes(data.train);
    const std::size_t making = one_batch + reading_bytes(data.train) + (batch > 1 ? one_sample : 0);
    host.loader = data::batches_ahead * one_batch + making;
    host.step = saving(network);
    if (data.validation) host.step = std::max(host.step, validation_step(*data.validation));
    host.libraries = library_bytes;
    std::int64_t largest = 0;  // of all stages
    for (const Stage& stage : network.stages()) largest = std::max(largest, stage.parameters().elements());
    host.starting = static_cast<std::size_t>(largest) * (sizeof(double) + size_of(network.options().dtype)) + library_bytes;
    return host;
}

}  // namespace gleam::greedy
