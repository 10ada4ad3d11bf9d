// libgleam_mpi.so: ranks as processes of an MPI job.
#include "kernels/plugin.hpp"

#include "greedy/parallel/mpi/mpi_wire.hpp"
#include "greedy/parallel/start.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::greedy {
namespace {

class MpiPlugin final : public WirePlugin {
    std::unique_ptr<Wire> start(std::chrono::milliseconds deadline) const override { return std::make_unique<MpiWire>(deadline); }
};

}  // namespace
}  // namespace gleam::greedy

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::greedy::MpiPlugin plugin;
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::greedy::WirePlugin*>(&plugin)};
    return &exported;
}
