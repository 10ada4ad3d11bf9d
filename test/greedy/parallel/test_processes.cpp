// Ranks as processes, connected by TCP and, where there is one, under mpirun: the same bits as one process, and an end to all of
// them when one is lost.
#include <signal.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "data/hdf5.hpp"
#include "greedy/parallel/tcp/socket.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Of a process, by its folder in /proc; nothing if it ends meanwhile.
std::string command_line(const fs::path& process) {
    try {
        std::ifstream file(process / "cmdline");
        return {std::istreambuf_iterator<char>(file), {}};
    } catch (const std::exception&) {
        return "";
    }
}

// How processes are started.
std::vector<std::string> wires() {
#ifdef GLEAM_MPIRUN
    return {"tcp", "mpi"};
#else
    return {"tcp"};
#endif
}

// These, processes started by tools/launch.sh, and one process with several threads.
std::vector<std::string> everything() {
    std::vector<std::string> all = wires();
    all.insert(all.end(), {"launch", "threads"});
    return all;
}

// What the processes of a job have said, and the exit code of the job: that of mpirun or, without it, of the first that failed.
struct Ended {
    int code = 0;
    std::string out;
    std::vector<Finished> each;

    std::size_t count(const std::string& text) const {
        std::size_t n = 0;
        for (std::size_t at = out.find(text); at != std::string::npos; at = out.find(text, at + 1)) ++n;
        return n;
    }
};

struct Running {
    std::vector<Process> processes;

    Ended wait() const {
        Ended e;
        for (const Process& p : processes) {
            e.each.push_back(p.wait());
            e.out += e.each.back().out;
            if (e.code == 0 && e.each.back().code > 0) e.code = e.each.back().code;
        }
        return e;
    }
};

struct Job {
    TemporaryDirectory directory;
    fs::path job = directory / "job.yaml", log = directory / "log";

    Job() {
        write_dataset(directory / "train.h5", 5);
        write_dataset(directory / "test.h5", 2);
        write_bytes(job, tiny_job(directory / "train.h5", directory / "test.h5", 6));
    }
    std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& changes,
                                       const std::vector<std::string>& more) const {
        std::vector<std::string> all{"train", job.string(), "--out", (directory / out).string()};
        for (const char* own : {"model.unrolls=6", "device=cpu", "threads=1"}) all.insert(all.end(), {"--set", own});
        for (const std::string& change : changes) all.insert(all.end(), {"--set", change});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    Running start(const std::string& wire, int count, const std::string& out, std::vector<std::string> changes = {},
                  const std::vector<std::string>& more = {}) const {
        if (wire == "threads") changes.push_back("parallel.ranks=" + std::to_string(count));
        const std::vector<std::string> own = arguments(out, changes, more);
        if (wire == "threads") return {{Process(own, log)}};
        if (wire == "launch") return start_launcher(count, own);
        return wire == "tcp" ? start_tcp(count, own) : start_mpi(count, own);
    }
    Running start_tcp(int count, const std::vector<std::string>& own) const {
        using namespace greedy::tcp;
        const std::string where = Address{"127.0.0.1", port_of(listen_at(0, true))}.str();
        Running running;
        for (int r = 0; r < count; ++r)
            running.processes.emplace_back(own, log.string() + std::to_string(r), 0, GLEAM_PROGRAM,
                                           Environment{"GLEAM_RENDEZVOUS=" + where, "GLEAM_RANK=" + std::to_string(r),
                                                       "GLEAM_RANKS=" + std::to_string(count)});
        return running;
    }
    Running start_launcher(int count, const std::vector<std::string>& own) const {
        std::vector<std::string> all{GLEAM_LAUNCH, std::to_string(count), GLEAM_PROGRAM};
        all.insert(all.end(), own.begin(), own.end());
        return {{Process(all, log, 0, "/bin/bash")}};
    }
    // mpirun takes any number of processes here, on this machine alone, also for root in a container.
    Running start_mpi([[maybe_unused]] int count, [[maybe_unused]] const std::vector<std::string>& own) const {
        Running running;
#ifdef GLEAM_MPIRUN
        std::vector<std::string> all{"--oversubscribe", "--mca", "btl", "self,vader", "-n", std::to_string(count), GLEAM_PROGRAM};
        all.insert(all.end(), own.begin(), own.end());
        running.processes.emplace_back(all, log, 0, GLEAM_MPIRUN,
                                       Environment{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                                                   "OMPI_MCA_plm=isolated", "OMPI_MCA_btl_vader_single_copy_mechanism=none"});
#endif
        return running;
    }
    void train_alone(const std::string& out, const std::vector<std::string>& changes = {},
                     const std::vector<std::string>& more = {}) const {
        const Finished f = run_gleam(arguments(out, changes, more), log);
        INFO(f.out);
        CHECK(f.code == 0);
    }
    void train(const std::string& wire, int count, const std::string& out, const std::vector<std::string>& changes = {},
               const std::vector<std::string>& more = {}) const {
        const Ended e = start(wire, count, out, changes, more).wait();
        INFO(e.out);
        CHECK(e.code == 0);
    }
    std::string metrics(const std::string& out) const { return read_file(directory / out / "metrics.jsonl"); }
    std::vector<double> weights(const std::string& out, int unrolls = 6) const {
        const data::Hdf5File file(directory / out / "last.h5");
        std::vector<double> all;
        for (const char* group : {"weights", "first_moments", "second_moments"})
            for (int unroll = 0; unroll < unrolls; ++unroll)
                for (const char* name : {"block0/conv0/weight", "block0/conv1/weight", "final/weight", "final/bias"}) {
                    const std::string path = std::string(group) + "/unroll" + std::to_string(unroll) + "/resnet/" + name;
                    const auto values = file.read<double>(path).values;
                    all.insert(all.end(), values.begin(), values.end());
                }
        return all;
    }

    // The processes of the ranks, which say on the command line that they are this job's; without mpirun.
    std::vector<pid_t> ranks(const std::string& out) const {
        std::vector<pid_t> found;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const std::string pid = entry.path().filename().string();
            if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
            std::error_code gone;
            if (fs::read_symlink(entry.path() / "exe", gone) != fs::canonical(GLEAM_PROGRAM)) continue;
            const std::string line = command_line(entry.path());
            if (line.find((directory / out).string()) != std::string::npos) found.push_back(std::atoi(pid.c_str()));
        }
        return found;
    }
    // Waits until the job has so many ranks and a checkpoint.
    std::vector<pid_t> running(const std::string& out, std::size_t count) const {
        for (int i = 0; i < 3000; ++i) {
            const auto found = ranks(out);
            if (found.size() == count && fs::exists(directory / out / "last.h5")) return found;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        FAIL("the job does not get going");
        return {};
    }
    bool gone(const std::string& out) const {
        for (int i = 0; i < 1000 && !ranks(out).empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return ranks(out).empty();
    }
};

const std::vector<std::string> long_run{"training.steps=100000", "training.checkpoint_every=2", "training.validate_every=0",
                                        "parallel.deadline=3", "model.unrolls=4"};

// A process of three threads is killed at some moment, or stopped for a while: the checkpoint goes on, and the stopped one
// itself.
void disturb_threads(const Job& j, int signal, std::mt19937& random) {
    static int round = 0;
    const std::string out = "disturbed" + std::to_string(round++);
    INFO("signal " << signal << ", run " << out);
    std::vector<std::string> run = long_run;
    if (signal == SIGSTOP) run.front() = "training.steps=60";
    const Running job = j.start("threads", 3, out, run);
    const pid_t process = j.running(out, 1).front();
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
    ::kill(process, signal);
    if (signal == SIGSTOP) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        ::kill(process, SIGCONT);
    }
    const Ended e = job.wait();
    INFO(e.out);
    CHECK(e.each.front().signal == (signal == SIGSTOP ? 0 : signal));
    if (signal == SIGSTOP) {
        CHECK(e.code == 0);
        if (!fs::exists(j.directory / "undisturbed")) j.train_alone("undisturbed", run);
        CHECK(j.weights(out, 4) == j.weights("undisturbed", 4));
    }
    std::vector<std::string> no_further = long_run;
    no_further.front() = "training.steps=1";
    j.train_alone(out, no_further, {"--resume"});
}

// One of three ranks gets the signal at some moment: all end in time, with one message that says who is lost and when, and the
// checkpoint goes on.
void lose_a_rank(const Job& j, const std::string& wire, int signal, std::mt19937& random) {
    static int round = 0;
    const std::string out = "lost" + std::to_string(round++);
    INFO(wire << ", signal " << signal << ", run " << out);
    const Running job = j.start(wire, 3, out, long_run);
    const auto ranks = j.running(out, 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    const pid_t victim = ranks[random() % 3];
    const auto start = Clock::now();
    ::kill(victim, signal);
    std::thread later([&] {  // a process that is stopped cannot leave; when it goes on, it is to
        std::this_thread::sleep_for(std::chrono::seconds(6));
        if (signal == SIGSTOP) ::kill(victim, SIGCONT);
    });
    const Ended e = job.wait();
    const double seconds = seconds_since(start);
    later.join();
    INFO(e.out);
    CHECK(seconds < 3 + 10);
    CHECK(j.gone(out));
    // mpirun itself ends a job of which a process dies, with a code and a message of its own.
    if (wire == "mpi" && signal == SIGKILL) {
        CHECK(e.code != 0);
    } else {
        CHECK(e.code == 6);
        CHECK(e.count("] error: ") == 1);
        CHECK_THAT(e.out, ContainsSubstring(": lost: ") && ContainsSubstring("module") && ContainsSubstring("batch"));
    }
    std::vector<std::string> no_further = long_run;
    no_further.front() = "training.steps=1";
    j.train_alone(out, no_further, {"--resume"});
}

}  // namespace

TEST_CASE("Processes train to the same bits as one, and continue one another's runs") {
    const Job j;
    j.train_alone("one");
    for (const std::string& wire : wires()) {
        for (const int count : {2, 3, 4, 6}) {
            const std::string out = wire + std::to_string(count);
            INFO(out);
            j.train(wire, count, out);
            CHECK(j.metrics(out) == j.metrics("one"));
            CHECK(j.weights(out) == j.weights("one"));
        }
        j.train(wire, 3, "cut-" + wire, {"training.steps=3"});
        j.train(wire, 2, "cut-" + wire, {}, {"--resume"});
        CHECK(j.weights("cut-" + wire) == j.weights("one"));
    }
}

TEST_CASE("Processes of two replicas train to the same bits as threads of two replicas") {
    const Job j;
    const std::vector<std::string> replicas{"parallel.replicas=2", "model.unrolls=2"};
    j.train_alone("threads", replicas);
    for (const std::string& wire : wires()) {
        INFO(wire);
        j.train(wire, 4, wire, replicas);
        CHECK(j.metrics(wire) == j.metrics("threads"));
        CHECK(j.weights(wire, 2) == j.weights("threads", 2));
    }
    const Ended e = j.start("tcp", 3, "odd", replicas).wait();
    CHECK(e.code == 2);
    CHECK_THAT(e.out, ContainsSubstring("parallel.replicas") && ContainsSubstring("3 processes"));
}

TEST_CASE("On the emulated GPU processes train to the same bits as one") {
    const Job j;
    const std::vector<std::string> emulated{"device=emu", "model.unrolls=2", "training.steps=3"};
    j.train_alone("one", emulated);
    for (const std::string& wire : wires()) {
        INFO(wire);
        j.train(wire, 2, wire, emulated);
        CHECK(j.metrics(wire) == j.metrics("one"));
        CHECK(j.weights(wire, 2) == j.weights("one", 2));
    }
}

TEST_CASE("A process of several ranks that is killed leaves a checkpoint, and one that is stopped goes on to the same bits") {
    const Job j;
    std::mt19937 random(4);
    for (int i = 0; i < 3; ++i)
        for (const int signal : {SIGKILL, SIGSTOP}) disturb_threads(j, signal, random);
}

// Each of them for every wire. The long form, by hand: test_processes "[campaign]", 20 times each.
TEST_CASE("A process that is killed or stopped takes the job down in time, and the last checkpoint goes on") {
    const Job j;
    std::mt19937 random(1);
    for (const std::string& wire : wires()) {
        for (int i = 0; i < 3; ++i) lose_a_rank(j, wire, SIGKILL, random);
        for (int i = 0; i < 2; ++i) lose_a_rank(j, wire, SIGSTOP, random);
    }
}

TEST_CASE("Twenty times, processes are killed and stopped at random moments", "[.campaign]") {
    const Job j;
    std::mt19937 random(2);
    for (int i = 0; i < 20; ++i)
        for (const std::string& wire : wires())
            for (const int signal : {SIGKILL, SIGSTOP}) lose_a_rank(j, wire, signal, random);
    for (int i = 0; i < 20; ++i)
        for (const int signal : {SIGKILL, SIGSTOP}) disturb_threads(j, signal, random);
}

TEST_CASE("A signal to all processes ends the job behind the same batch, with a checkpoint to continue from") {
    const Job j;
    for (const std::string& wire : everything()) {
        const Running job = j.start(wire, 3, wire, long_run);
        for (const pid_t pid : j.running(wire, wire == "threads" ? 1 : 3)) ::kill(pid, SIGTERM);
        const Ended e = job.wait();
        INFO(e.out);
        CHECK_THAT(e.out, ContainsSubstring("the checkpoint is written"));
        CHECK(e.code == 128 + SIGTERM);
    }
}

TEST_CASE("An error of one process is reported once, with its rank, and its exit code is the job's") {
    const Job j;
    for (const std::string& wire : everything()) {
        const Ended e = j.start(wire, 3, "bad-" + wire, {"training.optimizer.learning_rate=1e30"}).wait();
        INFO(e.out);
        CHECK(e.code == 7);
        CHECK(e.count("] error: ") == 1);
        CHECK_THAT(e.out, ContainsSubstring("[rank") && ContainsSubstring("the loss is") && ContainsSubstring("step"));
    }
}

TEST_CASE("Numbers that are none, at any place of the data, end the job with the rank and the step, and the checkpoint goes on") {
    const Job j;
    std::mt19937 random(3);
    for (const std::string& wire : everything()) {
        const auto bad = static_cast<std::int64_t>(random() % 4);
        write_dataset(j.directory / "train.h5", 5, 20, 2, [&](std::int64_t slice, data::SliceData& data) {
            if (slice == bad) data.kspace.values[random() % data.kspace.values.size()] = std::nanf("");
        });
        const std::string out = "nan-" + wire;
        const std::vector<std::string> steps{"training.steps=20", "training.batch=1", "training.checkpoint_every=1",
                                             "model.unrolls=4"};
        const Ended e = j.start(wire, 3, out, steps).wait();
        INFO(e.out);
        CHECK((e.code == 4 || e.code == 7));
        CHECK(e.count("] error: ") == 1);
        CHECK_THAT(e.out, ContainsSubstring("[rank"));
        write_dataset(j.directory / "train.h5", 5);
        j.train(wire, 3, out, steps, {"--resume"});
    }
}

TEST_CASE("A job of which a process is missing, or is told contradictory things, says so") {
    const Job j;
    const auto alone = [&](const Environment& environment) { return run_gleam(j.arguments("x", {}, {}), j.log, 0, environment); };
    const Finished no_rank = alone({"GLEAM_RENDEZVOUS=127.0.0.1:29400", "GLEAM_RANKS=2"});
    CHECK(no_rank.code == 2);
    CHECK_THAT(no_rank.out, ContainsSubstring("GLEAM_RANK") && ContainsSubstring("tools/launch.sh"));
    const Finished too_high = alone({"GLEAM_RENDEZVOUS=127.0.0.1:29400", "GLEAM_RANK=2", "GLEAM_RANKS=2"});
    CHECK(too_high.code == 2);
    CHECK_THAT(too_high.out, ContainsSubstring("GLEAM_RANK is 2") || ContainsSubstring("is 2, but there are 2"));
    const Finished no_port = alone({"GLEAM_RENDEZVOUS=node1", "GLEAM_RANK=0", "GLEAM_RANKS=2"});
    CHECK(no_port.code == 2);
    CHECK_THAT(no_port.out, ContainsSubstring("GLEAM_RENDEZVOUS") && ContainsSubstring("node1:29400"));
}
