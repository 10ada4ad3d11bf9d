#include "greedy/parallel/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <thread>

#include "core/log.hpp"
#include "greedy/parallel/placement.hpp"
#include "greedy/parallel/threads.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"

namespace gleam::greedy {

std::chrono::milliseconds deadline_of(const JobConfig& job) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * job.parallel.deadline));
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

// The modules of a rank, in equal shares.
Rank part_of(const JobConfig& job, int number, int count) {
    const int modules = static_cast<int>(module_count(job));
    const std::vector<int> firsts = place_modules(std::vector<double>(static_cast<std::size_t>(modules), 1.0), count);
    const int first = firsts[static_cast<std::size_t>(number)];
    const int end = number + 1 < count ? firsts[static_cast<std::size_t>(number) + 1] : modules;
    log_prefix() = end - first > 1 ? fmt::format("[rank {}, modules {}-{}] ", number, first + 1, end)
                                   : fmt::format("[rank {}, module {}] ", number, end);
    return {number, count, first, end - first, {}};
}

Training run_rank(const JobConfig& job, bool resume, kernels::Operations& ops, const Rank& rank) {
    Trainer trainer(job, resume, ops, rank);
    const Outcome outcome = trainer.run();
    return {outcome, trainer.state().step, rank.leads()};
}

// Processes on one machine take one GPU each.
std::string device_of_process(const std::string& device) {
    const char* local = std::getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    return device == "cuda" && local ? "cuda:" + std::string(local) : device;
}

}  // namespace

Training train_in_ranks(const JobConfig& job, bool resume) {
    const int count = static_cast<int>(job.parallel.ranks);
    const int threads = std::max(1, kernels::thread_count() / count);
    std::vector<std::unique_ptr<kernels::Operations>> devices(static_cast<std::size_t>(count));  // outlive what lies on them
    ThreadTransport transport(count);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
    Training done;
    const auto work = [&](int r) {
        const auto place = static_cast<std::size_t>(r);
        try {
            Rank rank = part_of(job, r, count);
            kernels::set_thread_count(threads);
            devices[place] = kernels::make_operations(job.device);
            kernels::Operations& ops = *devices[place];
            rank.connect = [&](std::size_t bytes) { return transport.open(r, ops, bytes); };
            const Training mine = run_rank(job, resume, ops, rank);
            if (rank.leads()) done = mine;
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

Training train_as_process(JobConfig job, bool resume, Transport& transport) {
    ExitCode code = ExitCode::internal;
    try {
        job.parallel.ranks = transport.count();
        validate(job);
        Rank rank = part_of(job, transport.rank(), transport.count());
        const auto ops = kernels::make_operations(device_of_process(job.device));
        rank.connect = [&](std::size_t bytes) { return transport.open(*ops, bytes); };
        const Training done = run_rank(job, resume, *ops, rank);
        transport.finish();
        return done;
    } catch (const Error& e) {
        log_info("error: {}", e.what());
        code = e.code();
    } catch (const std::exception& e) {
        log_info("error: {}; this is a defect of gleam", e.what());
    }
    transport.abort(static_cast<int>(code));
    std::abort();
}

}  // namespace gleam::greedy
