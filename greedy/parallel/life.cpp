#include "greedy/parallel/life.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "greedy/parallel/ports.hpp"

namespace gleam::greedy {

std::string label_text(std::int64_t label) {
    return label >= 0 ? fmt::format("batch {}", label + 1) : fmt::format("validation image {}", -label);
}

SignsOfLife::SignsOfLife(int rank, int count, std::chrono::milliseconds deadline)
    : rank_(rank), deadline_(deadline), seen_(static_cast<std::size_t>(count)), ticked_(Clock::now().time_since_epoch().count()) {
    for (int other = 0; other < count; ++other) {
        heard(other);
        names_.push_back(fmt::format("rank {}", other));
    }
}

void SignsOfLife::name(std::vector<std::string> names) {
    const std::lock_guard lock(mutex_);
    names_ = std::move(names);
}

std::string SignsOfLife::name(int rank) const {
    const std::lock_guard lock(mutex_);
    return names_.at(static_cast<std::size_t>(rank));
}

void SignsOfLife::lost(int other, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (lost_) return;  // others follow from the first
    lost_ = Loss{other, why};
    lost_at_ = Clock::now();
}

bool SignsOfLife::stopped() const { return Clock::now().time_since_epoch() - Clock::duration(ticked_.load()) > deadline_ / 2; }

void SignsOfLife::tick() {
    if (stopped())
        for (int other = 0; other < static_cast<int>(seen_.size()); ++other) heard(other);
    ticked_ = Clock::now().time_since_epoch().count();
}

std::string SignsOfLife::silence(int other, std::chrono::milliseconds grace) const {
    const Clock::duration silent =
        Clock::now().time_since_epoch() - Clock::duration(seen_[static_cast<std::size_t>(other)].load());
    if (other == rank_ || silent <= deadline_ + grace || stopped()) return "";
    return fmt::format("no sign of life for {:.1f} s", std::chrono::duration<double>(silent).count());
}

std::optional<SignsOfLife::Loss> SignsOfLife::loss(std::chrono::milliseconds grace) const {
    {
        const std::lock_guard lock(mutex_);
        if (lost_ && Clock::now() - lost_at_ >= grace) return lost_;
    }
    for (int other = 0; other < static_cast<int>(seen_.size()); ++other)
        if (std::string why = silence(other, grace); !why.empty()) return Loss{other, std::move(why)};
    return std::nullopt;
}

void SignsOfLife::require(int other, const std::string& what) const {
    std::optional<Loss> loss = this->loss(std::chrono::milliseconds(0));
    if (loss && loss->rank != other)  // a process that is silent matters when it is waited for; one that is gone always does
        if (const std::lock_guard lock(mutex_); !lost_) loss.reset();
    if (!loss) {
        if (std::string why = silence(other, std::chrono::milliseconds(0)); !why.empty()) loss = Loss{other, std::move(why)};
    }
    if (loss)
        throw CommunicationError(name(loss->rank), fmt::format("lost: {} ({})", loss->why, what),
                                 "the last checkpoint is intact: continue with --resume");
}

}  // namespace gleam::greedy
