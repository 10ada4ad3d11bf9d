#include "greedy/parallel/tcp/tcp_wire.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.hpp"

namespace gleam::greedy::tcp {

using namespace std::chrono_literals;

namespace {

constexpr const char* too_large = "it has sent more than there is room for";

}  // namespace

struct TcpWire::Pending : Message {
    explicit Pending(TcpWire& w) : wire(w) {}
    bool done() override {
        const std::lock_guard lock(wire.mutex_);
        return complete;
    }
    TcpWire& wire;
    bool complete = false;
};

class TcpWire::Sending final : public Pending {
public:
    Sending(TcpWire& wire, int to) : Pending(wire), to_(to) {}
    // One that is not done is only taken back when the job ends: the connection cannot be used any more.
    ~Sending() override {
        const std::lock_guard lock(wire.mutex_);
        if (!complete) wire.peers_[static_cast<std::size_t>(to_)].outgoing.clear();
    }

private:
    int to_;
};

class TcpWire::Receiving final : public Pending {
public:
    Receiving(TcpWire& wire, int from, int channel, void* place, std::size_t bytes)
        : Pending(wire), data(static_cast<char*>(place)), room(bytes), from_(from), channel_(channel) {}
    ~Receiving() override {
        const std::lock_guard lock(wire.mutex_);
        Peer& peer = wire.peers_[static_cast<std::size_t>(from_)];
        std::erase(peer.asked[channel_], this);
        if (peer.target == this) {  // the rest goes nowhere
            peer.target = nullptr;
            peer.aside.resize(peer.header.bytes);
        }
    }
    // Whether these bytes have room here; then they are.
    bool fill(const std::vector<char>& bytes) {
        if (bytes.size() > room) return false;
        std::copy(bytes.begin(), bytes.end(), data);
        return complete = true;
    }
    char* data;
    std::size_t room;

private:
    int from_, channel_;
};

TcpWire::TcpWire(const Member& self, std::chrono::milliseconds deadline)
    : rank_(self.rank), life_(self.rank, self.count, deadline), peers_(static_cast<std::size_t>(self.count)) {
    std::vector<Socket> sockets = meet(self, std::max<std::chrono::milliseconds>(deadline, 60s));
    for (std::size_t r = 0; r < sockets.size(); ++r) {
        if (!sockets[r]) continue;
        sockets[r].make_nonblocking();
        peers_[r].socket = std::move(sockets[r]);
        life_.heard(static_cast<int>(r));
    }
    wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd_ < 0) throw CommunicationError("TCP", std::strerror(errno), "raise the limit of open files");
    thread_ = std::thread([this] { run(); });
}

TcpWire::~TcpWire() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake();
    thread_.join();
    ::close(wake_fd_);
}

void TcpWire::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

// ---- messages ----------------------------------------------------------------------------------------------------------------

std::unique_ptr<Wire::Message> TcpWire::send(int to, Channel channel, const void* data, std::size_t bytes) {
    auto message = std::make_unique<Sending>(*this, to);
    bool later = false;
    {
        const std::lock_guard lock(mutex_);
        Peer& peer = peers_[static_cast<std::size_t>(to)];
        push(peer, {channel, 0, bytes}, static_cast<const char*>(data), message.get());
        if (!write_some(peer)) lose(to, "its connection is broken");
        later = !peer.outgoing.empty();
    }
    if (later) wake();
    return message;
}

std::unique_ptr<Wire::Message> TcpWire::receive(int from, Channel channel, void* data, std::size_t room) {
    auto message = std::make_unique<Receiving>(*this, from, channel, data, room);
    const std::lock_guard lock(mutex_);
    Peer& peer = peers_[static_cast<std::size_t>(from)];
    auto& kept = peer.unasked[channel];
    if (kept.empty()) {
        peer.asked[channel].push_back(message.get());
        return message;
    }
    if (!message->fill(kept.front())) life_.lost(from, too_large);
    kept.pop_front();
    return message;
}

void TcpWire::wait(Message& message, int other, const std::string& what) {
    const bool& complete = static_cast<Pending&>(message).complete;
    std::unique_lock lock(mutex_);
    while (!complete) {
        if (ended_with_) throw CommunicationError(life_.name(rank_), "another process has ended the job", "see its message");
        life_.require(other, what);
        changed_.wait_for(lock, life_.pace());  // all but silence wakes it
    }
}

void TcpWire::finish() {
    say_to_all({farewell, 0, 0});
    std::unique_lock lock(mutex_);
    // Until everything has gone out, and all others have said so too.
    changed_.wait_for(lock, life_.deadline(), [&] {
        return std::all_of(peers_.begin(), peers_.end(),
                           [](const Peer& p) { return !p.socket || (p.left && p.outgoing.empty()); });
    });
}

bool TcpWire::ended(int& code) const {
    const std::lock_guard lock(mutex_);
    if (ended_with_) code = *ended_with_;
    return ended_with_.has_value();
}

void TcpWire::abort(int code) {
    say_to_all({failure, code, 0});
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 500ms, [&] {
            return std::all_of(peers_.begin(), peers_.end(), [](const Peer& p) { return !p.socket || p.outgoing.empty(); });
        });
    }
    std::_Exit(code);
}

void TcpWire::say_to_all(const Header& header) {
    {
        const std::lock_guard lock(mutex_);
        for (Peer& peer : peers_) {
            if (!peer.socket) continue;
            push(peer, header, nullptr, nullptr);
            write_some(peer);
        }
    }
    wake();
}

// ---- bytes (all with the lock) -----------------------------------------------------------------------------------------------

void TcpWire::push(Peer& peer, const Header& header, const char* data, Sending* message) {
    peer.outgoing.push_back({header, data, 0, message});
}

bool TcpWire::write_some(Peer& peer) {
    while (!peer.outgoing.empty() && peer.socket) {
        Outgoing& o = peer.outgoing.front();
        const bool in_header = o.sent < sizeof(Header);
        const char* from = in_header ? reinterpret_cast<const char*>(&o.header) + o.sent : o.data + (o.sent - sizeof(Header));
        const std::size_t all = sizeof(Header) + o.header.bytes, left = (in_header ? sizeof(Header) : all) - o.sent;
        if (left > 0) {
            const ssize_t n =
                ::send(peer.socket.fd(), from, left, MSG_NOSIGNAL | (in_header && all > sizeof(Header) ? MSG_MORE : 0));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
            if (n < 0) return false;
            o.sent += static_cast<std::size_t>(n);
        }
        if (o.sent < all) continue;
        if (o.message) o.message->complete = true;
        peer.outgoing.pop_front();
        changed_.notify_all();
    }
    return true;
}

bool TcpWire::read_some(Peer& peer) {
    for (;;) {
        const bool in_header = peer.got < sizeof(Header);
        const std::size_t at = in_header ? peer.got : peer.got - sizeof(Header);
        char* to = in_header ? reinterpret_cast<char*>(&peer.header) : peer.target ? peer.target->data : peer.aside.data();
        const std::size_t all = in_header ? sizeof(Header) : peer.header.bytes;
        if (at < all) {
            const ssize_t n = ::recv(peer.socket.fd(), to + at, all - at, 0);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
            if (n <= 0) return false;
            peer.got += static_cast<std::size_t>(n);
        }
        if (in_header && peer.got == sizeof(Header)) begin_frame(peer);
        if (peer.got >= sizeof(Header) && peer.got == sizeof(Header) + peer.header.bytes) end_frame(peer);
    }
}

void TcpWire::begin_frame(Peer& peer) {
    auto& asked = peer.asked[peer.header.channel];
    peer.target = nullptr;
    if (!asked.empty() && asked.front()->room >= peer.header.bytes) {
        peer.target = asked.front();
        asked.pop_front();
    } else {
        peer.aside.assign(peer.header.bytes, 0);
    }
}

void TcpWire::end_frame(Peer& peer) {
    auto& asked = peer.asked[peer.header.channel];  // perhaps only since the frame began
    if (peer.target) {
        peer.target->complete = true;
    } else if (!asked.empty()) {
        if (!asked.front()->fill(peer.aside)) life_.lost(static_cast<int>(&peer - peers_.data()), too_large);
        asked.pop_front();
    } else if (peer.header.channel == farewell) {
        peer.left = true;
    } else if (peer.header.channel == failure) {
        if (!ended_with_) ended_with_ = peer.header.code;
    } else if (peer.header.channel != sign_of_life) {
        peer.unasked[peer.header.channel].push_back(std::move(peer.aside));
    }
    peer.target = nullptr;
    peer.got = 0;
    changed_.notify_all();
}

void TcpWire::lose(int other, const std::string& why) {
    Peer& peer = peers_[static_cast<std::size_t>(other)];
    if (!peer.left) life_.lost(other, why);
    peer.socket = Socket();
    peer.outgoing.clear();
    changed_.notify_all();
}

// ---- the thread --------------------------------------------------------------------------------------------------------------

void TcpWire::run() {
    auto next_sign = SignsOfLife::Clock::now();
    std::vector<pollfd> polled;
    std::vector<int> ranks;
    for (;;) {
        polled.assign(1, {wake_fd_, POLLIN, 0});
        ranks.assign(1, -1);
        {
            const std::lock_guard lock(mutex_);
            if (stop_) return;
            life_.tick();
            const bool sign_due = SignsOfLife::Clock::now() >= next_sign;
            if (sign_due) next_sign = SignsOfLife::Clock::now() + life_.pace();
            for (int r = 0; r < count(); ++r) {
                Peer& peer = peers_[static_cast<std::size_t>(r)];
                if (!peer.socket) continue;
                // What else goes out is a sign as well.
                if (sign_due && peer.outgoing.empty()) push(peer, {sign_of_life, 0, 0}, nullptr, nullptr);
                if (!write_some(peer)) {
                    lose(r, "its connection is broken");
                    continue;
                }
                polled.push_back({peer.socket.fd(), static_cast<short>(POLLIN | (peer.outgoing.empty() ? 0 : POLLOUT)), 0});
                ranks.push_back(r);
            }
        }
        ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(life_.pace().count(), 1)));
        if (polled[0].revents) {
            std::uint64_t count = 0;
            [[maybe_unused]] const ssize_t n = ::read(wake_fd_, &count, sizeof count);
        }
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 1; i < polled.size(); ++i) {
            if (!polled[i].revents) continue;
            Peer& peer = peers_[static_cast<std::size_t>(ranks[i])];
            if (!peer.socket) continue;
            life_.heard(ranks[i]);
            if (!read_some(peer)) lose(ranks[i], "its connection is closed");
        }
    }
}

}  // namespace gleam::greedy::tcp
