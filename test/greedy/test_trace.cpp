// Every number of training steps against a float64 reference (docs/testing.md, "Parity").
#include "core/sanitizers.hpp"
#include "greedy/trace.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "test/support/parity.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using gleam::test::own_cases;
using gleam::test::relative_difference;
using gleam::test::TemporaryDirectory;

namespace {

void run_all(const std::vector<fs::path>& cases, const std::string& device = "cpu") {
    const auto ops = kernels::make_operations(device);
    test::require_parity(cases, {.precision = DType::f32}, test::fp32, *ops);
    test::require_parity(cases, {.precision = DType::f64}, test::fp64, *ops);
}

// The address sanitizer makes the emulator slow, and sees in one precision what it sees in both.
void run_emulated(const std::vector<fs::path>& cases) {
#ifdef GLEAM_ADDRESS_SANITIZER
    test::require_parity(cases, {.precision = DType::f32}, test::fp32, *kernels::make_operations("emu"));
#else
    run_all(cases, "emu");
#endif
}

}  // namespace

TEST_CASE("Every model and physics agrees with the float64 reference, number by number, in both precisions") {
    const std::vector<fs::path> cases = test::parity_cases(own_cases);
    CHECK(cases.size() == 15);
    run_all(cases);
}

TEST_CASE("Every model and physics agrees with the reference on the emulated GPU, within the same tolerances") {
    run_emulated(test::parity_cases(own_cases));
}

TEST_CASE("Further parity cases agree too, where there are any, on the CPU and on the emulated GPU") {
    const std::vector<fs::path> cases = test::parity_cases(GLEAM_PARITY);
    if (cases.empty()) WARN("no cases in " GLEAM_PARITY);
    run_all(cases);
    run_emulated(cases);
}

TEST_CASE("A trace has the configuration that was used, and fields may be overridden") {
    const TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    const fs::path out = directory / "out.h5";
    trace(TraceCase(own_cases / "kernel_five.case.h5", {"mode=e2e", "steps=1", "lr=0.5"}), out, {DType::f64, false}, *ops);
    const data::Hdf5File file(out);
    CHECK(file.string_attribute("train", "mode") == "e2e");
    CHECK(file.number_attribute("train", "lr") == 0.5);
    CHECK(file.number_attribute("config", "kernel_size") == 5);
    CHECK(file.string_attribute("/", "dtype") == "f64");
    CHECK(file.shape("step0/loss") == Shape{1});
    CHECK_FALSE(file.exists("step1"));
}

TEST_CASE("Traces have recovered inputs where inputs are computed with once more on request") {
    const TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    const fs::path out = directory / "out.h5", source = own_cases / "mel_volume.case.h5";
    const auto inputs = [&](const std::string& mode) {
        trace(TraceCase(source, {"mode=" + mode, "steps=1"}), out, {DType::f64, false}, *ops);
        const data::Hdf5File file(out);
        std::vector<Array<double>> read;
        for (const char* unroll : {"0", "1", "2"})
            if (const std::string name = std::string("step0/unroll") + unroll + "/recovered_input"; file.exists(name))
                read.push_back(file.read<double>(name));
        return read;
    };
    for (const char* mode : {"e2e", "checkpoint", "greedy"}) CHECK(inputs(mode).empty());
    const auto stored = inputs("gradcp"), recovered = inputs("mel");
    REQUIRE((stored.size() == 3 && recovered.size() == 3));
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(stored[i].values != recovered[i].values);
        CHECK(relative_difference(recovered[i], stored[i]) < 0.5);
    }
}

TEST_CASE("A case without weights starts from random ones, the same every time") {
    const TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    const data::Hdf5File source(own_cases / "single_coil.case.h5");
    {
        data::Hdf5Writer copy(directory / "bare.h5");
        for (const char* name : {"inputs/kspace", "inputs/maps", "inputs/mask", "inputs/target"})
            copy.write(name, source.read<double>(name));
        copy.commit();
    }
    const TraceCase bare(directory / "bare.h5", {"features=2", "num_unrolls=1"});
    for (const char* name : {"a.h5", "b.h5"}) trace(bare, directory / name, {DType::f64, false}, *ops);
    const std::string weight = "final/weights/unroll0/resnet/block1/conv0/weight";
    const auto a = data::Hdf5File(directory / "a.h5").read<double>(weight),
               b = data::Hdf5File(directory / "b.h5").read<double>(weight);
    CHECK(a.values == b.values);
    CHECK(std::abs(a[0]) > 0);
}

TEST_CASE("A trace refuses what it does not know or cannot do, by name") {
    const fs::path good = own_cases / "single_coil.case.h5";
    CHECK_THROWS_WITH(TraceCase(good, {"featurs=3"}), ContainsSubstring("did you mean 'features'?"));
    CHECK_THROWS_WITH(TraceCase(good, {"mode=pgleam"}), ContainsSubstring("pgleam") && ContainsSubstring("greedy"));
    CHECK_THROWS_WITH(TraceCase(good, {"mode=mel"}), ContainsSubstring("cannot be inverted") && ContainsSubstring("gradcp"));
    CHECK_THROWS_WITH(TraceCase(own_cases / "mel_volume.case.h5", {"mel_bugcompat=true"}),
                      ContainsSubstring("mel_bugcompat") && ContainsSubstring("wrong gradients"));
    CHECK_THROWS_WITH(TraceCase(own_cases / "mel_volume.case.h5", {"mel_checkpoints=-1"}), ContainsSubstring("mel_checkpoints"));
    CHECK_THROWS_WITH(TraceCase(good, {"num_modules=2"}), ContainsSubstring("does not divide the 5 unrolls"));
    CHECK_THROWS_WITH(TraceCase(good, {"kernel_size=4"}), ContainsSubstring("odd"));
    CHECK_THROWS_WITH(TraceCase(good, {"steps"}), ContainsSubstring("write name=value"));
    CHECK_THROWS_WITH(TraceCase(good, {"lr=fast"}), ContainsSubstring("give a number"));
    CHECK_THROWS_AS(TraceCase(own_cases / "single_coil.ref.h5", {}), DataError);
    const TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    CHECK_THROWS_WITH(trace(TraceCase(good, {"features=4"}), directory / "out.h5", {}, *ops),
                      ContainsSubstring("weights belong to another network"));
    CHECK_THROWS_AS(trace(TraceCase(good, {"ndim=3"}), directory / "out.h5", {}, *ops), DataError);
    CHECK_FALSE(fs::exists(directory / "out.h5"));
}
