// The benchmarks as a user runs them, at sizes that take no time.
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/ceilings.hpp"
#include "test/support/catch.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;
using nlohmann::json;

namespace {

struct Benchmarks {
    TemporaryDirectory directory;

    // Stored ceilings are those of the test.
    Benchmarks() { ::setenv("XDG_CACHE_HOME", directory.path().c_str(), 1); }
    ~Benchmarks() { ::unsetenv("XDG_CACHE_HOME"); }

    Finished run(const std::string& name, const std::vector<std::string>& arguments) const {
        return Process(arguments, directory / "log", 0, std::string(GLEAM_PROGRAMS) + "/gleam-bench-" + name).wait();
    }
    // What it reports, after it ended well.
    json report(const std::string& name, std::vector<std::string> arguments) const {
        arguments.emplace_back("--json");
        const Finished f = run(name, arguments);
        INFO(f.out);
        REQUIRE(f.code == 0);
        return json::parse(f.out);
    }
};

bool positive(const json& number) {
    return number.is_number() && std::isfinite(number.get<double>()) && number.get<double>() > 0;
}

void require_times(const json& result) {
    INFO(result.dump());
    CHECK(positive(result.at("median")));
    CHECK(result.at("p10") <= result.at("median"));
    CHECK(result.at("median") <= result.at("p90"));
}

// Of gleam-bench-operator and gleam-bench-conv.
void require_figures(const json& report, std::size_t results) {
    CHECK(report.at("error") < 1e-4);
    CHECK(report.at("repeats") == 2);
    REQUIRE(report.at("results").size() == results);
    for (const json& result : report.at("results")) {
        require_times(result);
        CHECK((positive(result.value("gflops", json())) || positive(result.value("gbytes_per_s", json()))));
        CHECK(positive(result.at("of_ceiling")));
        CHECK(positive(result.at("of_ceiling_processor")));
    }
}

const std::vector<std::string> tiny = {"--height", "16", "--width", "14", "--coils", "2", "--features", "4"};

std::vector<std::string> with(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("gleam-bench-ceilings stores what it measures, and others hold their figures against it") {
    const Benchmarks b;
    const json measured = b.report("ceilings", {"--repeats", "2", "--size", "1", "--rounds", "1000", "--threads", "2"});
    for (const json& result : measured.at("results")) require_times(result);
    REQUIRE(read_ceilings(b.directory / "gleam/ceilings.json"));
    const Ceilings stored = *read_ceilings(b.directory / "gleam/ceilings.json");
    CHECK(stored.fma_gflops == Approx(measured.at("fma_gflops").get<double>()));
    CHECK(stored.copy_gbytes_per_s == Approx(measured.at("copy_gbytes_per_s").get<double>()));
    CHECK(stored.threads == 2);

    const std::vector<std::string> small = {"--repeats", "2", "--height", "8", "--width", "8", "--in", "2", "--out", "3"};
    const json same = b.report("conv", with(small, {"--threads", "2"})).at("results").at(0);
    CHECK(same.at("of_stored").get<double>() >= same.at("gflops").get<double>() / stored.fma_gflops * 0.999);
    CHECK_FALSE(b.report("conv", with(small, {"--threads", "1"})).at("results").at(0).contains("of_stored"));

    fs::remove_all(b.directory / "gleam");
    b.report("ceilings", {"--repeats", "2", "--size", "1", "--rounds", "1000", "--no-store"});
    CHECK_FALSE(fs::exists(b.directory / "gleam"));
}

TEST_CASE("gleam-bench-operator checks and times slices, volumes and series") {
    const Benchmarks b;
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--depth", "6"}, {"--frames", "3"}})
        require_figures(b.report("operator", with({"--repeats", "2", "--coils", "2", "--height", "12", "--width", "10"}, more)),
                        9);
}

TEST_CASE("gleam-bench-conv checks and times slices and volumes") {
    const Benchmarks b;
    for (const char* depth : {"1", "4"}) {
        const json report = b.report("conv", {"--repeats", "2", "--depth", depth, "--height", "9", "--width", "8", "--in", "3",
                                              "--out", "5", "--batch", "2"});
        require_figures(report, 5);
    }
}

TEST_CASE("gleam-bench-training finds every strategy right, and tells where time goes") {
    const Benchmarks b;
    for (const char* architecture : {"pgd", "modl"}) {
        const json report =
            b.report("training", with(tiny, {"--repeats", "2", "--unrolls", "2", "--arch", architecture, "--profile"}));
        REQUIRE(report.at("results").size() >= 2);
        CHECK(report.at("results").back().at("strategy") == "greedy");
        for (const json& result : report.at("results")) {
            require_times(result);
            CHECK(positive(result.at("gflops")));
            CHECK(result.at("error") < 1e-2);
            CHECK(result.at("losses").size() == (result.at("strategy") == "greedy" ? 2 : 1));
            CHECK(positive(result.at("memory").at("activations")));
            double sum = 0;
            for (const json& share : result.at("profile")) sum += share.get<double>();
            CHECK(sum == Approx(1));
            CHECK(positive(result.at("profile").at("convolution")));
        }
    }
}

TEST_CASE("gleam-bench-memory: activations grow with the unrolls end to end, and do not by any other strategy") {
    const Benchmarks b;
    for (const char* architecture : {"pgd", "modl"}) {
        const json report = b.report("memory", with(tiny, {"--unrolls", "2,4", "--arch", architecture, "--measure", "--figure",
                                                           (b.directory / "memory.svg").string()}));
        const json& results = report.at("results");
        REQUIRE(results.size() >= 4);
        for (std::size_t i = 0; i + 1 < results.size(); i += 2) {
            INFO(results[i].dump());
            REQUIRE(results[i].at("strategy") == results[i + 1].at("strategy"));
            const auto two = results[i].at("arenas").at("activations").get<double>(),
                       four = results[i + 1].at("arenas").at("activations").get<double>();
            CHECK((results[i].at("strategy") == "end_to_end" ? four > 1.5 * two : four < 1.05 * two));
            CHECK(positive(results[i].at("resident")));
        }
        const std::string figure = read_file(b.directory / "memory.svg");
        CHECK(figure.starts_with("<svg xmlns="));
        CHECK_THAT(figure, ContainsSubstring(">greedy</text>") && ContainsSubstring(">end to end</text>"));
    }
}

TEST_CASE("Benchmarks refuse what they cannot run") {
    const Benchmarks b;
    CHECK(b.run("training", {"--strategy", "nothing"}).code == 2);
    CHECK(b.run("training", {"--depth", "8", "--frames", "8"}).code == 2);
    CHECK(b.run("conv", {"--kernel", "0"}).code == 2);
    CHECK(b.run("memory", {"--unrolls", "2,x"}).code == 2);
    write_file(b.directory / "log", "");
    fs::create_directories(b.directory / "gleam");
    write_file(b.directory / "gleam/ceilings.json", "{}");
    CHECK(b.run("conv", {"--repeats", "1", "--height", "8", "--width", "8", "--in", "2", "--out", "2"}).code == 4);
}
