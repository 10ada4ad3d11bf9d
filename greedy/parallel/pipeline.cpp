#include "greedy/parallel/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numeric>
#include <thread>

#include "core/log.hpp"
#include "data/hdf5.hpp"
#include "greedy/parallel/letters.hpp"
#include "greedy/parallel/placement.hpp"
#include "greedy/parallel/threads.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"

namespace gleam::greedy {

std::chrono::milliseconds deadline_of(const JobConfig& job) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * job.parallel.deadline));
}

namespace {

// What went wrong on a rank.
struct Failure {
    std::exception_ptr error;  // null: nothing
    std::string prefix;        // of the rank's messages
    bool consequence = false;  // another rank is lost
};

// Rethrows the failure that others follow from, with messages of this thread beginning as that rank's.
void rethrow_cause(const std::vector<Failure>& failures) {
    const Failure* cause = nullptr;
    for (const Failure& f : failures)
        if (f.error && (!cause || (cause->consequence && !f.consequence))) cause = &f;
    if (!cause) return;
    log_prefix() = cause->prefix;
    std::rethrow_exception(cause->error);
}

// Numbers of all ranks, each of which one rank knows: added up, and the same for all.
std::vector<double> sum_over_ranks(Mail& mail, const Position& p, std::vector<double> numbers) {
    if (p.number > 0) {
        send_numbers(mail, 0, numbers);
        return receive_numbers(mail, 0);
    }
    for (int r = 1; r < p.count(); ++r) {
        const std::vector<double> theirs = receive_numbers(mail, r);
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += theirs.at(i);
    }
    for (int r = 1; r < p.count(); ++r) send_numbers(mail, r, numbers);
    return numbers;
}

// How many modules each rank of a pipeline takes.
std::vector<int> placement(const JobConfig& job, const Position& p, kernels::Operations& ops, Mail& mail) {
    std::vector<int> counts = given_placement(job);
    if (!counts.empty()) {
        if (counts.size() == static_cast<std::size_t>(p.ranks)) return counts;
        throw ConfigError("parallel.placement", fmt::format("is for {} ranks, but there are {}", counts.size(), p.ranks),
                          "give a number for each rank");
    }
    const auto modules = static_cast<std::size_t>(module_count(job));
    std::vector<int> firsts = place_modules(std::vector<double>(modules, 1.0), p.ranks);
    const bool choice = p.ranks > 1 && modules > static_cast<std::size_t>(p.ranks);
    if (job.parallel.placement == "measured" && choice)
        firsts = place_clearly_better(sum_over_ranks(mail, p, measure_modules(job, ops, p.number, p.count())), firsts);
    for (std::size_t r = 0; r < firsts.size(); ++r)
        counts.push_back((r + 1 < firsts.size() ? firsts[r + 1] : static_cast<int>(modules)) - firsts[r]);
    return counts;
}

// What a rank is called, by its modules.
std::string name_of(const Position& p, int first, int count) {
    std::string name = fmt::format("rank {}", p.number);
    if (p.replicas > 1) name += fmt::format(", replica {}", p.replica());
    return name + (count > 1 ? fmt::format(", modules {}-{}", first + 1, first + count) : fmt::format(", module {}", first + 1));
}

// A rank and the names of all.
std::pair<Rank, std::vector<std::string>> rank_of(const Position& position, const std::vector<int>& counts) {
    Rank rank;
    std::vector<std::string> names;
    for (Position p = position; p.number = static_cast<int>(names.size()), p.number < p.count();) {
        const int first = std::accumulate(counts.begin(), counts.begin() + p.stage(), 0);
        const int count = counts[static_cast<std::size_t>(p.stage())];
        names.push_back(name_of(p, first, count));
        if (p.number == position.number) rank = {position, first, count, {}};
    }
    log_prefix() = fmt::format("[{}] ", names[static_cast<std::size_t>(position.number)]);
    return {rank, names};
}

Training run_rank(const JobConfig& job, bool resume, kernels::Operations& ops, const Rank& rank) {
    Trainer trainer(job, resume, ops, rank);
    const Outcome outcome = trainer.run();
    return {outcome, trainer.state().step, rank.position.leads()};
}

// A file that is opened first is tried in a child process (data/hdf5_trial.hpp). A child of a process with many threads may find a
// lock taken for ever, and is given up after two minutes: so files are tried before there are ranks.
void try_files(const JobConfig& job, bool resume) {
    const fs::path checkpoint = resume ? fs::path(job.output) / "last.h5" : fs::path();
    for (const fs::path& file : {fs::path(job.data.train.file), fs::path(job.data.validation.file), checkpoint})
        if (!file.empty() && fs::exists(file)) data::Hdf5File(file).path();
}

// Processes on one machine take one GPU each; those that are shown only some take these in turn.
std::unique_ptr<kernels::Operations> make_device(const std::string& device) {
    int place = rank_on_machine();
    if (const char* shown = std::getenv("CUDA_VISIBLE_DEVICES"); shown && *shown)
        place %= static_cast<int>(1 + std::count(shown, shown + std::strlen(shown), ','));
    if (device == "cuda") return kernels::make_operations(fmt::format("cuda:{}", place));
    auto ops = kernels::make_operations(device);
    if (device != "auto" || ops->device().kind != DeviceKind::cuda || place == 0) return ops;
    return kernels::make_operations(fmt::format("cuda:{}", place));
}

}  // namespace

Training train_in_ranks(const JobConfig& job, bool resume) {
    try_files(job, resume);
    const Position all{0, static_cast<int>(job.parallel.ranks), static_cast<int>(job.parallel.replicas)};
    const int threads = std::max(1, kernels::thread_count() / all.count());
    const auto count = static_cast<std::size_t>(all.count());
    std::vector<std::unique_ptr<kernels::Operations>> devices(count);  // outlive what lies on them
    ThreadTransport transport(all.ranks, all.replicas);
    std::vector<Failure> failures(count);
    Training done;
    const auto work = [&](int r) {
        const auto place = static_cast<std::size_t>(r);
        try {
            Position position = all;
            position.number = r;
            log_prefix() = fmt::format("[rank {}] ", r);
            kernels::set_thread_count(threads);
            devices[place] = kernels::make_operations(job.device);
            kernels::Operations& ops = *devices[place];
            Rank rank = rank_of(position, placement(job, position, ops, transport.mail(r))).first;
            rank.connect = [&](const ConnectionSizes& sizes) { return transport.open(position, ops, sizes); };
            const Training mine = run_rank(job, resume, ops, rank);
            if (position.leads()) done = mine;
        } catch (const std::exception& e) {
            failures[place] = {std::current_exception(), log_prefix(), dynamic_cast<const CommunicationError*>(&e) != nullptr};
            transport.fail(r, e.what());
        }
    };
    std::vector<std::thread> ranks;
    for (int r = 0; r < all.count(); ++r) ranks.emplace_back(work, r);
    for (std::thread& rank : ranks) rank.join();
    rethrow_cause(failures);
    return done;
}

Training train_as_process(JobConfig job, bool resume, Processes& processes) {
    ExitCode code = ExitCode::internal;
    std::string message;
    try {
        const int replicas = static_cast<int>(job.parallel.replicas);
        if (processes.count() % replicas != 0)
            throw ConfigError("parallel.replicas", fmt::format("is {}, but there are {} processes", replicas, processes.count()),
                              "start a multiple of it");
        const Position position{processes.rank(), processes.count() / replicas, replicas};
        job.parallel.ranks = position.ranks;
        validate(job);
        log_prefix() = fmt::format("[rank {}] ", position.number);
        const auto ops = make_device(job.device);
        auto [rank, names] = rank_of(position, placement(job, position, *ops, processes.mail()));
        rank.connect = [&, &names = names](const ConnectionSizes& sizes) {
            return processes.open(position, *ops, sizes, job.parallel.transport, names);
        };
        const Training done = run_rank(job, resume, *ops, rank);
        processes.finish();
        return done;
    } catch (const Error& e) {
        message = e.what();
        code = e.code();
    } catch (const std::exception& e) {
        message = fmt::format("{}; this is a defect of gleam", e.what());
    }
    processes.end_job(static_cast<int>(code), message, code == ExitCode::communication);
}

}  // namespace gleam::greedy
