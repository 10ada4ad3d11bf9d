// libgleam_mpi.so: ranks as processes of an MPI job.
#include "kernels/plugin.hpp"

#include "greedy/parallel/mpi/mpi_transport.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::greedy {
namespace {

class MpiPlugin final : public TransportPlugin {
    std::unique_ptr<Transport> start(std::chrono::milliseconds deadline) const override {
        return std::make_unique<MpiTransport>(deadline);
    }
};

}  // namespace
}  // namespace gleam::greedy

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::greedy::MpiPlugin plugin;
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::greedy::TransportPlugin*>(&plugin)};
    return &exported;
}
