#include "kernels/devices.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <fstream>

#include "core/error.hpp"
#include "core/log.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/plugin.hpp"

namespace gleam::kernels {
namespace {

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "processor";
}

// "cuda" is 0, "cuda:2" is 2, anything else nothing.
std::optional<int> cuda_index(const std::string& device) {
    if (device == "cuda") return 0;
    if (!device.starts_with("cuda:") || device.size() < 6 || device.size() > 9) return std::nullopt;
    int index = 0;
    for (const char c : device.substr(5)) {
        if (c < '0' || c > '9') return std::nullopt;
        index = 10 * index + (c - '0');
    }
    return index;
}

// Asks for NVIDIA's driver alone: without it no GPU can be used, and the libraries behind the plug-in would be loaded for
// nothing.
void require_driver() {
    void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!driver) throw DeviceError("device cuda:0", "there is no NVIDIA driver", "install one if this machine has a GPU");
    ::dlclose(driver);
}

}  // namespace

std::vector<DeviceStatus> list_devices() {
    std::vector<DeviceStatus> all{
        {"cpu", true, fmt::format("{}, {} threads", processor_name(), set_thread_count(0)), cpu_libraries()}};
    DeviceStatus cuda{"cuda", false, "", {}};
    try {
        const Plugin& plugin = open_plugin("cuda");
        cuda.libraries = plugin.libraries();
        cuda.detail = plugin.describe(0);
        cuda.available = true;
    } catch (const DeviceError& e) {
        cuda.detail = e.what();
    }
    all.push_back(cuda);
    return all;
}

std::unique_ptr<Operations> make_operations(const std::string& device) {
    if (device == "cpu") return make_cpu_operations();
    if (device == "emu") return open_plugin("emu").make(0);
    if (device == "auto") {
        try {
            require_driver();
            auto ops = open_plugin("cuda").make(0);
            log_info("device: {} ({})", name_of(ops->device()), open_plugin("cuda").describe(0));
            return ops;
        } catch (const DeviceError& e) {
            log_info("device: cpu, {} threads (no cuda: {})", thread_count(), e.what());
            return make_cpu_operations();
        }
    }
    if (const std::optional<int> index = cuda_index(device)) return open_plugin("cuda").make(*index);
    throw DeviceError("device " + device, "there is no such device", "use auto, cpu or cuda[:N]; `gleam info` lists the devices");
}

std::unique_ptr<Operations> make_planner(const std::string& device) {
    if (device == "auto" || device == "cpu") return make_cpu_operations();
    if (device == "emu" || cuda_index(device)) return make_operations(device);
    return open_plugin("cuda").make_planner(device);
}

}  // namespace gleam::kernels
