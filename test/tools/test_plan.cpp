#include <cstdlib>
#include <nlohmann/json.hpp>

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
    nlohmann::json parallel(std::vector<std::string> more) const {
        more.emplace_back("--json");
        const Finished f = run(more);
        INFO(f.out);
        REQUIRE(f.code == 0);
        return nlohmann::json::parse(f.out.substr(f.out.find("{\n"))).at("parallel");
    }
    // As if the machine did so much on one thread.
    void write_ceilings() const {
        fs::create_directories(directory / "cache/gleam");
        write_bytes(directory / "cache/gleam/ceilings.json", R"({"threads": 1, "fma_gflops": 100.0, "copy_gbytes_per_s": 10.0})");
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

TEST_CASE("Without times, a plan for several ranks tells memory, evenness and bubbles in steps") {
    const Plan p;
    const std::vector<std::string> sizes{"--size", "64x48", "--coils", "4", "--cores", "8"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), sizes.begin(), sizes.end());
        return more;
    };
    p.shows(with({"--ranks", "1,2", "--ranks", "4"}), {"4 x 1", "bubble", "modules each", "gleam-bench-ceilings"});
    const auto json = p.parallel(with({"--ranks", "1,3"}));
    CHECK(json.at("costs") == "operations");
    CHECK_FALSE(json.contains("bandwidth"));
    const auto& plans = json.at("plans");
    REQUIRE(plans.size() == 2);
    CHECK(plans[0].at("bubble_steps") == 0);
    CHECK_FALSE(plans[1].contains("seconds"));
    REQUIRE(plans[1].at("parts").size() == 3);
    CHECK(plans[1].at("bubble_steps").get<double>() == Approx(1));  // two modules on the slowest rank, one on the others
    CHECK(plans[1].at("efficiency").at("of_ranks").get<double>() == Approx(4.0 / 6));
    std::int64_t modules = 0, parameters = 0;
    for (const auto& part : plans[1].at("parts")) {
        CHECK(part.at("first_module") == modules + 1);
        CHECK(part.at("arenas").at("activations") == plans[0].at("parts")[0].at("arenas").at("activations"));
        modules += part.at("modules").get<std::int64_t>(), parameters += part.at("parameters").get<std::int64_t>();
    }
    CHECK(modules == 4);
    CHECK(parameters == plans[0].at("parts")[0].at("parameters"));
    CHECK(p.parallel(with({"--set", "parallel.ranks=2"})).at("plans")[0].at("ranks") == 2);
}

TEST_CASE("With the machine's ceilings a plan for several ranks predicts times, bubbles and drains") {
    const Plan p;
    p.write_ceilings();
    const std::vector<std::string> options{"--size",  "64x48",
                                           "--coils", "4",
                                           "--set",   "threads=4",
                                           "--set",   "training.steps=100",
                                           "--ranks", "1,2,4",
                                           "--set",   "training.validate_every=10",
                                           "--set",   "data.validation.file=" + (p.directory / "later.h5").string()};
    p.shows(options, {"step [s]", "drains", "every validation (10 steps)", "10 GB/s", "--measure"});
    const auto with = [&](const std::vector<std::string>& more) {
        std::vector<std::string> all = options;
        all.insert(all.end(), more.begin(), more.end());
        return p.parallel(all);
    };
    const auto seconds = [](const nlohmann::json& json, int plan, const char* key) {
        return json.at("plans").at(static_cast<std::size_t>(plan)).at("seconds").at(key).get<double>();
    };
    const auto json = with({});
    const double one = seconds(json, 0, "step");
    CHECK(seconds(json, 1, "step") == Approx(one / 2));
    CHECK(seconds(json, 2, "step") == Approx(one / 4));
    CHECK(seconds(json, 0, "drains") == Approx(0).margin(1e-12));
    // Ten times the way through the other three ranks, and the hand-offs on it.
    CHECK(seconds(json, 2, "drains") == Approx(10 * (3 * one / 4 + 3 * 64 * 48 * 8 / 10e9)));
    CHECK(json.at("plans")[2].at("cuts") == 10);
    CHECK(seconds(with({"--cores", "2"}), 2, "step") == Approx(one / 2));
    CHECK(seconds(with({"--bandwidth", "0.00001"}), 1, "step") == Approx(64 * 48 * 8 / 1e4));
}

TEST_CASE("More ranks than modules become replicas, split so that steps are the quickest") {
    const Plan p;
    p.write_ceilings();
    const std::vector<std::string> sizes{"--size", "64x48", "--coils", "4", "--cores", "100"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), sizes.begin(), sizes.end());
        return more;
    };
    p.shows(with({"--ranks", "8"}),
            {"8 workers are more than 4 modules", "parallel.ranks=4 parallel.replicas=2", "others: 4, 8."});
    const auto plans = p.parallel(with({"--ranks", "6,7"})).at("plans");
    CHECK(plans[0].at("ranks") == 3);
    CHECK(plans[0].at("replicas") == 2);
    CHECK(plans[1].at("ranks") == 1);
    CHECK(plans[1].at("replicas") == 7);
    const auto given = p.parallel(with({"--ranks", "4", "--replicas", "2"})).at("plans")[0];
    CHECK(given.at("ranks") == 2);
    const auto& first = given.at("parts")[0];  // two slots, and the gradient of one of its two modules
    CHECK(first.at("links") == 2 * 64 * 48 * 8 + first.at("parameters").get<std::int64_t>() / 2 * 4);
    CHECK(given.at("seconds").at("step").get<double>() > 2 * given.at("seconds").at("modules")[0].get<double>());
    p.refuses(with({"--ranks", "8", "--replicas", "1"}), 2, "at most 4");
    p.refuses(with({"--ranks", "5", "--replicas", "2"}), 2, "multiple of 2");
}

TEST_CASE("A plan places modules as the configuration says where it can") {
    const Plan p;
    const std::vector<std::string> sizes{"--size", "64x48", "--coils", "4", "--ranks", "2,4", "--set", "parallel.placement=3,1"};
    const auto plans = p.parallel(sizes).at("plans");
    CHECK(plans[0].at("placement") == "given");
    CHECK(plans[0].at("parts")[0].at("modules") == 3);
    CHECK(plans[1].at("placement") == "by cost");
}

TEST_CASE("A plan measures every module on the data") {
    const Plan p;
    write_dataset(p.directory / "train.h5", 2, 20, 3);
    const std::string data = "data.train.file=" + (p.directory / "train.h5").string();
    const auto json = p.parallel({"--set", data, "--set", "device=cpu", "--set", "data.mask.type=random_1d", "--set",
                                  "data.mask.calibration=4", "--set", "data.mask.acceleration=2", "--ranks", "2", "--measure"});
    CHECK(json.at("costs") == "measured");
    const auto& seconds = json.at("plans")[0].at("seconds");
    REQUIRE(seconds.at("modules").size() == 4);
    double sum = 0;
    for (const auto& module : seconds.at("modules")) {
        CHECK(module.get<double>() > 0);
        sum += module.get<double>();
    }
    CHECK(seconds.at("one_rank").get<double>() == Approx(sum));
    CHECK(seconds.at("step").get<double>() >= 0.5 * sum * (1 - 1e-9));
    p.refuses({"--size", "20x20", "--coils", "3", "--ranks", "2", "--measure"}, 2, "--measure");
    p.refuses({"--set", data, "--coils", "5", "--ranks", "2", "--measure"}, 2, "--measure");
}

TEST_CASE("Options for ranks need them, and a network that can be trained greedily") {
    const Plan p;
    p.refuses({"--size", "20x20", "--coils", "3", "--replicas", "2"}, 2, "--ranks");
    p.refuses({"--size", "20x20", "--coils", "3", "--ranks", "0"}, 2, "--ranks");
    p.refuses({"--size", "20x20", "--coils", "3", "--ranks", "2", "--set", "model.share_weights=true", "--set",
               "training.strategy=end_to_end"},
              2, "share_weights");
}
