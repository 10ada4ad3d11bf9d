// A plug-in of a device that cannot compute. The environment says whether there is one: GLEAM_TEST_GPU=none.
#include <cstdlib>

#include "core/error.hpp"
#include "kernels/plugin.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::test {
namespace {

class StandIn final : public kernels::Plugin {
    std::string describe(int) const override {
        if (std::getenv("GLEAM_TEST_GPU")) throw DeviceError("stand-in", "its GPU is away");
        return "a GPU that cannot compute";
    }
    std::unique_ptr<kernels::Operations> make(int index) const override {
        throw DeviceError("stand-in", "its GPU " + std::to_string(index) + " cannot compute", "take the CPU");
    }
    std::unique_ptr<kernels::Operations> make_planner(const std::string& model) const override {
        throw DeviceError("stand-in", "it cannot plan for a " + model);
    }
    kernels::LibraryVersions libraries() const override { return {{"Standby", "1.2.3"}}; }
};

}  // namespace
}  // namespace gleam::test

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::test::StandIn plugin;
#ifdef GLEAM_OTHER_BUILD
    static const gleam::kernels::PluginExport exported{"another build", static_cast<const gleam::kernels::Plugin*>(&plugin)};
#else
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::kernels::Plugin*>(&plugin)};
#endif
    return &exported;
}
