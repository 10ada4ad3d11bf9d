#include "greedy/parallel/threads.hpp"

#include <fmt/format.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "core/arena.hpp"
#include "core/error.hpp"

namespace gleam::greedy {
namespace {

constexpr std::size_t slots = 2;

// What all ranks have in common: one lock, one reason to give up.
struct Common {
    std::mutex mutex;
    std::condition_variable changed;
    std::string failure;  // empty: none

    // Waits until ready() says so.
    template <class Ready>
    void wait(std::unique_lock<std::mutex>& lock, int rank, Ready&& ready) {
        changed.wait(lock, [&] { return !failure.empty() || ready(); });
        if (!ready())
            throw CommunicationError(fmt::format("rank {}", rank), failure,
                                     "the last checkpoint is intact: continue with --resume");
    }
};

// An edge: a ring of slots in the sender's memory.
class Edge final : public Inbox, public Outbox {
public:
    Edge(Common& common, int from) : common_(common), from_(from) {}

    void open(kernels::Operations& ops, std::size_t image_bytes) {
        const std::size_t bytes = aligned(image_bytes);
        void* data = ops.allocator().allocate(slots * bytes);
        if (!data) throw OutOfMemoryError("hand-off", "the device could not give " + format_bytes(slots * bytes));
        memory_ = Memory(ops.allocator(), data, slots * bytes);
        slot_bytes_ = bytes;
        ops_ = &ops;
    }

    Tensor claim(const Tensor& like) override {
        std::unique_lock lock(common_.mutex);
        common_.wait(lock, from_, [&] { return sent_ - returned_ < slots; });
        return slot(sent_, like);
    }
    void commit(std::int64_t label) override {
        ops_->synchronize();  // the receiver's work is in another stream
        put(label, false);
    }
    void end() override { put(0, true); }

    bool more() override {
        std::unique_lock lock(common_.mutex);
        common_.wait(lock, from_ + 1, [&] { return taken_ < sent_; });
        return !headers_[taken_ % slots].end;
    }
    Tensor take(std::int64_t label, const Tensor& like) override {
        if (!more()) throw InternalError("hand-off", "the rank before has ended");
        std::unique_lock lock(common_.mutex);
        const Header& header = headers_[taken_ % slots];
        if (header.label != label)
            throw CommunicationError(fmt::format("rank {}", from_ + 1),
                                     fmt::format("batch {} came where {} was due", header.label, label),
                                     "all ranks must have the same configuration and data");
        return slot(taken_++, like);
    }
    void give_back() override {
        const std::lock_guard lock(common_.mutex);
        ++returned_;
        common_.changed.notify_all();
    }

private:
    struct Header {
        std::int64_t label = 0;
        bool end = false;
    };
    void put(std::int64_t label, bool end) {
        const std::lock_guard lock(common_.mutex);
        headers_[sent_ % slots] = {label, end};
        ++sent_;
        common_.changed.notify_all();
    }
    Tensor slot(std::uint64_t number, const Tensor& like) const {
        if (like.bytes() > slot_bytes_) throw InternalError("hand-off", "an image is larger than planned");
        Tensor t = like;
        t.data = static_cast<char*>(memory_.data()) + number % slots * slot_bytes_;
        return t;
    }

    Common& common_;
    int from_;
    kernels::Operations* ops_ = nullptr;
    Memory memory_;
    std::size_t slot_bytes_ = 0;
    std::array<Header, slots> headers_;
    std::uint64_t sent_ = 0, taken_ = 0, returned_ = 0;
};

class Letters final : public Mail {
public:
    Letters(Common& common, std::map<std::pair<int, int>, std::deque<Letter>>& boxes, int rank)
        : common_(common), boxes_(boxes), rank_(rank) {}

    void send(int to, Letter letter) override {
        const std::lock_guard lock(common_.mutex);
        boxes_[{rank_, to}].push_back(std::move(letter));
        common_.changed.notify_all();
    }
    Letter receive(int from) override {
        std::unique_lock lock(common_.mutex);
        auto& box = boxes_[{from, rank_}];
        common_.wait(lock, rank_, [&] { return !box.empty(); });
        Letter letter = std::move(box.front());
        box.pop_front();
        return letter;
    }

private:
    Common& common_;
    std::map<std::pair<int, int>, std::deque<Letter>>& boxes_;
    int rank_;
};

}  // namespace

struct ThreadTransport::State {
    Common common;
    std::map<std::pair<int, int>, std::deque<Letter>> boxes;
    std::vector<std::unique_ptr<Edge>> edges;  // edge r leads from rank r to rank r + 1
    std::vector<std::unique_ptr<Letters>> mail;
};

ThreadTransport::ThreadTransport(int count) : state_(std::make_unique<State>()) {
    for (int r = 0; r < count; ++r) {
        if (r + 1 < count) state_->edges.push_back(std::make_unique<Edge>(state_->common, r));
        state_->mail.push_back(std::make_unique<Letters>(state_->common, state_->boxes, r));
    }
}

ThreadTransport::~ThreadTransport() = default;

Ports ThreadTransport::open(int rank, kernels::Operations& ops, std::size_t image_bytes) {
    const auto r = static_cast<std::size_t>(rank);
    const int count = static_cast<int>(state_->mail.size());
    Ports ports{rank, count, nullptr, nullptr, state_->mail[r].get()};
    if (rank > 0) ports.in = state_->edges[r - 1].get();
    if (rank + 1 < count) {
        state_->edges[r]->open(ops, image_bytes);
        ports.out = state_->edges[r].get();
    }
    return ports;
}

void ThreadTransport::fail(int rank, const std::string& why) {
    const std::lock_guard lock(state_->common.mutex);
    if (state_->common.failure.empty()) state_->common.failure = fmt::format("rank {} has failed: {}", rank, why);
    state_->common.changed.notify_all();
}

}  // namespace gleam::greedy
