#include "kernels/plugin.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "core/error.hpp"
#include "core/files.hpp"
#include "kernels/plugin_build.hpp"

namespace gleam::kernels {
namespace {

std::vector<fs::path> folders() {
    if (const char* path = std::getenv("GLEAM_PLUGIN_PATH"); path && *path) return {path};
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    return {program.parent_path(), program.parent_path().parent_path() / "lib"};
}

const void* open_at(const std::string& name, const fs::path& file) {
    constexpr const char* remedy = "build and install the program and its plug-ins together";
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        // "libcudnn.so.9: cannot open shared object file: …", or the plug-in itself where the fault is its own
        const std::string why = ::dlerror();
        throw DeviceError(
            "device " + name, fmt::format("{} cannot be loaded: {}", file.string(), why),
            why.starts_with(file.string()) ? remedy : "install the library it names, or add its folder to LD_LIBRARY_PATH");
    }
    const auto entry = reinterpret_cast<const PluginExport* (*)()>(::dlsym(library, "gleam_plugin"));
    if (!entry) throw DeviceError("device " + name, file.string() + " is no plug-in of gleam", remedy);
    const PluginExport& exported = *entry();
    if (std::string(exported.build) != plugin_build)
        throw DeviceError(
            "device " + name,
            fmt::format("{} is of another build than this program ({}, not {})", file.string(), exported.build, plugin_build),
            remedy);
    return exported.plugin;
}

const void* find(const std::string& name) {
    const std::string file = "libgleam_" + name + ".so";
    std::string looked;
    for (const fs::path& folder : folders()) {
        std::error_code ignored;
        if (fs::exists(folder / file, ignored)) return open_at(name, folder / file);
        looked += (looked.empty() ? "" : " or ") + folder.string();
    }
    throw DeviceError("device " + name, fmt::format("there is no plug-in {} in {}", file, looked),
                      name == "cuda"  ? "build with the CUDA toolkit (docs/cuda.md)"
                      : name == "mpi" ? "build with MPI (docs/multi-gpu.md)"
                                      : "build with GLEAM_TESTS");
}

}  // namespace

const void* open_library(const std::string& name) {
    static std::mutex guard;
    static std::map<std::string, const void*> opened;
    const std::lock_guard lock(guard);
    const void*& plugin = opened[name];
    if (!plugin) plugin = find(name);
    return plugin;
}

const Plugin& open_plugin(const std::string& name) { return *static_cast<const Plugin*>(open_library(name)); }

}  // namespace gleam::kernels
