#include "data/cfl.hpp"
#include "data/hdf5.hpp"
#include "data/nifti.hpp"
#include "test/support/catch.hpp"
#include "test/support/physics.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;
using data::Physics;

TEST_CASE("reconstruct and evaluate run every classical method on slices, volumes and series") {
    struct Expected {
        Physics physics;
        Shape stored, nifti;
        const char* name;
    };
    for (const auto& [physics, stored, nifti, name] : {Expected{Physics::planar, {2, 30, 24}, {2, 30, 24}, "2 slices"},
                                                       Expected{Physics::volume, {2, 18, 30, 24}, {18, 30, 24}, "2 volumes"},
                                                       Expected{Physics::dynamic, {2, 3, 30, 24}, {6, 30, 24}, "2 series"}}) {
        INFO(name);
        const TemporaryDirectory directory;
        write_physics(directory / "test.h5", small_layout(physics));
        const auto reconstruct = [&](const std::string& method, const std::string& out, std::vector<std::string> more = {}) {
            std::vector<std::string> arguments{"reconstruct",
                                               "--method",
                                               method,
                                               "--input",
                                               (directory / "test.h5").string(),
                                               "--out",
                                               (directory / out).string(),
                                               "--mask",
                                               "random_1d",
                                               "--acceleration",
                                               "2",
                                               "--calibration",
                                               "6",
                                               "--wavelet-iterations",
                                               "5"};
            arguments.insert(arguments.end(), more.begin(), more.end());
            return run_gleam(arguments, directory / "log");
        };
        for (const char* method : {"zero_filled", "cg_sense", "l1_wavelet"}) {
            const Finished f = reconstruct(method, "image.h5");
            INFO(f.out);
            REQUIRE(f.code == 0);
            CHECK_THAT(f.out, ContainsSubstring(name));
            CHECK(data::Hdf5File(directory / "image.h5").shape("reconstruction") == stored);
        }
        CHECK(reconstruct("cg_sense", "image.cfl").code == 0);
        CHECK(reconstruct("cg_sense", "image.h5").code == 0);
        CHECK(data::read_cfl(directory / "image.cfl").values ==
              data::Hdf5File(directory / "image.h5").read<std::complex<float>>("reconstruction").values);
        CHECK(reconstruct("cg_sense", "image.png").code == 0);
        CHECK(fs::file_size(directory / "image.png") > 100);

        const Finished whole = reconstruct("cg_sense", "image.nii");
        if (physics == Physics::volume) {
            CHECK(whole.code == 2);
            CHECK_THAT(whole.out, ContainsSubstring("--slices"));
            CHECK_FALSE(fs::exists(directory / "image.nii"));
            CHECK(reconstruct("cg_sense", "image.nii", {"--slices", "1"}).code == 0);
        } else {
            CHECK(whole.code == 0);
        }
        CHECK(data::read_nifti(directory / "image.nii").values.shape == nifti);

        const Finished evaluated = run_gleam({"evaluate", (directory / "test.h5").string(), "--method", "zero_filled", "--method",
                                              "cg_sense", "--method", "l1_wavelet", "--mask", "random_1d", "--acceleration", "2",
                                              "--calibration", "6", "--out", (directory / "scores").string()},
                                             directory / "log");
        INFO(evaluated.out);
        CHECK(evaluated.code == 0);
        CHECK_THAT(evaluated.out, ContainsSubstring(name) && ContainsSubstring("l1-wavelet"));
    }
}

TEST_CASE("Images of several sets of maps are stored one by one, and shown combined") {
    const TemporaryDirectory directory;
    write_physics(directory / "test.h5", small_layout(Physics::dynamic, 1, 2));
    for (const char* out : {"image.h5", "image.nii.gz", "image.png"}) {
        const Finished f = run_gleam({"reconstruct", "--method", "cg_sense", "--input", (directory / "test.h5").string(), "--out",
                                      (directory / out).string()},
                                     directory / "log");
        INFO(f.out);
        CHECK(f.code == 0);
    }
    const data::Hdf5File file(directory / "image.h5");
    CHECK(file.shape("reconstruction") == Shape{1, 3, 30, 24, 2});
    const auto image = file.read<std::complex<float>>("reconstruction");
    const RealArray shown = data::read_nifti(directory / "image.nii.gz").values;
    REQUIRE(shown.shape == Shape{3, 30, 24});
    for (std::int64_t i : {0, 400, 1500})
        CHECK(shown[i] == Approx(std::sqrt(std::norm(image[2 * i]) + std::norm(image[2 * i + 1]))).epsilon(1e-5).margin(1e-6));
}
