// Every configuration of tools/configs planned for a GPU that is not there: cuDNN is asked for a plan of each of its
// convolutions, which has to repeat its bits and to fit its budget of scratch memory, or planning fails.
#include <nlohmann/json.hpp>

#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

struct Sizes {
    std::vector<std::string> arguments;
};

// What the configuration is meant for, or the published sizes.
Sizes sizes_of(const std::string& configuration) {
    const std::string text = read_file(configuration);
    if (text.find("physics: 3d") != std::string::npos) return {{"--size", "32x256x256", "--coils", "8"}};
    if (text.find("physics: 2d+t") != std::string::npos) return {{"--size", "192x192", "--coils", "8", "--frames", "12"}};
    if (configuration.find("brain") != std::string::npos) return {{"--size", "640x320", "--coils", "16"}};
    return {{"--size", "320x256", "--coils", "8"}};
}

nlohmann::json plan(const std::string& configuration, const std::string& precision, const fs::path& log) {
    std::vector<std::string> arguments{"plan",  configuration,           "--device", "h200", "--json", "--strategy", "greedy",
                                       "--set", "precision=" + precision};
    const Sizes sizes = sizes_of(configuration);
    arguments.insert(arguments.end(), sizes.arguments.begin(), sizes.arguments.end());
    const Finished f = run_gleam(arguments, log);
    INFO(configuration << " " << precision << "\n" << f.out);
    REQUIRE(f.code == 0);
    return nlohmann::json::parse(f.out.substr(f.out.find('{')));
}

}  // namespace

TEST_CASE("Every configuration has a plan on an H200 in every precision, and fits its memory") {
    const TemporaryDirectory directory;
    const fs::path log = directory / "log";
    int planned = 0;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(GLEAM_SOURCE_DIR) / "tools" / "configs")) {
        if (entry.path().extension() != ".yaml") continue;
        ++planned;
        std::map<std::string, double> activations;
        for (const char* precision : {"fp32", "tf32", "bf16"}) {
            const auto json = plan(entry.path().string(), precision, log);
            CHECK(json.at("device") == "h200");
            const auto& strategy = json.at("strategies").at(0);
            CHECK(strategy.at("fits").get<bool>());
            activations[precision] = strategy.at("arenas").at("activations").get<double>();
        }
        CHECK(activations["bf16"] < activations["fp32"]);
        CHECK(activations["tf32"] < 1.1 * activations["fp32"]);
    }
    CHECK(planned >= 8);
}

TEST_CASE("Planning for a GPU that nobody has described names those that are known") {
    const TemporaryDirectory directory;
    write_bytes(directory / "job.yaml", "model: {unrolls: 2}\n");
    const Finished f = run_gleam(
        {"plan", (directory / "job.yaml").string(), "--device", "h2000", "--size", "32x32", "--coils", "2"}, directory / "log");
    CHECK(f.code == 3);
    CHECK_THAT(f.out, ContainsSubstring("models known: h200"));
}
