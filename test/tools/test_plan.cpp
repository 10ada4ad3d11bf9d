#include <cstdlib>

#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

struct Plan {
    TemporaryDirectory directory;
    fs::path job = directory / "job.yaml";

    Plan() {
        write_bytes(job, "model: {unrolls: 4, regularizer: {features: 8}}\n");
        ::setenv("XDG_CACHE_HOME", (directory / "cache").c_str(), 1);
    }
    ~Plan() { ::unsetenv("XDG_CACHE_HOME"); }
    Finished run(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"plan", job.string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_gleam(arguments, directory / "log");
    }
    void shows(const std::vector<std::string>& more, const std::vector<std::string>& words) const {
        const Finished f = run(more);
        INFO(f.out);
        CHECK(f.code == 0);
        for (const std::string& word : words) CHECK_THAT(f.out, ContainsSubstring(word));
    }
    void refuses(const std::vector<std::string>& more, int code, const std::string& message) const {
        const Finished f = run(more);
        INFO(f.out);
        CHECK(f.code == code);
        CHECK_THAT(f.out, ContainsSubstring(message));
    }
};

}  // namespace

TEST_CASE("A plan needs no data, and lists every strategy or why it does not apply") {
    const Plan p;
    p.shows({"--size", "64x48", "--coils", "4"}, {"64 x 48, 4 coils", "greedy", "end_to_end", "checkpoint", "activations",
                                                  "GFLOP", "gleam-bench-ceilings", "invertible does not apply"});
    p.shows({"--size", "64x48", "--coils", "4", "--strategy", "greedy", "--json"},
            {"\"arenas\"", "\"process_growth\"", "\"convolution_weights_acc\"", "\"flops\"", "\"fits\": true"});
    p.shows({"--size", "8x32x32", "--coils", "2", "--set", "model.physics=3d"}, {"8 x 32 x 32"});
    p.shows({"--size", "32x32", "--coils", "2", "--frames", "5", "--set", "model.physics=2d+t"}, {"5 frames"});
}

TEST_CASE("A plan takes its sizes from the data, and options change them") {
    const Plan p;
    write_dataset(p.directory / "train.h5", 2, 20, 3);
    const std::string data = "data.train.file=" + (p.directory / "train.h5").string();
    p.shows({"--set", data}, {"20 x 20, 3 coils"});
    p.shows({"--set", data, "--coils", "7"}, {"20 x 20, 7 coils", "changed"});
    p.refuses({"--set", data, "--set", "model.physics=3d"}, 2, "model.physics");
}

TEST_CASE("A budget gives the largest sizes, and what to change where it is too small") {
    const Plan p;
    const std::vector<std::string> sizes{"--size", "128x128", "--coils", "4", "--set", "training.strategy=end_to_end"};
    auto with = [&](const std::string& budget) {
        std::vector<std::string> all = sizes;
        all.insert(all.end(), {"--budget", budget});
        return all;
    };
    p.shows(with("1GiB"), {"fits 1.0 GiB", "unrolls (now 4)", "features (now 8)", "batch (now 1)"});
    p.shows(with("36MiB"), {"end_to_end does not fit", "model.unrolls="});
    p.shows(with("1MiB"), {"none", "Nothing of this alone"});
    for (const char* budget : {"12GB", "-3", "lots", "1e30", "3 GiB of it"}) p.refuses(with(budget), 2, "--budget");
}

TEST_CASE("With the machine's ceilings a plan estimates times") {
    const Plan p;
    fs::create_directories(p.directory / "cache/gleam");
    const fs::path file = p.directory / "cache/gleam/ceilings.json";
    write_bytes(file, R"({"threads": 2, "fma_gflops": 100.0, "copy_gbytes_per_s": 10.0})");
    p.shows({"--size", "64x64", "--coils", "4"}, {"seconds", "100 GFLOP/s", "10 GB/s"});
    p.shows({"--size", "64x64", "--coils", "4", "--json"}, {"\"seconds\"", "\"ceilings\""});
    write_bytes(file, "{");
    p.refuses({"--size", "64x64", "--coils", "4"}, 4, "ceilings.json");
}

TEST_CASE("What a plan cannot know or obey is an error that says what to give") {
    const Plan p;
    p.refuses({}, 2, "--size");
    p.refuses({"--size", "64x64"}, 2, "--coils");
    p.refuses({"--size", "64x64", "--coils", "2", "--set", "model.physics=2d+t"}, 2, "--frames");
    p.refuses({"--size", "64x64", "--coils", "2", "--frames", "3"}, 2, "--frames");
    for (const char* size : {"64", "64x", "0x64", "64x64x64", "64x64x", "-1x5", "99999999999x9"})
        p.refuses({"--size", size, "--coils", "2"}, 2, "--size");
    p.refuses({"--size", "64x64", "--coils", "2", "--strategy", "greedily"}, 2, "--strategy");
    p.refuses({"--size", "64x64", "--coils", "2", "--set", "model.unrolls=0"}, 2, "unrolls");
}
