// Ranks as processes under mpirun: the same bits as one process, and an end to all of them when one is lost.
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "data/hdf5.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

using Clock = std::chrono::steady_clock;

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
        std::vector<std::string> all{"train", job.string(),      "--out", (directory / out).string(),
                                     "--set", "model.unrolls=4", "--set", "device=cpu",
                                     "--set", "threads=1"};
        for (const std::string& change : changes) all.insert(all.end(), {"--set", change});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    // mpirun takes any number of processes here, on this machine alone, also for root in a container.
    Process start(int ranks, const std::string& out, const std::vector<std::string>& changes = {},
                  const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all{"--oversubscribe", "--mca", "btl", "self,vader", "-n", std::to_string(ranks), GLEAM_PROGRAM};
        const auto own = arguments(out, changes, more);
        all.insert(all.end(), own.begin(), own.end());
        return Process(all, log, 0, GLEAM_MPIRUN,
                       {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_plm=isolated",
                        "OMPI_MCA_btl_vader_single_copy_mechanism=none"});
    }
    void train(int ranks, const std::string& out, const std::vector<std::string>& changes = {},
               const std::vector<std::string>& more = {}) const {
        const Finished f = ranks > 1 ? start(ranks, out, changes, more).wait() : run_gleam(arguments(out, changes, more), log);
        INFO(f.out);
        CHECK(f.code == 0);
    }
    std::string metrics(const std::string& out) const { return read_file(directory / out / "metrics.jsonl"); }
    std::vector<double> weights(const std::string& out) const {
        const data::Hdf5File file(directory / out / "last.h5");
        std::vector<double> all;
        for (const char* group : {"weights", "first_moments", "second_moments"})
            for (int unroll = 0; unroll < 4; ++unroll)
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
            std::ifstream file(entry.path() / "cmdline");
            const std::string line((std::istreambuf_iterator<char>(file)), {});
            if (line.find((directory / out).string()) != std::string::npos) found.push_back(std::atoi(pid.c_str()));
        }
        return found;
    }
    // Waits until the job has so many ranks and a checkpoint.
    std::vector<pid_t> running(const std::string& out, std::size_t count) const {
        for (int i = 0; i < 600; ++i) {
            const auto found = ranks(out);
            if (found.size() == count && fs::exists(directory / out / "last.h5")) return found;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        FAIL("the job does not get going: " << read_file(log));
        return {};
    }
};

const std::vector<std::string> long_run{"training.steps=100000", "training.checkpoint_every=2", "training.validate_every=0",
                                        "parallel.deadline=3"};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

TEST_CASE("Processes under mpirun train to the same bits as one process, and continue one another's runs") {
    const Job j;
    j.train(1, "one");
    for (const int ranks : {2, 3, 4}) {
        const std::string out = "mpi" + std::to_string(ranks);
        INFO(out);
        j.train(ranks, out);
        CHECK(j.metrics(out) == j.metrics("one"));
        CHECK(j.weights(out) == j.weights("one"));
    }
    j.train(3, "cut", {"training.steps=3"});
    j.train(2, "cut", {}, {"--resume"});
    CHECK(j.weights("cut") == j.weights("one"));
}

TEST_CASE("A process that is killed or stopped takes the job down in time, and the last checkpoint goes on") {
    const Job j;
    int round = 0;
    for (const int signal : {SIGKILL, SIGSTOP})
        for (std::size_t victim = 0; victim < 3; ++victim) {
            const std::string out = "lost" + std::to_string(round++);
            INFO(out);
            const Process job = j.start(3, out, long_run);
            const auto ranks = j.running(out, 3);
            const auto start = Clock::now();
            ::kill(ranks[victim], signal);
            const Finished f = job.wait();
            INFO(f.out);
            CHECK(f.code != 0);
            if (signal == SIGSTOP) {
                CHECK(f.code == 6);
                CHECK_THAT(f.out, ContainsSubstring("no sign of life"));
            }
            CHECK(seconds_since(start) < 15);
            for (const pid_t pid : j.ranks(out)) ::kill(pid, SIGKILL);  // one that was stopped cannot leave by itself
            std::vector<std::string> no_further = long_run;
            no_further.front() = "training.steps=1";
            const Finished again = run_gleam(j.arguments(out, no_further, {"--resume"}), j.log);
            INFO(again.out);
            CHECK(again.code == 0);
        }
}

TEST_CASE("A signal to the first process ends the job behind the same batch, with a checkpoint to continue from") {
    const Job j;
    const Process job = j.start(3, "stopped", long_run);
    for (const pid_t pid : j.running("stopped", 3)) ::kill(pid, SIGTERM);
    const Finished f = job.wait();
    INFO(f.out);
    CHECK_THAT(f.out, ContainsSubstring("the checkpoint is written"));
    CHECK(f.code == 128 + SIGTERM);
}

TEST_CASE("An error of one process is reported with its rank, and its exit code is the job's") {
    const Job j;
    const Finished f = j.start(3, "bad", {"training.optimizer.learning_rate=1e30"}).wait();
    INFO(f.out);
    CHECK(f.code == 7);
    CHECK_THAT(f.out, ContainsSubstring("[rank") && ContainsSubstring("the loss is"));
}
