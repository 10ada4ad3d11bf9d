// Ranks as processes: what connects one of them with the others, over any wire (tcp/, mpi/).
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <thread>

#include "greedy/parallel/edge.hpp"
#include "greedy/parallel/host_carrier.hpp"
#include "greedy/parallel/wire.hpp"

namespace gleam::greedy {

// Letters by wire: their size goes before them.
class WireMail final : public Mail {
public:
    explicit WireMail(Wire& wire) : wire_(wire) {}

    void send(int to, Letter letter) override;
    Letter receive(int from) override;
    // Returns when everything has been received.
    void finish();

private:
    struct Sent {
        int to;
        Letter letter;
        std::uint64_t bytes;
        std::unique_ptr<Wire::Message> size_message, message;
    };
    Wire& wire_;
    std::list<Sent> sent_;
};

// This process among those of its job.
class Processes {
public:
    explicit Processes(std::unique_ptr<Wire> wire);
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    ~Processes();

    int rank() const { return wire_->rank(); }
    int count() const { return wire_->count(); }
    Mail& mail() { return mail_; }

    // The ports of this process, at `position`, which computes with `ops`. They live as long as this object and need `ops` as
    // long. `transport`: auto, host or nccl (parallel.transport). `names` are those of all ranks, for messages; what is logged of
    // lost processes begins with the calling thread's prefix.
    Ports open(const Position& position, kernels::Operations& ops, const ConnectionSizes& sizes, const std::string& transport,
               std::vector<std::string> names);
    // How images leave this process, or come to it: "nccl" or "host".
    const std::string& carried_by() const { return carried_by_; }

    // Everything has been sent and received; called by all processes.
    void finish();
    // Ends the whole job with this exit code, after `message`. Several processes may come to it at about the same time: those of
    // lower rank speak first, so that one does. Where another process is lost (`consequence`), each may have noticed that a few
    // signs of life later than the others.
    [[noreturn]] void end_job(int code, const std::string& message, bool consequence);

private:
    void watch();
    std::unique_ptr<Carrier> connect(int other, bool sender, kernels::Operations& ops, std::size_t bytes,
                                     const std::string& transport);
    std::unique_ptr<Peers> connect_peers(const Position& position, kernels::Operations& ops, std::size_t bytes,
                                         const std::string& transport);

    std::unique_ptr<Wire> wire_;
    WireMail mail_;
    std::unique_ptr<EdgeReceiver> in_;
    std::unique_ptr<EdgeSender> out_;
    std::unique_ptr<Peers> peers_;
    std::string carried_by_ = "host", prefix_;
    std::atomic<bool> ending_ = false, stop_ = false;
    std::thread watch_;
};

}  // namespace gleam::greedy
