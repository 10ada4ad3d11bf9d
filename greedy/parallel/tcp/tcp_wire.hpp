// Messages between processes that are connected by TCP, each with each.
//
// A thread of every process moves the bytes and gives signs of life; whoever sends tries to get rid of them at once. A frame is a
// header and as many bytes. What nobody has asked for yet is kept, which edges' credits keep short.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "greedy/parallel/tcp/rendezvous.hpp"
#include "greedy/parallel/wire.hpp"

namespace gleam::greedy::tcp {

class TcpWire final : public Wire {
public:
    // Meets the others first (CommunicationError).
    TcpWire(const Member& self, std::chrono::milliseconds deadline);
    ~TcpWire() override;

    int rank() const override { return rank_; }
    int count() const override { return static_cast<int>(peers_.size()); }
    SignsOfLife& life() override { return life_; }
    std::unique_ptr<Message> send(int to, Channel channel, const void* data, std::size_t bytes) override;
    std::unique_ptr<Message> receive(int from, Channel channel, void* data, std::size_t room) override;
    void wait(Message& message, int other, const std::string& what) override;
    void finish() override;
    bool ended(int& code) const override;
    [[noreturn]] void abort(int code) override;

private:
    enum Kind : std::int32_t { farewell = -1, failure = -2 };  // frames that are no messages
    struct Header {
        std::int32_t channel = 0, code = 0;
        std::uint64_t bytes = 0;
    };
    struct Pending;
    class Sending;
    class Receiving;
    struct Outgoing {
        Header header;
        const char* data = nullptr;
        std::size_t sent = 0;  // of header and data together
        Sending* message = nullptr;
    };
    struct Peer {
        Socket socket;
        bool left = false;  // said farewell
        std::deque<Outgoing> outgoing;
        // The frame that is coming in, and where it goes.
        Header header;
        std::size_t got = 0;  // of header and data together
        Receiving* target = nullptr;
        std::vector<char> aside;
        std::map<int, std::deque<Receiving*>> asked;  // by channel
        std::map<int, std::deque<std::vector<char>>> unasked;
    };

    void run();
    void push(Peer& peer, const Header& header, const char* data, Sending* message);
    bool write_some(Peer& peer);  // false: the connection is broken
    bool read_some(Peer& peer);
    void begin_frame(Peer& peer);
    void end_frame(Peer& peer);
    void lose(int other, const std::string& why);
    void say_to_all(const Header& header);
    void wake();

    int rank_;
    SignsOfLife life_;
    mutable std::mutex mutex_;  // of all that follows
    std::condition_variable changed_;
    std::vector<Peer> peers_;
    std::optional<int> ended_with_;
    bool stop_ = false;
    int wake_fd_ = -1;
    std::thread thread_;
};

}  // namespace gleam::greedy::tcp
