// Messages between processes over TCP; here the processes are threads.
#include <atomic>
#include <cstring>
#include <numeric>
#include <optional>

#include "core/error.hpp"
#include "greedy/parallel/processes.hpp"
#include "greedy/parallel/tcp/tcp_wire.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace std::chrono_literals;
using tcp::Address;
using tcp::Member;
using tcp::TcpWire;

namespace {

// A port nobody listens at.
std::uint16_t free_port() { return tcp::port_of(tcp::listen_at(0, true)); }

std::vector<Member> members(int count) {
    std::vector<Member> all;
    for (int r = 0, port = free_port(); r < count; ++r)
        all.push_back({Address{"127.0.0.1", static_cast<std::uint16_t>(port)}, r, count, "test"});
    return all;
}

// Runs body(rank, wire) for so many processes; the first error is the test's.
template <class Body>
void run(int count, std::chrono::milliseconds deadline, Body&& body) {
    const auto all = members(count);
    std::vector<std::exception_ptr> errors(all.size());
    std::vector<std::thread> threads;
    for (int r = 0; r < count; ++r)
        threads.emplace_back([&, r] {
            try {
                TcpWire wire(all[static_cast<std::size_t>(r)], deadline);
                body(r, wire);
            } catch (...) {
                errors[static_cast<std::size_t>(r)] = std::current_exception();
            }
        });
    for (std::thread& t : threads) t.join();
    for (const auto& error : errors)
        if (error) std::rethrow_exception(error);
}

std::vector<int> numbers(std::size_t count, int first) {
    std::vector<int> n(count);
    std::iota(n.begin(), n.end(), first);
    return n;
}

}  // namespace

TEST_CASE("Messages of any size come in order, whether they are asked for before or after they are sent") {
    const std::vector<std::size_t> sizes{0, 1, 1000, 3'000'000};
    std::atomic<int> wrong = 0;
    run(3, 30s, [&](int rank, TcpWire& wire) {
        std::vector<std::vector<int>> sent, received;
        std::vector<std::pair<int, std::unique_ptr<Wire::Message>>> messages;
        const auto send_all = [&] {
            for (int other = 0; other < 3; ++other)
                for (const std::size_t n : sizes) {
                    if (other == rank) continue;
                    sent.push_back(numbers(n, 10 * rank + other));
                    messages.emplace_back(other, wire.send(other, Wire::image, sent.back().data(), n * sizeof(int)));
                }
        };
        const auto receive_all = [&] {
            for (int other = 0; other < 3; ++other)
                for (const std::size_t n : sizes) {
                    if (other == rank) continue;
                    received.emplace_back(n);
                    messages.emplace_back(other, wire.receive(other, Wire::image, received.back().data(), n * sizeof(int)));
                }
        };
        for (int round = 0; round < 5; ++round) {
            sent.clear(), received.clear(), messages.clear();
            if ((round + rank) % 2) {
                receive_all();
                send_all();
            } else {
                send_all();
                receive_all();
            }
            for (auto& [other, message] : messages) wire.wait(*message, other, "test");
            std::size_t i = 0;
            for (int other = 0; other < 3; ++other)
                for (const std::size_t n : sizes)
                    if (other != rank && received[i++] != numbers(n, 10 * other + rank)) ++wrong;
        }
        messages.clear();
        wire.finish();
    });
    CHECK(wrong == 0);
}

TEST_CASE("Who waits for a process that has gone is told so at once, with its name") {
    std::string message;
    run(2, 30s, [&](int rank, TcpWire& wire) {
        wire.life().name({"rank 0, module 1", "rank 1, module 2"});
        int number = 0;
        if (rank == 1) return;
        try {
            wire.wait(*wire.receive(1, Wire::image, &number, sizeof number), 1, "waiting for the first image");
        } catch (const CommunicationError& e) {
            message = e.what();
        }
    });
    CHECK_THAT(message, ContainsSubstring("rank 1, module 2: lost") && ContainsSubstring("connection is closed") &&
                            ContainsSubstring("waiting for the first image") && ContainsSubstring("--resume"));
}

TEST_CASE("A process that is there but silent is lost after the deadline, and not before") {
    SignsOfLife life(0, 2, 200ms);
    CHECK(!life.loss(0ms));
    std::this_thread::sleep_for(90ms);
    life.tick();
    life.heard(1);
    std::this_thread::sleep_for(90ms);
    life.tick();
    std::this_thread::sleep_for(90ms);
    life.tick();
    CHECK_NOTHROW(life.require(1, "test"));
    std::this_thread::sleep_for(60ms);
    life.tick();
    CHECK_THROWS_WITH(life.require(1, "test"), ContainsSubstring("no sign of life"));
    CHECK(life.loss(0ms).has_value());
    CHECK(!life.loss(10s));
    life.tick();
    life.tick();
    CHECK(life.loss(0ms).has_value());
}

TEST_CASE("A process that was stopped itself does not take the others for lost when it goes on") {
    SignsOfLife life(0, 2, 200ms);
    life.tick();
    std::this_thread::sleep_for(300ms);
    CHECK(!life.loss(0ms));
    life.tick();
    CHECK(!life.loss(0ms));
}

TEST_CASE("Strangers and processes of another job are sent away, and the job comes together without them") {
    auto all = members(2);
    Member stranger = all[1];
    stranger.job = "another";
    std::vector<std::thread> threads;
    std::atomic<int> met = 0, refused = 0;
    const auto join = [&](const Member& m, std::atomic<int>& counter) {
        try {
            if (tcp::meet(m, 20s).size() == 2) ++counter;
        } catch (const CommunicationError&) {
            ++refused;
        }
    };
    threads.emplace_back([&] { join(all[0], met); });
    {
        std::string why;
        const tcp::Socket noise = tcp::connect_to(all[0].rendezvous, std::chrono::steady_clock::now() + 10s, why);
        REQUIRE(noise);
        noise.send_all("GET / HTTP/1.1\r\n", 16, std::chrono::steady_clock::now() + 1s);
    }
    std::thread([&] { join(stranger, met); }).join();
    CHECK(refused == 1);
    threads.emplace_back([&] { join(all[1], met); });
    for (std::thread& t : threads) t.join();
    CHECK(met == 2);
}

TEST_CASE("A process that never comes is named") {
    const auto all = members(3);
    std::string message;
    std::thread one([&] {
        try {
            tcp::meet(all[1], 600ms);
        } catch (const CommunicationError&) {
        }
    });
    CHECK_THROWS_WITH(tcp::meet(all[0], 500ms), ContainsSubstring("rank 2 did not come"));
    one.join();
}

TEST_CASE("An address without a machine or a port is refused with what to write") {
    CHECK(Address::parse("node1:29400", "GLEAM_RENDEZVOUS").port == 29400);
    CHECK(Address::parse("[::1]:80", "x").host == "::1");
    for (const char* bad : {"", "node1", ":5", "node1:", "node1:0", "node1:70000", "node1:x"})
        CHECK_THROWS_WITH(Address::parse(bad, "GLEAM_RENDEZVOUS"),
                          ContainsSubstring("GLEAM_RENDEZVOUS") && ContainsSubstring("node1:29400"));
}

TEST_CASE("An edge hands on at most two images ahead, and checks which they are") {
    run(2, 30s, [](int rank, TcpWire& wire) {
        const auto ops = kernels::make_cpu_operations();
        std::vector<float> room(100);
        const Tensor like{room.data(), DType::f32, Shape{100}, {}};
        const auto carrier = [&](int other) { return std::make_unique<HostCarrier>(wire, other, *ops, like.bytes()); };
        if (rank == 0) {
            EdgeSender out(wire, 1, carrier(1));
            for (int i = 0; i < 7; ++i) {
                const Tensor image = out.claim(like);
                std::fill_n(image.as<float>(), 100, static_cast<float>(i));
                out.commit(i == 6 ? 60 : i);
            }
            out.finish();
            wire.finish();
            return;
        }
        EdgeReceiver in(wire, 0, carrier(0));
        for (int i = 0; i < 6; ++i) {
            CHECK(in.more());
            const Tensor image = in.take(i, like);
            CHECK(image.as<float>()[99] == static_cast<float>(i));
            in.give_back();
        }
        CHECK_THROWS_WITH(in.take(6, like), ContainsSubstring("batch 61") && ContainsSubstring("batch 7 "));
        in.give_back();
        wire.finish();
    });
}

TEST_CASE("Replicas average to the same bits on each, in their order, for any number of values") {
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{1001}}) {
        std::array<std::vector<double>, 3> values;
        for (int r = 0; r < 3; ++r)
            for (std::size_t i = 0; i < count; ++i)
                values[static_cast<std::size_t>(r)].push_back(1.0 / static_cast<double>(3 + i + 7 * static_cast<std::size_t>(r)));
        std::vector<double> expected;
        for (std::size_t i = 0; i < count; ++i) expected.push_back((values[0][i] + values[1][i] + values[2][i]) * (1.0 / 3));
        run(3, 30s, [&](int rank, TcpWire& wire) {
            const auto ops = kernels::make_cpu_operations();
            auto& mine = values[static_cast<std::size_t>(rank)];
            HostPeers peers(wire, {0, 1, 2}, *ops, count * sizeof(double));
            peers.average({mine.data(), DType::f64, Shape{static_cast<std::int64_t>(count)}, {}});
            wire.finish();
        });
        for (const auto& v : values) CHECK(v == expected);
    }
}
