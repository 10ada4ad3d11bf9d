#include "data/loader.hpp"

#include <algorithm>
#include <numeric>

#include "core/philox.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::data {
namespace {

// The samples of one epoch in their order (Fisher-Yates).
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::uint32_t epoch) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    Philox random(seed, Purpose::order, epoch);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
    return order;
}

template <class T>
void place_array(Array<T>&& one, std::int64_t n, std::int64_t count, Array<T>& all) {
    if (count == 1) {
        all = std::move(one);
        return;
    }
    if (all.empty()) {
        Shape shape = one.shape;
        shape[0] = count;
        all = Array<T>(shape);
    }
    std::copy(one.values.begin(), one.values.end(), all.slice(n));
}

}  // namespace

void place(Sample&& sample, std::int64_t n, std::int64_t count, HostBatch& batch) {
    place_array(std::move(sample.maps), n, count, batch.maps);
    place_array(std::move(sample.mask), n, count, batch.mask);
    place_array(std::move(sample.zero_filled), n, count, batch.zero_filled);
    if (!sample.target.empty()) place_array(std::move(sample.target), n, count, batch.target);
    batch.scales.push_back(sample.scale);
}

HostBatch batch_of(Sample&& sample) {
    HostBatch batch;
    place(std::move(sample), 0, 1, batch);
    return batch;
}

Loader::Loader(const Samples& samples, std::int64_t batch, std::uint64_t seed, std::int64_t first_step, std::int64_t stride)
    : samples_(samples),
      batch_(batch),
      seed_(seed),
      held_(batches_held(static_cast<std::size_t>(batch) * sample_bytes(samples.file().layout()))),
      thread_([this, first_step, stride] { run(first_step, stride); }) {}

Loader::~Loader() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

HostBatch Loader::make(std::int64_t step, kernels::Operations& ops, Arena& workspace) const {
    HostBatch batch;
    std::vector<std::int64_t> order, slices;
    std::int64_t epoch = -1, first_epoch = 0;
    for (std::int64_t i = step * batch_; i < (step + 1) * batch_; ++i) {
        if (i / samples_.count() != epoch) {
            epoch = i / samples_.count();
            if (i == step * batch_) first_epoch = epoch;
            order = epoch_order(samples_.count(), seed_, static_cast<std::uint32_t>(epoch));
        }
        const std::int64_t index = order[static_cast<std::size_t>(i % samples_.count())];
        place(samples_.read(index, static_cast<std::uint32_t>(epoch), ops, workspace), i - step * batch_, batch_, batch);
        slices.push_back(samples_.slice(index));
    }
    batch.slices = std::move(slices);
    batch.epoch = static_cast<std::uint32_t>(first_epoch);
    return batch;
}

void Loader::run(std::int64_t step, std::int64_t stride) {
    try {
        kernels::set_thread_count(1);  // of this thread alone: the others belong to the training step
        const auto ops = kernels::make_cpu_operations();
        Arena workspace("loader");
        workspace.serve_on_demand(ops->allocator());
        for (;; step += stride) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stop_ || ready_.size() + (taken_ ? 1 : 0) < held_; });
            if (stop_) return;
            lock.unlock();
            HostBatch batch = make(step, *ops, workspace);
            lock.lock();
            ready_.push_back(std::move(batch));
            changed_.notify_all();
        }
    } catch (...) {
        std::lock_guard lock(mutex_);
        error_ = std::current_exception();
        changed_.notify_all();
    }
}

HostBatch Loader::next() {
    let_go();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || !ready_.empty(); });
    if (ready_.empty()) std::rethrow_exception(error_);
    HostBatch batch = std::move(ready_.front());
    ready_.pop_front();
    taken_ = true;
    changed_.notify_all();
    return batch;
}

void Loader::let_go() {
    {
        std::lock_guard lock(mutex_);
        taken_ = false;
    }
    changed_.notify_all();
}

}  // namespace gleam::data
