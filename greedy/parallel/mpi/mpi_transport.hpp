// Images and mail between processes of an MPI job.
//
// An edge has two buffers at either end. Its receives are posted before anything is sent, so that an image goes straight to where
// it is read, and a sender waits only for a buffer of its own. Nobody waits in a loop that keeps a core busy: between looks there
// are pauses of up to a millisecond.
//
// A thread of every process tells all others now and then that it is alive, however long a step takes. Who waits for a process
// that has been silent longer than the deadline gives up (CommunicationError).
#pragma once

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "core/arena.hpp"
#include "greedy/parallel/transport.hpp"

namespace gleam::greedy {

// Signs of life, given and taken.
class Heartbeat {
public:
    Heartbeat(int rank, int count, std::chrono::milliseconds deadline);
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;
    ~Heartbeat();

    // Waits until done() says so; CommunicationError when `other` is silent for too long meanwhile.
    template <class Done>
    void wait(int other, const std::string& what, Done&& done) {
        for (int pause = 10; !done(); pause = pause < 1000 ? 2 * pause : pause) {
            require_alive(other, what);
            std::this_thread::sleep_for(std::chrono::microseconds(pause));
        }
    }

private:
    using Clock = std::chrono::steady_clock;
    void run();
    void require_alive(int other, const std::string& what) const;

    int rank_, count_;
    std::chrono::milliseconds deadline_;
    std::vector<std::atomic<Clock::rep>> seen_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::thread thread_;
};

class MpiTransport final : public Transport {
public:
    explicit MpiTransport(std::chrono::milliseconds deadline);
    ~MpiTransport() override;

    int rank() const override { return rank_; }
    int count() const override { return count_; }
    Ports open(kernels::Operations& ops, std::size_t image_bytes) override;
    void finish() override;
    [[noreturn]] void abort(int code) override;

private:
    class Receiver;
    class Sender;
    class Letters;

    int rank_ = 0, count_ = 1;
    std::unique_ptr<Heartbeat> heartbeat_;
    std::unique_ptr<Receiver> in_;
    std::unique_ptr<Sender> out_;
    std::unique_ptr<Letters> mail_;
};

}  // namespace gleam::greedy
