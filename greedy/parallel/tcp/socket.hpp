// TCP connections, owned and checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace gleam::greedy::tcp {

using TimePoint = std::chrono::steady_clock::time_point;

class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Socket& operator=(Socket&& o) noexcept {
        std::swap(fd_, o.fd_);
        return *this;
    }
    ~Socket();

    int fd() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    // All of them, before `deadline`; CommunicationError otherwise.
    void send_all(const void* data, std::size_t bytes, TimePoint deadline) const;
    void receive_all(void* data, std::size_t bytes, TimePoint deadline) const;
    // The address of the other side, as numbers.
    std::string peer_address() const;
    void make_nonblocking() const;

private:
    int fd_ = -1;
};

struct Address {
    std::string host;
    std::uint16_t port = 0;  // 0: any

    // "host:port" or "[v6]:port"; ConfigError that names `where`.
    static Address parse(const std::string& text, const std::string& where);
    bool loopback() const;
    std::string str() const;
};

// Listens for connections from this machine alone, or from everywhere. CommunicationError where the port is taken.
Socket listen_at(std::uint16_t port, bool only_this_machine);
std::uint16_t port_of(const Socket& listening);
// The next connection; none after `deadline`.
Socket accept_one(const Socket& listening, TimePoint deadline);
// Tries until somebody listens there; none after `deadline`. `why`: what went wrong last.
Socket connect_to(const Address& address, TimePoint deadline, std::string& why);

}  // namespace gleam::greedy::tcp
