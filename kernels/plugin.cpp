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

const Plugin& open_at(const std::string& name, const fs::path& file) {
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        // "libcudnn.so.9: cannot open shared object file: …"
        const std::string why = ::dlerror();
        throw DeviceError("device " + name, fmt::format("{} cannot be loaded: {}", file.string(), why),
                          "install the library it names, or add its folder to LD_LIBRARY_PATH");
    }
    const auto exported = reinterpret_cast<const PluginExport* (*)()>(::dlsym(library, "gleam_plugin"));
    const std::string build = exported ? exported()->build : "no plug-in";
    if (build != plugin_build)
        throw DeviceError("device " + name,
                          fmt::format("{} is of another build than this program ({}, not {})", file.string(), build, plugin_build),
                          "build and install both together");
    return *exported()->plugin;
}

const Plugin& find(const std::string& name) {
    const std::string file = "libgleam_" + name + ".so";
    std::string looked;
    for (const fs::path& folder : folders()) {
        std::error_code ignored;
        if (fs::exists(folder / file, ignored)) return open_at(name, folder / file);
        looked += (looked.empty() ? "" : " or ") + folder.string();
    }
    throw DeviceError("device " + name, fmt::format("there is no plug-in {} in {}", file, looked),
                      name == "cuda" ? "build with the CUDA toolkit (docs/cuda.md)" : "build with GLEAM_TESTS");
}

}  // namespace

const Plugin& open_plugin(const std::string& name) {
    static std::mutex guard;
    static std::map<std::string, const Plugin*> opened;
    const std::lock_guard lock(guard);
    const Plugin*& plugin = opened[name];
    if (!plugin) plugin = &find(name);
    return *plugin;
}

}  // namespace gleam::kernels
