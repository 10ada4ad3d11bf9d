// Messages between the processes of an MPI job.
//
// Receives are posted before anything is sent, so that an image goes straight to where it is read. Nobody waits in a loop that
// keeps a core busy: between looks there are pauses. A thread gives and takes signs of life, and keeps messages moving.
#pragma once

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "greedy/parallel/wire.hpp"

namespace gleam::greedy {

class MpiWire final : public Wire {
public:
    explicit MpiWire(std::chrono::milliseconds deadline);
    ~MpiWire() override;

    int rank() const override { return rank_; }
    int count() const override { return count_; }
    SignsOfLife& life() override { return *life_; }
    std::unique_ptr<Message> send(int to, Channel channel, const void* data, std::size_t bytes) override;
    std::unique_ptr<Message> receive(int from, Channel channel, void* data, std::size_t room) override;
    void wait(Message& message, int other, const std::string& what) override;
    void finish() override;
    bool ended(int& code) const override;
    [[noreturn]] void abort(int code) override;

private:
    void run();
    void take_signs();
    void take_end();
    void tell_all(Channel channel, const int* code);
    void stop();

    int rank_ = 0, count_ = 1;
    std::unique_ptr<SignsOfLife> life_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::atomic<int> ended_with_ = 0;  // what another process has ended the job with, if it is not 0
    std::thread thread_;
};

}  // namespace gleam::greedy
