// The commands that make and show data sets, in every physics.
#include "data/dataset_file.hpp"
#include "data/nifti.hpp"
#include "test/support/catch.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::test;
using data::DatasetFile;
using data::Physics;

namespace {

struct Commands {
    TemporaryDirectory directory;

    std::string path(const std::string& name) const { return (directory / name).string(); }
    Finished run(const std::vector<std::string>& arguments) const { return run_gleam(arguments, directory / "log"); }
    Finished simulate(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"simulate", "--out", path("s.h5"), "--coils", "3"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
    data::DatasetLayout layout(const std::string& name) const { return DatasetFile(directory / name).layout(); }
};

}  // namespace

TEST_CASE("simulate makes data sets of every physics, prepare makes them again from their k-space, info says what they hold") {
    struct Expected {
        std::string physics;
        std::vector<std::string> options;
        Shape kspace;
        std::string told;
    };
    const Commands c;
    for (const auto& [physics, options, kspace, told] :
         {Expected{"2d", {"--sets", "2"}, {1, 1, 3, 1, 24, 24}, "2 slices of 24 x 24, 3 coils, 2 sets of maps"},
          Expected{"3d", {"--depth", "22"}, {1, 1, 3, 22, 24, 24}, "2 volumes of 22 x 24 x 24, 3 coils"},
          Expected{"2d+t", {"--frames", "5"}, {1, 5, 3, 1, 24, 24}, "2 slices of 5 frames of 24 x 24, 3 coils"}}) {
        INFO(physics);
        std::vector<std::string> arguments{"--physics", physics, "--slices", "2", "--size", "24"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const Finished simulated = c.simulate(arguments);
        INFO(simulated.out);
        REQUIRE(simulated.code == 0);
        CHECK_THAT(simulated.out, ContainsSubstring(told));
        CHECK(c.layout("s.h5").kspace_shape() == kspace);
        CHECK(c.layout("s.h5").sets == (physics == "2d" ? 2 : 1));

        const Finished prepared = c.run(
            {"prepare", c.path("s.h5"), "--physics", physics, "--calibration", "12", "--kernel", "4", "--out", c.path("p.h5")});
        INFO(prepared.out);
        REQUIRE(prepared.code == 0);
        CHECK_THAT(prepared.out,
                   ContainsSubstring(physics == "3d" ? "maps from 12 x 12 x 12 points" : "maps from 12 x 12 points"));
        CHECK(c.layout("p.h5").kspace_shape() == kspace);
        CHECK(c.layout("p.h5").physics == data::physics_of(physics));
        CHECK(c.layout("p.h5").rss);

        const Finished info = c.run({"info", c.path("p.h5")});
        CHECK(info.code == 0);
        CHECK_THAT(info.out, ContainsSubstring("physics    " + physics + "\n") && ContainsSubstring("coils      3\n") &&
                                 ContainsSubstring("frames     " + std::to_string(kspace[1]) + "\n") &&
                                 ContainsSubstring("depth      " + std::to_string(kspace[3]) + "\n") &&
                                 ContainsSubstring("sets       1\n") && ContainsSubstring("maps_method      espirit"));
        const Finished json = c.run({"info", c.path("s.h5"), "--json"});
        CHECK_THAT(json.out, ContainsSubstring("\"physics\": \"" + physics + "\"") && ContainsSubstring("\"truth\": true") &&
                                 ContainsSubstring("\"source\": \"simulated phantoms\""));
    }
    const Finished wrong = c.run({"prepare", c.path("s.h5"), "--out", c.path("q.h5")});
    CHECK(wrong.code == 4);
    CHECK_THAT(wrong.out, ContainsSubstring("--physics 3d or 2d+t"));
    CHECK(c.run({"info", c.path("log")}).code == 4);
}

TEST_CASE("A volume of images becomes volumes of the depth asked for") {
    const Commands c;
    data::NiftiImage image;
    image.values = RealArray(Shape{9, 12, 10});
    for (std::int64_t i = 0; i < image.values.elements(); ++i) image.values[i] = 1 + static_cast<float>(i % 7);
    data::write_nifti(c.directory / "a.nii", image);
    const std::vector<std::string> from{"--image", c.path("a.nii"), "--physics", "3d"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), from.begin(), from.end());
        return c.simulate(more);
    };
    CHECK(with({}).code == 0);
    CHECK(c.layout("s.h5").kspace_shape() == Shape{1, 1, 3, 9, 12, 10});
    CHECK(c.layout("s.h5").slices == 1);
    CHECK(with({"--depth", "4", "--noise", "0"}).code == 0);
    CHECK(c.layout("s.h5").kspace_shape() == Shape{1, 1, 3, 4, 12, 10});
    REQUIRE(c.layout("s.h5").slices == 2);
    const auto truth = DatasetFile(c.directory / "s.h5").read_slice(1).truth;
    for (std::int64_t i = 0; i < truth.elements(); ++i)
        REQUIRE(std::abs(truth[i]) == Approx(static_cast<double>(image.values[i + 480]) / 7).epsilon(1e-5));
    const Finished deep = with({"--depth", "10"});
    CHECK(deep.code == 2);
    CHECK_THAT(deep.out, ContainsSubstring("there are 9 slices"));
}

TEST_CASE("Sizes that do not belong to the physics are refused by name, and no file remains") {
    const Commands c;
    const auto refused = [&](std::vector<std::string> arguments, const std::string& text) {
        const Finished f = c.simulate(std::move(arguments));
        INFO(f.out);
        CHECK(f.code == 2);
        CHECK_THAT(f.out, ContainsSubstring(text));
        CHECK_FALSE(fs::exists(c.directory / "s.h5"));
    };
    refused({"--depth", "8"}, "--depth: belongs to --physics 3d");
    refused({"--physics", "3d", "--frames", "8"}, "--frames: belongs to --physics 2d+t");
    refused({"--physics", "3d", "--depth", "0"}, "--depth");
    refused({"--physics", "cine"}, "--physics");
    refused({"--sets", "3"}, "--sets");
    refused({"--sets", "2", "--size", "4"}, "sets");
    refused({"--physics", "3d", "--size", "4096", "--depth", "4096"}, "do not fit into memory");
    refused({"--physics", "2d+t", "--image", "a.nii"}, "--image");
}
