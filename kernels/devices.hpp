// The devices of this program on this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/operations.hpp"
#include "kernels/plugin.hpp"

namespace gleam::kernels {

struct DeviceStatus {
    std::string name;  // "cpu", "cuda"
    bool available;
    std::string detail;         // processor and thread count, name of the GPU, or why it cannot be used
    LibraryVersions libraries;  // behind it; none where they are not there
};

std::vector<DeviceStatus> list_devices();

// The backend for `device`: auto (a GPU if there is one; says which device it takes, and why no GPU), cpu, cuda or cuda:N; emu,
// for tests, where it was built. DeviceError when an explicit device cannot be had.
std::unique_ptr<Operations> make_operations(const std::string& device);

// Operations to plan with: as make_operations(), or those of a GPU that is not there, by its model ("h200"); auto is the CPU.
std::unique_ptr<Operations> make_planner(const std::string& device);

}  // namespace gleam::kernels
