#include <random>
#include <thread>

#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

struct Program {
    TemporaryDirectory directory;
    fs::path log = directory / "log", job = directory / "job.yaml";

    Program() {
        write_dataset(directory / "train.h5", 5);
        write_dataset(directory / "test.h5", 2);
        configure(12);
    }
    void configure(int steps) { write_bytes(job, tiny_job(directory / "train.h5", directory / "test.h5", steps)); }
    std::string path(const std::string& name) const { return (directory / name).string(); }
    Finished run(std::vector<std::string> arguments, std::size_t file_limit = 0) const {
        return run_gleam(arguments, log, file_limit);
    }
    Finished train(const std::string& out, std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"train", job.string(), "--out", path(out)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
};

// A call that must fail: its exit code, and what its message must name.
void refuses(const Program& p, const std::vector<std::string>& arguments, int code, const std::string& message) {
    const Finished f = p.run(arguments);
    INFO(f.out);
    CHECK(f.code == code);
    CHECK_THAT(f.out, ContainsSubstring(message));
}

}  // namespace

TEST_CASE("Help and info say what there is") {
    Program p;
    for (const char* command : {"info", "simulate", "prepare", "plan", "train", "reconstruct", "evaluate", "report", "trace"}) {
        const Finished f = p.run({command, "--help"});
        CHECK(f.code == 0);
        CHECK(f.out.size() > 100);
    }
    const Finished info = p.run({"info", "--json"});
    CHECK(info.code == 0);
    for (const char* word : {"\"version\"", "\"cpu\"", "\"cuda\"", "FFTW", "oneDNN", "HDF5", "\"threads\""})
        CHECK_THAT(info.out, ContainsSubstring(word));
    CHECK_THAT(p.run({"--help"}).out, ContainsSubstring("Exit codes"));
}

TEST_CASE("From nothing to a report in seven commands") {
    Program p;
    CHECK(p.run({"simulate", "--out", p.path("s.h5"), "--slices", "3", "--size", "24", "--coils", "3"}).code == 0);
    CHECK(p.train("greedy").code == 0);
    CHECK(p.train("e2e", {"--set", "training.strategy=end_to_end", "--same-memory-as", p.path("greedy")}).code == 0);
    const Finished evaluated =
        p.run({"evaluate", p.path("test.h5"), "--method", "zero_filled", "--method", "cg_sense", "--method", "l1_wavelet",
               "--wavelet-iterations", "30", "--weights", "greedy=" + p.path("greedy/best.h5"), "--weights",
               p.path("e2e/best.h5"), "--out", p.path("e")});
    INFO(evaluated.out);
    CHECK(evaluated.code == 0);
    for (const char* word : {"PSNR", "CG-SENSE", "l1-wavelet", "greedy", "e2e", "acceleration"})
        CHECK_THAT(evaluated.out, ContainsSubstring(word));
    CHECK(p.run({"report", "--run", "greedy=" + p.path("greedy"), "--run", "end_to_end=" + p.path("e2e"), "--evaluation",
                 p.path("e"), "--out", p.path("report.html")})
              .code == 0);
    CHECK(read_file(p.directory / "report.html").size() > 10000);
    for (const char* end : {"r.h5", "r.cfl", "r.png", "r.nii", "r.nii.gz"}) {
        CHECK(p.run({"reconstruct", "--weights", p.path("greedy/best.h5"), "--input", p.path("test.h5"), "--out", p.path(end)})
                  .code == 0);
        CHECK(fs::file_size(p.directory / end) > 100);
    }
}

TEST_CASE("A run killed again and again ends with the bits of one that was never stopped") {
    Program p;
    p.configure(60);
    REQUIRE(p.train("whole").code == 0);
    std::mt19937 random(7);
    int killed = 0;
    Finished last;
    for (int attempt = 0; attempt < 40; ++attempt) {
        const int signal = attempt % 3 == 2 ? SIGTERM : SIGKILL;
        const Process process({"train", p.job.string(), "--out", p.path("stopped"), "--resume"}, p.log);
        // The later the attempt, the longer it may run, so that the end is reached on slow machines too.
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % (60 + 20 * static_cast<unsigned>(attempt))));
        process.send(signal);
        last = process.wait();
        if (last.code == 0) break;
        ++killed;
        INFO(last.out);
        REQUIRE((last.signal == signal || last.code == 128 + SIGTERM));
    }
    if (last.code != 0) last = p.train("stopped", {"--resume"});
    INFO(last.out);
    CHECK(killed > 0);
    CHECK(last.code == 0);
    CHECK(read_file(p.directory / "stopped" / "metrics.jsonl") == read_file(p.directory / "whole" / "metrics.jsonl"));
    for (const char* file : {"last.h5", "best.h5"}) {
        const data::Hdf5File a(p.directory / "stopped" / file), b(p.directory / "whole" / file);
        for (const char* group : {"weights", "first_moments", "second_moments"})
            for (const char* unroll : {"/unroll0", "/unroll1"})
                for (const char* name : {"/resnet/block0/conv0/weight", "/resnet/block0/conv1/weight",
                                         "/resnet/block0/resample/bias", "/resnet/final/weight"}) {
                    const std::string path = std::string(group) + unroll + name;
                    CHECK(a.read<float>(path).values == b.read<float>(path).values);
                }
    }
}

TEST_CASE("SIGTERM and Ctrl-C end the step, write a checkpoint and say how to go on") {
    Program p;
    p.configure(100000);
    for (int signal : {SIGTERM, SIGINT}) {
        const std::string out = "run" + std::to_string(signal);
        const Process process({"train", p.job.string(), "--out", p.path(out)}, p.log);
        while (!fs::exists(p.directory / out / "last.h5")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        process.send(signal);
        const Finished f = process.wait();
        INFO(f.out);
        CHECK(f.code == 128 + signal);
        CHECK_THAT(f.out, ContainsSubstring("--resume"));
    }
}

TEST_CASE("Mistakes on the command line and in the configuration exit with 2 and name the place") {
    Program p;
    refuses(p, {}, 2, "subcommand");
    refuses(p, {"trian"}, 2, "trian");
    refuses(p, {"train"}, 2, "config");
    refuses(p, {"train", p.job.string(), "--out", p.path("x"), "--set", "training.stepz=3"}, 2, "did you mean 'steps'");
    refuses(p, {"train", p.job.string(), "--out", p.path("x"), "--set", "model.unrolls=3", "--set", "training.modules=2"}, 2,
            "modules");
    refuses(p, {"train", p.job.string()}, 2, "--out");
    write_bytes(p.directory / "bad.yaml", "training:\n  steps: many\n");
    refuses(p, {"train", p.path("bad.yaml"), "--out", p.path("x")}, 2, "bad.yaml:2:");
    refuses(p, {"reconstruct", "--method", "cg_sense", "--input", p.path("test.h5"), "--out", p.path("x.jpg")}, 2, ".png");
    refuses(p, {"reconstruct", "--input", p.path("test.h5"), "--out", p.path("x.png")}, 2, "weights");
    refuses(p, {"evaluate", p.path("test.h5")}, 2, "--method");
    refuses(p,
            {"evaluate", p.path("test.h5"), "--method", "cg_sense", "--mask", "random_1d", "--acceleration", "9", "--calibration",
             "18"},
            2, "acceleration");
    refuses(p, {"evaluate", p.path("test.h5"), "--method", "cg_sense", "--slices", "7"}, 2, "--slices");
    refuses(p, {"simulate", "--out", p.path("x.h5"), "--coils", "0"}, 2, "coils");
    CHECK_FALSE(fs::exists(p.directory / "x"));
}

TEST_CASE("A device that cannot be had exits with 3") {
    Program p;
    // No machine has so many GPUs; where the plug-in or the driver is missing, that is said instead (test_devices.cpp).
    refuses(p, {"train", p.job.string(), "--out", p.path("x"), "--set", "device=cuda:999"}, 3, "device cuda");
    refuses(
        p,
        {"reconstruct", "--method", "cg_sense", "--device", "cuda:999", "--input", p.path("test.h5"), "--out", p.path("x.png")},
        3, "device cuda");
    CHECK_FALSE(fs::exists(p.directory / "x.png"));
}

TEST_CASE("Missing, damaged and unsuitable files exit with 4, name the file, and leave nothing behind") {
    Program p;
    const auto reconstruct = [&](const std::string& input) {
        return std::vector<std::string>{"reconstruct", "--method", "cg_sense", "--input", input, "--out", p.path("x.h5")};
    };
    refuses(p, reconstruct(p.path("absent.h5")), 4, "absent.h5");
    refuses(p, reconstruct(p.job.string()), 4, "job.yaml");
    const std::string bytes = read_file(p.directory / "test.h5");
    write_bytes(p.directory / "short.h5", bytes.substr(0, bytes.size() / 2));
    refuses(p, reconstruct(p.path("short.h5")), 4, "short.h5");
    write_dataset(p.directory / "nan.h5", 2, 20, 2, [](std::int64_t s, data::SliceData& d) {
        if (s == 1) d.kspace[7] = {std::numeric_limits<float>::quiet_NaN(), 0};
    });
    refuses(p, reconstruct(p.path("nan.h5")), 4, "kspace");
    refuses(p, {"reconstruct", "--weights", p.path("train.h5"), "--input", p.path("test.h5"), "--out", p.path("x.h5")}, 4,
            "checkpoint");
    refuses(p, {"prepare", p.job.string(), "--out", p.path("x.h5")}, 4, "job.yaml");
    refuses(p, {"simulate", "--image", p.path("absent.nii"), "--out", p.path("x.h5")}, 4, "absent.nii");
    refuses(p, {"simulate", "--slices", "2", "--size", "16", "--out", p.path("job.yaml/x.h5")}, 4, "job.yaml");
    refuses(p, {"train", p.job.string(), "--out", p.path("job.yaml/run")}, 4, "job.yaml");
    refuses(p, {"train", p.job.string(), "--out", p.path("run"), "--set", "data.train.file=" + p.path("absent.h5")}, 4,
            "absent.h5");
    CHECK_FALSE(fs::exists(p.directory / "x.h5"));
}

TEST_CASE("A full disk is an error with exit code 4, and no file is left half-written") {
    Program p;
    const Finished simulate = p.run({"simulate", "--slices", "8", "--size", "64", "--out", p.path("big.h5")}, 100000);
    INFO(simulate.out);
    CHECK(simulate.code == 4);
    CHECK_THAT(simulate.out, ContainsSubstring("big.h5"));
    const Finished train = p.run({"train", p.job.string(), "--out", p.path("run")}, 3000);
    INFO(train.out);
    CHECK(train.code == 4);
    CHECK_FALSE(fs::exists(p.directory / "big.h5"));
    for (const auto& entry : fs::recursive_directory_iterator(p.directory.path()))
        CHECK(entry.path().string().find(".tmp-") == std::string::npos);
}

TEST_CASE("A dumped configuration reads back to itself") {
    Program p;
    const Finished first = p.train("run", {"--dump-config", "--set", "seed=9"});
    CHECK(first.code == 0);
    write_bytes(p.directory / "again.yaml", first.out);
    const Finished second = p.run({"train", p.path("again.yaml"), "--dump-config"});
    CHECK(second.out == first.out);
    CHECK_THAT(first.out, ContainsSubstring("seed: 9"));
}
