// libgleam_cuda.so: NVIDIA's GPUs as devices of programs.
#include "kernels/plugin.hpp"

#include "kernels/cuda/backend.hpp"
#include "kernels/cuda/runtime.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::cuda {
namespace {

class CudaPlugin final : public kernels::Plugin {
    std::string describe(int index) const override { return describe_gpu(index); }
    std::unique_ptr<kernels::Operations> make(int index) const override { return make_cuda_operations(index); }
    std::unique_ptr<kernels::Operations> make_planner(const std::string& model) const override {
        return make_cuda_planner(model);
    }
    kernels::LibraryVersions libraries() const override { return cuda_libraries(); }
};

}  // namespace
}  // namespace gleam::cuda

extern "C" [[gnu::visibility("default")]] const gleam::kernels::PluginExport* gleam_plugin() {
    static const gleam::cuda::CudaPlugin plugin;
    static const gleam::kernels::PluginExport exported{gleam::kernels::plugin_build,
                                                       static_cast<const gleam::kernels::Plugin*>(&plugin)};
    return &exported;
}
