#include "greedy/parallel/tcp/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/error.hpp"

namespace gleam::greedy::tcp {
namespace {

constexpr const char* remedy = "look whether all processes of the job run, and whether a firewall is between them";

int milliseconds_until(TimePoint deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

// Whether something can be read or written before the deadline.
bool ready(int fd, short events, TimePoint deadline) {
    for (;;) {
        pollfd p{fd, events, 0};
        const int n = ::poll(&p, 1, milliseconds_until(deadline));
        if (n > 0) return true;
        if (n == 0) return false;
        if (errno != EINTR) throw CommunicationError("poll", std::strerror(errno), remedy);
    }
}

void send_small_messages_at_once(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

void Socket::send_all(const void* data, std::size_t bytes, TimePoint deadline) const {
    for (const char* at = static_cast<const char*>(data); bytes > 0;) {
        if (!ready(fd_, POLLOUT, deadline)) throw CommunicationError(peer_address(), "takes nothing", remedy);
        const ssize_t n = ::send(fd_, at, bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw CommunicationError(peer_address(), std::strerror(errno), remedy);
        at += n, bytes -= static_cast<std::size_t>(n);
    }
}

void Socket::receive_all(void* data, std::size_t bytes, TimePoint deadline) const {
    for (char* at = static_cast<char*>(data); bytes > 0;) {
        if (!ready(fd_, POLLIN, deadline)) throw CommunicationError(peer_address(), "says nothing", remedy);
        const ssize_t n = ::recv(fd_, at, bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw CommunicationError(peer_address(), n < 0 ? std::strerror(errno) : "has closed the connection", remedy);
        at += n, bytes -= static_cast<std::size_t>(n);
    }
}

std::string Socket::peer_address() const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    char host[NI_MAXHOST] = "";
    if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
        ::getnameinfo(reinterpret_cast<sockaddr*>(&address), length, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
        return "a process of this job";
    const std::string text = host, mapped = "::ffff:";
    return text.starts_with(mapped) ? text.substr(mapped.size()) : text;
}

void Socket::make_nonblocking() const { ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK); }

Address Address::parse(const std::string& text, const std::string& where) {
    const std::size_t colon = text.rfind(':');
    Address a;
    if (colon != std::string::npos) {
        a.host = text.substr(0, colon);
        if (a.host.size() > 2 && a.host.front() == '[' && a.host.back() == ']') a.host = a.host.substr(1, a.host.size() - 2);
        const std::string digits = text.substr(colon + 1);
        if (!digits.empty() && digits.size() <= 5 && digits.find_first_not_of("0123456789") == std::string::npos &&
            std::stoi(digits) > 0 && std::stoi(digits) <= 65535)
            a.port = static_cast<std::uint16_t>(std::stoi(digits));
    }
    if (a.host.empty() || a.port == 0)
        throw ConfigError(where, "is '" + text + "'", "write the machine of rank 0 and a free port of it, such as node1:29400");
    return a;
}

bool Address::loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string Address::str() const {
    return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port);
}

Socket listen_at(std::uint16_t port, bool only_this_machine) {
    const int on = 1, off = 0;
    // Of both versions of the protocol if there are two.
    for (const int family : {AF_INET6, AF_INET}) {
        if (only_this_machine && family == AF_INET6) continue;
        Socket s(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!s) continue;
        ::setsockopt(s.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in6 v6{};
        sockaddr_in v4{};
        v6.sin6_family = AF_INET6, v6.sin6_port = htons(port), v6.sin6_addr = in6addr_any;
        v4.sin_family = AF_INET, v4.sin_port = htons(port);
        v4.sin_addr.s_addr = htonl(only_this_machine ? INADDR_LOOPBACK : INADDR_ANY);
        if (family == AF_INET6) ::setsockopt(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        const auto* address =
            family == AF_INET6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
        const socklen_t length = family == AF_INET6 ? sizeof v6 : sizeof v4;
        if (::bind(s.fd(), address, length) == 0 && ::listen(s.fd(), 1024) == 0) return s;
        if (family == AF_INET)
            throw CommunicationError(fmt::format("port {}", port), std::string("cannot be listened at: ") + std::strerror(errno),
                                     "choose another port");
    }
    throw CommunicationError("TCP", std::string("no socket can be had: ") + std::strerror(errno), remedy);
}

std::uint16_t port_of(const Socket& listening) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(listening.fd(), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Socket accept_one(const Socket& listening, TimePoint deadline) {
    if (!ready(listening.fd(), POLLIN, deadline)) return {};
    Socket s(::accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (s) send_small_messages_at_once(s.fd());
    return s;
}

Socket connect_to(const Address& address, TimePoint deadline, std::string& why) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    for (;;) {
        const int status = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
        if (status != 0) why = ::gai_strerror(status);
        for (const addrinfo* a = status == 0 ? found : nullptr; a; a = a->ai_next) {
            Socket s(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (!s) continue;
            s.make_nonblocking();
            int error = ::connect(s.fd(), a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
            if (error == EINPROGRESS) {
                socklen_t length = sizeof error;
                const TimePoint soon = std::chrono::steady_clock::now() + std::chrono::seconds(5);
                if (!ready(s.fd(), POLLOUT, std::min(deadline, soon)))
                    error = ETIMEDOUT;
                else
                    ::getsockopt(s.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
            }
            if (error == 0) {
                ::fcntl(s.fd(), F_SETFL, ::fcntl(s.fd(), F_GETFL) & ~O_NONBLOCK);
                send_small_messages_at_once(s.fd());
                ::freeaddrinfo(found);
                return s;
            }
            why = std::strerror(error);
        }
        if (status == 0) ::freeaddrinfo(found);
        if (std::chrono::steady_clock::now() >= deadline) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

}  // namespace gleam::greedy::tcp
