// libgleam_nccl.so: images from GPU to GPU.
#include "kernels/plugin.hpp"

#include "greedy/parallel/nccl/nccl_link.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::greedy {
namespace {

class NcclPlugin final : public DirectPlugin {
    std::string gpu(kernels::Operations& ops) const override { return nccl::gpu_name(ops); }
    Letter new_connection() const override { return nccl::new_connection(); }
    std::unique_ptr<Carrier> connect(kernels::Operations& ops, std::size_t image_bytes, const Letter& connection, bool sender,
                                     std::chrono::milliseconds deadline) const override {
        return std::make_unique<nccl::NcclCarrier>(ops, image_bytes, connection, sender, deadline);
    }
    std::unique_ptr<Peers> connect_peers(kernels::Operations& ops, std::size_t gradient_bytes, const Letter& connection,
                                         int index, int count, std::chrono::milliseconds deadline) const override {
        return std::make_unique<nccl::NcclPeers>(ops, gradient_bytes, connection, index, count, deadline);
    }
};

}  // namespace
}  // namespace gleam::greedy

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::greedy::NcclPlugin plugin;
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::greedy::DirectPlugin*>(&plugin)};
    return &exported;
}
