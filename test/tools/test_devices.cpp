// Devices of the program: why there is no GPU, told by whatever lies in the place of libgleam_cuda.so, and the emulated one.
// test/kernels/cuda/test_runtime.cpp does the same with the real one and several drivers.
#include "data/hdf5.hpp"
#include "test/support/numbers.hpp"
#include "test/support/unavailable.hpp"

using namespace gleam;
using namespace gleam::test;

namespace {

fs::path stand_in(const std::string& name) { return fs::path(GLEAM_STAND_INS) / name; }

// The environment where plug-ins are looked for in this folder, and where there is a driver.
Environment plugins_in(const fs::path& folder) {
    Environment environment = driver_in(stand_in("driver"));
    environment.push_back("GLEAM_PLUGIN_PATH=" + folder.string());
    return environment;
}

std::vector<nlohmann::json> json_lines(const fs::path& file) {
    std::vector<nlohmann::json> lines;
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
}

constexpr double agreement = 1e-4;  // of two devices in single precision, after some steps

}  // namespace

TEST_CASE("A device whose plug-in is not there or lacks a library says which file it is") {
    const TemporaryDirectory empty;
    require_no_cuda(plugins_in(empty.path()), "there is no plug-in libgleam_cuda.so in " + empty.path().string());
    require_no_cuda(plugins_in(stand_in("lacks_library")), "cannot be loaded: libabsent.so: ");
}

TEST_CASE("A device is not opened from a file that is another build's, no plug-in or no library") {
    require_no_cuda(plugins_in(stand_in("other_build")), "is of another build than this program (another build, not ");
    require_no_cuda(plugins_in(stand_in("no_entry")), "libgleam_cuda.so is no plug-in of gleam");
    const TemporaryDirectory text;
    write_bytes(text / "libgleam_cuda.so", "This is a text, and longer than the header of a library would be: 64 bytes.\n");
    require_no_cuda(plugins_in(text.path()), "libgleam_cuda.so cannot be loaded: ");
}

TEST_CASE("info lists the libraries of a plug-in that opens, with a GPU and without") {
    const nlohmann::json info = program_info(plugins_in(stand_in("good")));
    CHECK(info["devices"][1] == nlohmann::json{{"name", "cuda"}, {"available", true}, {"detail", "a GPU that cannot compute"}});
    for (const char* library : {"FFTW", "oneDNN", "HDF5"}) CHECK(info["libraries"].contains(library));
    CHECK(info["libraries"]["Standby"] == "1.2.3");

    Environment away = plugins_in(stand_in("good"));
    away.push_back("GLEAM_TEST_GPU=none");
    CHECK(program_info(away)["devices"][1]["available"] == false);
    CHECK(program_info(away)["libraries"]["Standby"] == "1.2.3");
    const TemporaryDirectory directory;
    const std::string text = run_gleam({"info"}, directory / "log", 0, away).out;
    CHECK_THAT(text,
               ContainsSubstring("cuda     not available  stand-in: its GPU is away") && ContainsSubstring("Standby  1.2.3"));
}

TEST_CASE("What is thrown inside a plug-in of a device arrives in the program") {
    const Environment environment = plugins_in(stand_in("good"));
    const Finished explicitly = reconstruct_on("cuda:7", environment);
    CHECK(explicitly.code == 3);
    CHECK_THAT(explicitly.out, ContainsSubstring("error: stand-in: its GPU 7 cannot compute; take the CPU"));
    const Finished automatic = reconstruct_on("auto", environment);
    CHECK(automatic.code == 0);
    CHECK_THAT(automatic.out,
               ContainsSubstring("device: cpu") && ContainsSubstring("no cuda: stand-in: its GPU 0 cannot compute"));
}

TEST_CASE("Where there is no driver, auto says so and opens no plug-in") {
    const TemporaryDirectory folder;
    for (const char* plugin : {"good", "no_entry"}) {
        Environment environment = no_driver(folder);
        environment.push_back("GLEAM_PLUGIN_PATH=" + stand_in(plugin).string());
        const Finished automatic = reconstruct_on("auto", environment);
        CHECK(automatic.code == 0);
        CHECK_THAT(automatic.out,
                   ContainsSubstring("device: cpu") && ContainsSubstring("no cuda: device cuda:0: there is no NVIDIA driver"));
        const Finished explicitly = reconstruct_on("cuda", environment);
        CHECK(explicitly.code == 3);
        CHECK_THAT(explicitly.out, !ContainsSubstring("driver"));
    }
}

TEST_CASE("train, reconstruct and evaluate do on the emulated device what they do on the CPU") {
    const TemporaryDirectory directory;
    const auto path = [&](const std::string& name) { return (directory / name).string(); };
    write_dataset(path("train.h5"), 4);
    write_dataset(path("test.h5"), 2);
    write_bytes(path("job.yaml"), tiny_job(path("train.h5"), path("test.h5"), 3));
    for (const std::string device : {"cpu", "emu"}) {
        for (const std::vector<std::string>& arguments :
             {std::vector<std::string>{"train", path("job.yaml"), "--out", path(device), "--set", "device=" + device},
              {"reconstruct", "--device", device, "--weights", path(device + "/last.h5"), "--input", path("test.h5"), "--out",
               path(device + ".h5")},
              {"evaluate", path("test.h5"), "--device", device, "--method", "cg_sense", "--weights",
               "net=" + path(device + "/last.h5"), "--out", path(device + "_scores")}}) {
            const Finished f = run_gleam(arguments, directory / "log");
            INFO(f.out);
            REQUIRE(f.code == 0);
        }
    }
    const auto trained = json_lines(path("emu/metrics.jsonl")), expected = json_lines(path("cpu/metrics.jsonl"));
    REQUIRE(trained.size() == 4);
    for (std::size_t step = 0; step < 3; ++step)
        for (int module : {0, 1})
            CHECK(trained[step]["loss"][module].get<double>() ==
                  Approx(expected[step]["loss"][module].get<double>()).epsilon(agreement));
    const auto image = [&](const std::string& file) {
        return data::Hdf5File(path(file)).read<std::complex<float>>("reconstruction");
    };
    CHECK(relative_error(image("emu.h5"), image("cpu.h5")) < agreement);
    const auto scores = [&](const std::string& folder) {
        return nlohmann::json::parse(read_file(path(folder + "/evaluation.json")))["methods"];
    };
    for (std::size_t method : {0, 1})
        for (const char* score : {"psnr", "ssim", "nrmse"}) {
            const nlohmann::json value = scores("emu_scores")[method]["mean"][score];
            CHECK(value.get<double>() == Approx(scores("cpu_scores")[method]["mean"][score].get<double>()).epsilon(agreement));
        }
}
