#include "greedy/parallel/tcp/rendezvous.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/version.hpp"

namespace gleam::greedy::tcp {
namespace {

constexpr std::size_t name_length = 64;

// What a process says when it connects.
struct Hello {
    char program[name_length] = {}, job[name_length] = {};
    std::int32_t rank = 0, count = 0, port = 0;
};

// Where a process listens. An empty host is that of rank 0.
struct Entry {
    char host[name_length] = {};
    std::int32_t port = 0;
};

void set(char (&field)[name_length], const std::string& text) { std::strncpy(field, text.c_str(), name_length - 1); }

Hello hello_of(const Member& m, std::uint16_t port) {
    Hello h;
    set(h.program, std::string("gleam ") + version);
    set(h.job, m.job);
    h.rank = m.rank, h.count = m.count, h.port = port;
    return h;
}

// Whether whoever connected belongs to this job; says why not.
std::string objection(const Hello& theirs, const Hello& ours, const std::vector<Socket>& members) {
    const auto text = [](const char(&field)[name_length]) { return std::string(field, strnlen(field, name_length)); };
    if (text(theirs.program) != text(ours.program)) return "is another program or version: " + text(theirs.program);
    if (text(theirs.job) != text(ours.job)) return "belongs to job '" + text(theirs.job) + "'";
    if (theirs.count != ours.count) return fmt::format("is one of {} processes, not {}", theirs.count, ours.count);
    if (theirs.rank < 0 || theirs.rank >= ours.count || theirs.rank == ours.rank ||
        members[static_cast<std::size_t>(theirs.rank)])
        return fmt::format("calls itself rank {}, which there is already", theirs.rank);
    return "";
}

// Takes connections until those of all ranks in `expected` (first … count - 1) are there.
void take_connections(const Member& self, const Hello& ours, const Socket& listening, int first, TimePoint deadline,
                      std::vector<Socket>& members, std::vector<Hello>& hellos) {
    const auto missing = [&] {
        std::vector<int> ranks;
        for (int r = first; r < self.count; ++r)
            if (!members[static_cast<std::size_t>(r)]) ranks.push_back(r);
        return ranks;
    };
    while (!missing().empty()) {
        Socket s = accept_one(listening, deadline);
        if (!s)
            throw CommunicationError(
                fmt::format("rank {}", self.rank),
                fmt::format("rank{} {} did not come in time", missing().size() > 1 ? "s" : "", fmt::join(missing(), ", ")),
                fmt::format("start all {} processes, with the same GLEAM_RENDEZVOUS", self.count));
        Hello theirs;
        try {
            s.receive_all(&theirs, sizeof theirs, std::min(deadline, std::chrono::steady_clock::now() + std::chrono::seconds(5)));
        } catch (const CommunicationError& e) {
            log_warning("a connection was refused: {}", e.what());
            continue;
        }
        if (const std::string why = objection(theirs, ours, members); !why.empty()) {
            log_warning("a connection from {} was refused: it {}", s.peer_address(), why);
            continue;
        }
        const auto place = static_cast<std::size_t>(theirs.rank);
        members[place] = std::move(s);
        hellos[place] = theirs;
    }
}

// Rank 0 tells everybody where all others listen.
void tell_addresses(const Member& self, const std::vector<Socket>& members, const std::vector<Hello>& hellos,
                    TimePoint deadline) {
    std::vector<Entry> entries(static_cast<std::size_t>(self.count));
    for (std::size_t r = 1; r < entries.size(); ++r) {
        const Address from{members[r].peer_address(), 0};
        if (!from.loopback()) set(entries[r].host, from.host);
        entries[r].port = hellos[r].port;
    }
    for (std::size_t r = 1; r < entries.size(); ++r)
        members[r].send_all(entries.data(), entries.size() * sizeof(Entry), deadline);
}

Socket connect_as(const Hello& ours, const Address& to, TimePoint deadline) {
    std::string why;
    Socket s = connect_to(to, deadline, why);
    if (!s)
        throw CommunicationError(fmt::format("rank {}", ours.rank), fmt::format("{} cannot be reached: {}", to.str(), why),
                                 "look whether rank 0 runs there, and at GLEAM_RENDEZVOUS");
    s.send_all(&ours, sizeof ours, deadline);
    return s;
}

}  // namespace

std::vector<Socket> meet(const Member& self, std::chrono::milliseconds patience) {
    const TimePoint deadline = std::chrono::steady_clock::now() + patience;
    const auto count = static_cast<std::size_t>(self.count);
    std::vector<Socket> members(count);
    std::vector<Hello> hellos(count);
    const bool local = self.rendezvous.loopback();
    const Socket listening = listen_at(self.rank == 0 ? self.rendezvous.port : 0, local);
    const Hello ours = hello_of(self, port_of(listening));
    if (self.rank == 0) {
        take_connections(self, ours, listening, 1, deadline, members, hellos);
        tell_addresses(self, members, hellos, deadline);
        return members;
    }
    members[0] = connect_as(ours, self.rendezvous, deadline);
    std::vector<Entry> entries(count);
    members[0].receive_all(entries.data(), entries.size() * sizeof(Entry), deadline);
    for (int r = 1; r < self.rank; ++r) {
        const Entry& e = entries[static_cast<std::size_t>(r)];
        const std::string host(e.host, strnlen(e.host, name_length));
        const Address there{host.empty() ? self.rendezvous.host : host, static_cast<std::uint16_t>(e.port)};
        members[static_cast<std::size_t>(r)] = connect_as(ours, there, deadline);
    }
    take_connections(self, ours, listening, self.rank + 1, deadline, members, hellos);
    return members;
}

}  // namespace gleam::greedy::tcp
