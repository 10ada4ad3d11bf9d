// Every configuration of tools/configs trains two steps on small simulated data and reconstructs with the result.
#include <fmt/format.h>

#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

std::vector<fs::path> configurations() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(GLEAM_SOURCE_DIR) / "tools" / "configs"))
        if (entry.path().extension() == ".yaml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::string physics_of(const fs::path& configuration) {
    const std::string text = read_file(configuration);
    for (const char* physics : {"physics: 3d", "physics: 2d+t"})
        if (text.find(physics) != std::string::npos) return std::string(physics).substr(9);
    return "2d";
}

}  // namespace

TEST_CASE("Every configuration trains two steps on small data, and its network reconstructs") {
    const TemporaryDirectory directory;
    const fs::path log = directory / "log";
    const auto run = [&](const std::vector<std::string>& arguments) {
        const Finished f = run_gleam(arguments, log);
        INFO(f.out);
        CHECK(f.code == 0);
    };
    const auto path = [&](const std::string& name) { return (directory / name).string(); };
    const auto data_of = [&](const std::string& physics) { return path(physics + ".h5"); };
    for (const std::string physics : {"2d", "3d", "2d+t"}) {
        std::vector<std::string> arguments{"simulate", "--physics", physics,   "--out", data_of(physics), "--slices", "3",
                                           "--size",   "24",        "--coils", "3"};
        if (physics == "3d") arguments.insert(arguments.end(), {"--depth", "12"});
        if (physics == "2d+t") arguments.insert(arguments.end(), {"--frames", "3"});
        run(arguments);
    }
    const std::vector<fs::path> files = configurations();
    CHECK(files.size() >= 8);
    for (const fs::path& file : files)
        for (const char* strategy : {"greedy", "end_to_end"}) {
            INFO(file.string() << " " << strategy);
            const std::string data = data_of(physics_of(file)), out = path(file.stem().string() + "_" + strategy);
            std::vector<std::string> changes{std::string("training.strategy=") + strategy,
                                             "training.steps=2",
                                             "training.batch=2",
                                             "model.regularizer.features=3",
                                             "data.mask.acceleration=2",
                                             "data.mask.calibration=4",
                                             "data.train.file=" + data,
                                             "data.validation.file=" + data,
                                             "data.validation.slices=0"};
            if (std::string(strategy) == "end_to_end") changes.insert(changes.end(), {"training.modules=0", "model.unrolls=2"});
            std::vector<std::string> arguments{"train", file.string(), "--out", out};
            for (const std::string& change : changes) arguments.insert(arguments.end(), {"--set", change});
            run(arguments);
            run({"reconstruct", "--weights", out + "/best.h5", "--input", data, "--out", out + ".h5", "--mask", "poisson",
                 "--acceleration", "2", "--calibration", "4"});
        }
}
