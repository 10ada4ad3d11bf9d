#include "greedy/parallel/threads.hpp"

#include <fmt/format.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "core/arena.hpp"
#include "core/error.hpp"
#include "greedy/parallel/averaging.hpp"
#include "greedy/parallel/carrier.hpp"

namespace gleam::greedy {
namespace {

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

// An edge: a ring of slots in the sender's memory. On a GPU the two sides have queues of their own: either waits for the event
// that the other has left at the slot.
class Edge final : public Inbox, public Outbox {
public:
    Edge(Common& common, int from) : common_(common), from_(from) {}

    void open_sender(kernels::Operations& ops, std::size_t image_bytes) {
        slot_bytes_ = aligned(image_bytes);
        memory_ = device_memory(ops, slots * slot_bytes_, "hand-off");
        sender_ = &ops;
    }
    void open_receiver(kernels::Operations& ops) { receiver_ = &ops; }

    Tensor claim(const Tensor& like) override {
        await_room();
        if (const auto& event = read_[sent_ % slots]) sender_->wait_for(*event);
        return slot(sent_, like);
    }
    void commit(std::int64_t label) override {
        sender_->mark(written_[sent_ % slots]);
        put(label, false);
    }
    void end() override {
        await_room();
        put(0, true);
    }

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
                                     fmt::format("{} came where {} was due", label_text(header.label), label_text(label)),
                                     "all ranks must have the same configuration and data");
        if (const auto& event = written_[taken_ % slots]) receiver_->wait_for(*event);
        return slot(taken_++, like);
    }
    void give_back() override {
        receiver_->mark(read_[returned_ % slots]);
        const std::lock_guard lock(common_.mutex);
        ++returned_;
        common_.changed.notify_all();
    }

private:
    struct Header {
        std::int64_t label = 0;
        bool end = false;
    };
    void await_room() {
        std::unique_lock lock(common_.mutex);
        common_.wait(lock, from_, [&] { return sent_ - returned_ < slots; });
    }
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
    kernels::Operations *sender_ = nullptr, *receiver_ = nullptr;
    Memory memory_;
    std::size_t slot_bytes_ = 0;
    std::array<std::unique_ptr<kernels::Event>, slots> written_, read_;
    std::array<Header, slots> headers_;
    std::uint64_t sent_ = 0, taken_ = 0, returned_ = 0;
};

// Replicas of the same stages: each reads the gradients of all where they lie.
class ThreadPeers {
public:
    ThreadPeers(Common& common, int count) : common_(common), gradients_(static_cast<std::size_t>(count)) {}

    // Waits until all have come here.
    void meet(int rank) {
        std::unique_lock lock(common_.mutex);
        const std::uint64_t round = round_;
        if (++here_ == gradients_.size()) {
            here_ = 0, ++round_;
            common_.changed.notify_all();
        }
        common_.wait(lock, rank, [&] { return round_ != round; });
    }
    void show(int replica, const Tensor& values) { gradients_[static_cast<std::size_t>(replica)] = values; }
    const std::vector<Tensor>& gradients() const { return gradients_; }

private:
    Common& common_;
    std::vector<Tensor> gradients_;
    std::size_t here_ = 0;
    std::uint64_t round_ = 0;
};

class OnePeer final : public Peers {
public:
    OnePeer(ThreadPeers& all, const Position& p, kernels::Operations& ops, std::size_t bytes)
        : all_(all), rank_(p.number), replica_(p.replica()), ops_(ops), memory_(device_memory(ops, bytes, "replicas")) {}
    void average(const Tensor& values) override {
        Tensor mean = values;
        mean.data = memory_.data();
        if (values.bytes() > memory_.bytes()) throw InternalError("replicas", "a gradient is larger than planned");
        all_.show(replica_, values);
        ops_.synchronize();
        all_.meet(rank_);
        mean_in_order(ops_, all_.gradients(), mean);
        ops_.synchronize();
        all_.meet(rank_);  // from here on nobody reads the others' any more
        ops_.copy(mean, values);
    }

private:
    ThreadPeers& all_;
    int rank_, replica_;
    kernels::Operations& ops_;
    Memory memory_;
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
    std::map<int, Edge> edges;        // edge r leads from rank r to rank r + 1
    std::vector<ThreadPeers> stages;  // the replicas of each
    std::vector<Letters> mail;        // of each rank, and so on
    std::vector<std::unique_ptr<OnePeer>> peers;
};

ThreadTransport::ThreadTransport(int ranks, int replicas) : state_(std::make_unique<State>()) {
    State& s = *state_;
    for (int stage = 0; stage < ranks; ++stage) s.stages.emplace_back(s.common, replicas);
    for (int r = 0; r < ranks * replicas; ++r) {
        if ((r + 1) % ranks != 0) s.edges.try_emplace(r, s.common, r);
        s.mail.emplace_back(s.common, s.boxes, r);
    }
    s.peers.resize(s.mail.size());
}

ThreadTransport::~ThreadTransport() = default;

Mail& ThreadTransport::mail(int rank) { return state_->mail[static_cast<std::size_t>(rank)]; }

Ports ThreadTransport::open(const Position& p, kernels::Operations& ops, const ConnectionSizes& sizes) {
    Ports ports;
    ports.mail = &mail(p.number);
    if (!p.first()) {
        Edge& edge = state_->edges.at(p.number - 1);
        edge.open_receiver(ops);
        ports.in = &edge;
    }
    if (!p.last()) {
        Edge& edge = state_->edges.at(p.number);
        edge.open_sender(ops, sizes.image);
        ports.out = &edge;
    }
    if (p.replicas > 1) {
        auto& peer = state_->peers[static_cast<std::size_t>(p.number)];
        peer = std::make_unique<OnePeer>(state_->stages[static_cast<std::size_t>(p.stage())], p, ops, sizes.gradient);
        ports.peers = peer.get();
    }
    return ports;
}

void ThreadTransport::fail(int rank, const std::string& why) {
    const std::lock_guard lock(state_->common.mutex);
    if (state_->common.failure.empty()) state_->common.failure = fmt::format("rank {} has failed: {}", rank, why);
    state_->common.changed.notify_all();
}

}  // namespace gleam::greedy
