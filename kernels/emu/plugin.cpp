// libgleam_emu.so: the emulated GPU as a device of programs, for tests (kernels/emu/emu.hpp).
#include "kernels/plugin.hpp"

#include "core/error.hpp"
#include "kernels/emu/emu.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::emu {
namespace {

class EmuPlugin final : public kernels::Plugin {
    std::string describe(int) const override { return "kernels run by the emulator, FFTW and oneDNN in the place of libraries"; }
    std::unique_ptr<kernels::Operations> make(int) const override { return make_emu_operations(); }
    std::unique_ptr<kernels::Operations> make_planner(const std::string& model) const override {
        throw DeviceError("device " + model, "cannot be planned for by the emulator", "plan with --device emu");
    }
    kernels::LibraryVersions libraries() const override { return {}; }
};

}  // namespace
}  // namespace gleam::emu

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::emu::EmuPlugin plugin;
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::kernels::Plugin*>(&plugin)};
    return &exported;
}
