#include "kernels/devices.hpp"

#include <fmt/format.h>

#include <fstream>

#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::kernels {
namespace {

constexpr const char* no_cuda = "this build has no CUDA backend";

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "processor";
}

}  // namespace

std::vector<DeviceStatus> list_devices() {
    return {{"cpu", true, fmt::format("{}, {} threads", processor_name(), set_thread_count(0))}, {"cuda", false, no_cuda}};
}

std::unique_ptr<Operations> make_operations(const std::string& device) {
    if (device == "auto" || device == "cpu") return make_cpu_operations();
    throw DeviceError("device " + device, device.starts_with("cuda") ? no_cuda : "there is no such device",
                      "use auto or cpu; `gleam info` lists the devices");
}

}  // namespace gleam::kernels
