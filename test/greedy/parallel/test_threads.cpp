// The hand-off between threads.
#include <thread>

#include "core/error.hpp"
#include "greedy/parallel/threads.hpp"
#include "kernels/cpu/cpu.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::greedy;

TEST_CASE("The end of a run waits behind the images that are still under way") {
    const auto first = kernels::make_cpu_operations(), second = kernels::make_cpu_operations();
    ThreadTransport transport(2, 1);
    const Tensor like{nullptr, DType::f32, Shape{10}, {}};
    const Ports out = transport.open({0, 2, 1}, *first, {like.bytes(), 0});
    const Ports in = transport.open({1, 2, 1}, *second, {like.bytes(), 0});
    std::thread sender([&] {
        for (int i = 0; i < 5; ++i) {
            *out.out->claim(like).as<float>() = static_cast<float>(i);
            out.out->commit(i);
        }
        out.out->end();  // both slots are taken when it comes here, since the receiver waits
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (int i = 0; i < 5; ++i) {
        REQUIRE(in.in->more());
        CHECK(*in.in->take(i, like).as<float>() == static_cast<float>(i));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        in.in->give_back();
    }
    CHECK(!in.in->more());
    sender.join();
}

TEST_CASE("Who waits for a thread that has failed is told why, and an image of another batch is refused") {
    const auto ops = kernels::make_cpu_operations();
    ThreadTransport transport(2, 1);
    const Tensor like{nullptr, DType::f32, Shape{10}, {}};
    const Ports out = transport.open({0, 2, 1}, *ops, {like.bytes(), 0});
    const Ports in = transport.open({1, 2, 1}, *ops, {like.bytes(), 0});
    out.out->claim(like);
    out.out->commit(4);
    CHECK_THROWS_WITH(in.in->take(3, like), ContainsSubstring("batch 5") && ContainsSubstring("batch 4"));
    transport.fail(0, "the disk is full");
    in.in->take(4, like);
    in.in->give_back();
    CHECK_THROWS_WITH(in.in->more(), ContainsSubstring("rank 0 has failed: the disk is full"));
    CHECK_THROWS_AS(in.mail->receive(0), CommunicationError);
}
