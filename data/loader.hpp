// Mini-batches in a fixed order, made ahead of time by a thread of their own.
//
// Step t takes places t B … t B + B - 1 of an endless list that runs through the samples epoch after epoch, each epoch in its own
// random order. So a batch is a function of (seed, t): a resumed run continues where it was, and every rank sees the same.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "data/samples.hpp"

namespace gleam::data {

// Samples one behind the other along N; the other axes are those of Sample.
struct HostBatch {
    ComplexArray maps;         // [N, 1, C, Z, Y, X (, E)]
    RealArray mask;            // [N, T or 1, 1, Z, Y, X]
    ComplexArray zero_filled;  // [N, T, 1, Z, Y, X (, E)]
    ComplexArray target;       // the same; empty when the samples have none
    std::vector<std::int64_t> slices;
    std::vector<double> scales;
    std::uint32_t epoch = 0;  // of the first sample
};

// Makes `sample` entry `n` of a batch of `count` samples of equal size; a single one is moved, not copied.
void place(Sample&& sample, std::int64_t n, std::int64_t count, HostBatch& batch);

// A batch of one.
HostBatch batch_of(Sample&& sample);

// How many batches of so many bytes the loader holds: those being made, ready, or taken and not yet let go. Two even out the time
// that reading takes; where they are large, steps are long enough for one.
constexpr std::size_t batches_held(std::size_t bytes) { return bytes > (std::size_t{1} << 20) ? 1 : 2; }

class Loader {
public:
    // `samples` outlives the loader. The batches are those of first_step, first_step + stride, and so on.
    Loader(const Samples& samples, std::int64_t batch, std::uint64_t seed, std::int64_t first_step, std::int64_t stride = 1);
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;
    ~Loader();

    // The next batch; rethrows what went wrong while it was made. The one before has to be gone: it is let go.
    HostBatch next();
    // The batch of the last next() is gone, and another one may be made in its place.
    void let_go();

    // Batch of step `step`, made on the spot: what next() returns, without the thread.
    HostBatch make(std::int64_t step, kernels::Operations& ops, Arena& workspace) const;

private:
    void run(std::int64_t step, std::int64_t stride);

    const Samples& samples_;
    const std::int64_t batch_;
    const std::uint64_t seed_;
    const std::size_t held_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<HostBatch> ready_;
    std::exception_ptr error_;
    bool taken_ = false, stop_ = false;
    std::thread thread_;
};

}  // namespace gleam::data
