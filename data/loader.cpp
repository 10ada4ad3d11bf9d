#include "data/loader.hpp"

#include <algorithm>
#include <numeric>

#include "core/philox.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::data {
namespace {

constexpr std::size_t ahead = 2;  // batches kept ready

// The samples of one epoch in their order (Fisher-Yates).
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::uint32_t epoch) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    Philox random(seed, Purpose::order, epoch);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
    return order;
}

template <class T>
void append(Array<T>& all, std::int64_t n, std::int64_t count, const Array<T>& one) {
    if (all.empty()) {
        Shape shape = one.shape;
        shape[0] = count;
        all = Array<T>(shape);
    }
    std::copy(one.values.begin(), one.values.end(), all.slice(n));
}

}  // namespace

HostBatch stack(const std::vector<Sample>& samples) {
    HostBatch batch;
    const auto count = static_cast<std::int64_t>(samples.size());
    for (std::int64_t n = 0; n < count; ++n) {
        const Sample& s = samples[static_cast<std::size_t>(n)];
        append(batch.maps, n, count, s.maps);
        append(batch.mask, n, count, s.mask);
        append(batch.zero_filled, n, count, s.zero_filled);
        if (!s.target.empty()) append(batch.target, n, count, s.target);
        batch.scales.push_back(s.scale);
    }
    return batch;
}

Loader::Loader(const Samples& samples, std::int64_t batch, std::uint64_t seed, std::int64_t first_step)
    : samples_(samples), batch_(batch), seed_(seed), thread_([this, first_step] { run(first_step); }) {}

Loader::~Loader() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

HostBatch Loader::make(std::int64_t step, kernels::Operations& ops, Arena& workspace) const {
    std::vector<Sample> samples;
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
        samples.push_back(samples_.read(index, static_cast<std::uint32_t>(epoch), ops, workspace));
        slices.push_back(samples_.slice(index));
    }
    batch = stack(samples);
    batch.slices = std::move(slices);
    batch.epoch = static_cast<std::uint32_t>(first_epoch);
    return batch;
}

void Loader::run(std::int64_t step) {
    try {
        kernels::set_thread_count(1);  // of this thread alone: the others belong to the training step
        const auto ops = kernels::make_cpu_operations();
        Arena workspace("loader");
        workspace.serve_on_demand(ops->allocator());
        for (;; ++step) {
            HostBatch batch = make(step, *ops, workspace);
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stop_ || ready_.size() < ahead; });
            if (stop_) return;
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
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || !ready_.empty(); });
    if (ready_.empty()) std::rethrow_exception(error_);
    HostBatch batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
}

}  // namespace gleam::data
