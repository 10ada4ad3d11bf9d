// Forecasts of pipelines, against a simulation that moves every batch from rank to rank.
#include <algorithm>
#include <cmath>
#include <random>

#include "greedy/parallel/forecast.hpp"
#include "greedy/parallel/placement.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy;

namespace {

// Seconds until `steps` batches have left a line of stations. Each takes a batch when it is done with the one before, the batch
// has left the station before, and one of the two slots towards the next one is free; that one gives its slot back when it is
// done. At a cut all wait until the line is empty.
double simulate(const std::vector<double>& stations, std::int64_t steps, std::int64_t between_cuts) {
    constexpr std::int64_t slots = 2;
    const std::size_t n = stations.size();
    std::vector<std::vector<double>> done(n, std::vector<double>(static_cast<std::size_t>(steps)));
    double empty = 0;  // when the line was empty last
    for (std::int64_t t = 0; t < steps; ++t) {
        const auto b = static_cast<std::size_t>(t);
        if (t > 0 && between_cuts > 0 && t % between_cuts == 0) empty = done[n - 1][b - 1];
        for (std::size_t s = 0; s < n; ++s) {
            double start = empty;
            if (t > 0) start = std::max(start, done[s][b - 1]);
            if (s > 0) start = std::max(start, done[s - 1][b]);
            if (s + 1 < n && t >= slots) start = std::max(start, done[s + 1][b - slots]);
            done[s][b] = start + stations[s];
        }
    }
    return done[n - 1].back();
}

PipelineCosts costs_of(std::vector<double> modules, std::int64_t steps, std::int64_t between_cuts = 0) {
    PipelineCosts costs;
    costs.gradient_bytes = std::vector<double>(modules.size(), 1000);
    costs.modules = std::move(modules);
    costs.steps = steps, costs.between_cuts = between_cuts;
    return costs;
}

}  // namespace

TEST_CASE("A forecast is exact for a pipeline with two slots per edge, with any costs and cuts") {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> cost(0.1, 2);
    for (int round = 0; round < 200; ++round) {
        const int modules = 1 + round % 9, ranks = 1 + round % modules;
        std::vector<double> seconds(static_cast<std::size_t>(modules));
        for (double& s : seconds) s = cost(random);
        PipelineCosts costs = costs_of(seconds, 1 + round * 7 % 50, round % 4 * 5);
        costs.image_bytes = round % 3, costs.bandwidth = 2;
        const Forecast f = forecast(costs, place_modules(seconds, ranks));
        std::vector<double> line;  // edges that take time are stations like ranks
        for (const double rank : f.ranks) {
            if (!line.empty() && costs.image_bytes > 0) line.push_back(costs.image_bytes / costs.bandwidth);
            line.push_back(rank);
        }
        INFO(round);
        CHECK(f.run == Approx(simulate(line, costs.steps, costs.between_cuts)).epsilon(1e-12));
        CHECK(f.run == Approx(static_cast<double>(costs.steps) * f.step + f.drains).epsilon(1e-12));
    }
}

TEST_CASE("Equal modules on as many ranks lose the number of ranks less one in steps at every cut, and nothing between") {
    const Forecast f = forecast(costs_of({3, 3, 3, 3}, 100, 20), {0, 1, 2, 3});
    CHECK(f.step == 3);
    CHECK(f.one_rank == 12);
    CHECK(f.bubble_steps() == 3);
    CHECK(f.cuts == 5);
    CHECK(f.drains == 5 * 3 * 3);
    CHECK(f.run == 345);
    CHECK(f.drain_share() == Approx(45.0 / 345));
    CHECK(f.efficiency_of_slowest() == 1);
    CHECK(f.efficiency_of_ranks() == 1);
    CHECK(f.speedup == Approx(1200.0 / 345));
    CHECK(forecast(costs_of({3, 3, 3, 3}, 101, 20), {0, 1, 2, 3}).cuts == 6);
}

TEST_CASE("One rank has no bubbles, and uneven ranks wait for the slowest") {
    const Forecast one = forecast(costs_of({1, 2, 3}, 10, 2), {0});
    CHECK(one.run == 60);
    CHECK(one.drains == 0);
    CHECK(one.speedup == 1);
    const Forecast two = forecast(costs_of({1, 2, 3, 4}, 10), {0, 3});
    CHECK(two.ranks == std::vector<double>{6, 4});
    CHECK(two.efficiency_of_slowest() == 1);
    CHECK(two.efficiency_of_ranks() == Approx(10.0 / 12));
}

TEST_CASE("Replicas see more samples per step and pay for averaging the gradients of each rank") {
    PipelineCosts costs = costs_of({1, 1, 1, 1}, 1000);
    costs.bandwidth = 1e4;
    CHECK(forecast(costs, {0, 2}).step == 2);
    costs.replicas = 4;
    const Forecast f = forecast(costs, {0, 2});
    CHECK(f.step == Approx(2 + 2 * 0.75 * 2000 / 1e4));
    CHECK(f.slowest == 2);
    CHECK(f.efficiency_of_slowest() == Approx(2 / f.step));
    CHECK(f.speedup == Approx(4 * 4000 / f.run));
}

TEST_CASE("Ranks that share processors take at least all of their work, spread evenly") {
    PipelineCosts costs = costs_of({1, 1, 1, 1}, 100, 10);
    costs.cores = 4;
    CHECK(forecast(costs, {0, 1, 2, 3}).step == 1);
    costs.cores = 2;
    const Forecast f = forecast(costs, {0, 1, 2, 3});
    CHECK(f.step == 2);
    CHECK(f.run == 200);  // who waits leaves its processor to the others
    CHECK(f.drains == 0);
    costs.busy_per_rank = 2;
    CHECK(forecast(costs, {0, 1, 2, 3}).step == 4);
    CHECK(forecast(costs, {0}).step == 4);
    costs.busy_per_rank = 1, costs.replicas = 3;
    CHECK(forecast(costs, {0, 1, 2, 3}).step == 6);
}

TEST_CASE("Workers are split into ranks that each have a module, times replicas") {
    CHECK(possible_ranks(8, 24) == std::vector<int>{8, 4, 2, 1});
    CHECK(possible_ranks(64, 24) == std::vector<int>{16, 8, 4, 2, 1});
    CHECK(possible_ranks(7, 6) == std::vector<int>{1});
}
