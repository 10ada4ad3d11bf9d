// Signs of life between the processes of a job: who was heard of when, and who is lost.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gleam::greedy {

class SignsOfLife {
public:
    using Clock = std::chrono::steady_clock;

    // `deadline`: the longest that a process may be silent.
    SignsOfLife(int rank, int count, std::chrono::milliseconds deadline);

    // How messages call the ranks, such as "rank 2 (modules 5-6)"; "rank 2" until they are named.
    void name(std::vector<std::string> names);
    std::string name(int rank) const;

    std::chrono::milliseconds deadline() const { return deadline_; }
    // How often signs are to be given.
    std::chrono::milliseconds pace() const { return deadline_ / 8; }

    void heard(int other) { seen_[static_cast<std::size_t>(other)] = Clock::now().time_since_epoch().count(); }
    // It will not be heard of again.
    void lost(int other, const std::string& why);
    // Called at that pace. While it is not, this process itself does not run, and the silence of others says nothing.
    void tick();

    // A process that is lost or has been silent for longer than the deadline and `grace`, and why it is thought so.
    struct Loss {
        int rank;
        std::string why;
    };
    std::optional<Loss> loss(std::chrono::milliseconds grace) const;
    // CommunicationError if `other` is lost or silent, while `what` was waited for.
    void require(int other, const std::string& what) const;

private:
    bool stopped() const;
    std::string silence(int other, std::chrono::milliseconds grace) const;  // empty: none

    int rank_;
    std::chrono::milliseconds deadline_;
    std::vector<std::atomic<Clock::rep>> seen_;
    std::atomic<Clock::rep> ticked_;
    mutable std::mutex mutex_;  // of what follows
    std::vector<std::string> names_;
    std::optional<Loss> lost_;
    Clock::time_point lost_at_;
};

}  // namespace gleam::greedy
