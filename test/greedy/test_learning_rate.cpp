#include "greedy/learning_rate.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy;

namespace {

OptimizerConfig optimizer(const std::string& schedule, std::int64_t warmup = 0) {
    OptimizerConfig o;
    o.learning_rate = 0.2, o.schedule = schedule, o.warmup = warmup;
    o.step_every = 10, o.step_factor = 0.5;
    return o;
}

}  // namespace

TEST_CASE("A constant learning rate stays as it is") {
    for (const int step : {1, 50, 100}) CHECK(learning_rate(optimizer("constant"), step, 100) == 0.2);
}

TEST_CASE("A cosine schedule starts at the learning rate, is halfway down in the middle, and never reaches 0") {
    CHECK(learning_rate(optimizer("cosine"), 1, 100) == 0.2);
    CHECK(learning_rate(optimizer("cosine"), 51, 100) == Approx(0.1));
    CHECK(learning_rate(optimizer("cosine"), 100, 100) > 0);
    CHECK(learning_rate(optimizer("cosine"), 100, 100) < 1e-4);
}

TEST_CASE("A step schedule falls by its factor after every so many steps") {
    const OptimizerConfig o = optimizer("step");
    CHECK(learning_rate(o, 1, 100) == 0.2);
    CHECK(learning_rate(o, 10, 100) == 0.2);
    CHECK(learning_rate(o, 11, 100) == Approx(0.1));
    CHECK(learning_rate(o, 20, 100) == Approx(0.1));
    CHECK(learning_rate(o, 21, 100) == Approx(0.05));
}

TEST_CASE("A warm-up rises in equal steps to where the schedule starts, which is then later") {
    for (const std::string schedule : {"constant", "cosine", "step"}) {
        const OptimizerConfig with = optimizer(schedule, 4), without = optimizer(schedule);
        for (int step = 1; step <= 5; ++step) CHECK(learning_rate(with, step, 104) == Approx(0.2 * step / 5));
        for (int step = 5; step <= 104; ++step) CHECK(learning_rate(with, step, 104) == learning_rate(without, step - 4, 100));
    }
}
