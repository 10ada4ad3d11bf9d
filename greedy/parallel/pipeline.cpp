#include "greedy/parallel/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <thread>

#include "core/log.hpp"
#include "greedy/parallel/threads.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"

namespace gleam::greedy {

std::vector<int> place_modules(const std::vector<double>& costs, int ranks) {
    const int n = static_cast<int>(costs.size());
    // least[r][i]: the smallest possible largest sum of modules 0 ... i - 1 on r + 1 ranks; from[r][i]: where the last one begins.
    std::vector<std::vector<double>> least(static_cast<std::size_t>(ranks), std::vector<double>(costs.size() + 1));
    std::vector<std::vector<int>> from(static_cast<std::size_t>(ranks), std::vector<int>(costs.size() + 1));
    for (int r = 0; r < ranks; ++r)
        for (int i = r + 1; i <= n; ++i) {
            double& best = least[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)];
            best = std::numeric_limits<double>::infinity();
            double sum = 0;
            for (int first = i - 1; first >= r; --first) {
                sum += costs[static_cast<std::size_t>(first)];
                if (r == 0 && first > 0) continue;
                const double before = r == 0 ? 0 : least[static_cast<std::size_t>(r - 1)][static_cast<std::size_t>(first)];
                if (std::max(sum, before) >= best) continue;
                best = std::max(sum, before);
                from[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] = first;
            }
        }
    std::vector<int> firsts(static_cast<std::size_t>(ranks));
    for (int r = ranks - 1, end = n; r >= 0; --r) {
        end = from[static_cast<std::size_t>(r)][static_cast<std::size_t>(end)];
        firsts[static_cast<std::size_t>(r)] = end;
    }
    return firsts;
}

namespace {

// Of all errors the one that came first: others say that a rank they were waiting for is lost.
void rethrow_cause(const std::vector<std::exception_ptr>& errors) {
    std::exception_ptr any;
    for (const std::exception_ptr& error : errors) {
        if (!error) continue;
        any = error;
        try {
            std::rethrow_exception(error);
        } catch (const CommunicationError&) {
        } catch (...) {
            throw;
        }
    }
    if (any) std::rethrow_exception(any);
}

}  // namespace

Training train_in_ranks(const JobConfig& job, bool resume) {
    const int count = static_cast<int>(job.parallel.ranks), modules = static_cast<int>(module_count(job));
    const std::vector<int> firsts = place_modules(std::vector<double>(static_cast<std::size_t>(modules), 1.0), count);
    const int threads = std::max(1, kernels::thread_count() / count);
    std::vector<std::unique_ptr<kernels::Operations>> devices(static_cast<std::size_t>(count));  // outlive what lies on them
    ThreadTransport transport(count, std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * job.parallel.deadline)));
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
    Training done;
    const auto work = [&](int r) {
        const auto place = static_cast<std::size_t>(r);
        try {
            const int first = firsts[place], end = r + 1 < count ? firsts[place + 1] : modules;
            log_prefix() = fmt::format("[rank {}, module{} {}] ", r, end - first > 1 ? "s" : "",
                                       end - first > 1 ? fmt::format("{}-{}", first + 1, end) : std::to_string(end));
            kernels::set_thread_count(threads);
            devices[place] = kernels::make_operations(job.device);
            kernels::Operations& ops = *devices[place];
            Trainer trainer(job, resume, ops,
                            {r, count, first, end - first, [&](std::size_t bytes) { return transport.open(r, ops, bytes); }});
            const Outcome outcome = trainer.run();
            if (r + 1 == count) done = {outcome, trainer.state().step};
        } catch (const std::exception& e) {
            errors[place] = std::current_exception();
            transport.fail(r, e.what());
        }
    };
    std::vector<std::thread> ranks;
    for (int r = 0; r < count; ++r) ranks.emplace_back(work, r);
    for (std::thread& rank : ranks) rank.join();
    rethrow_cause(errors);
    return done;
}

}  // namespace gleam::greedy
