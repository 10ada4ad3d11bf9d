// The devices of this program on this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/operations.hpp"

namespace gleam::kernels {

struct DeviceStatus {
    std::string name;  // "cpu", "cuda"
    bool available;
    std::string detail;  // processor and thread count, or why it cannot be used
};

std::vector<DeviceStatus> list_devices();

// The backend for `device`: auto, cpu, cuda or cuda:N. DeviceError when an explicit device cannot be had.
std::unique_ptr<Operations> make_operations(const std::string& device);

}  // namespace gleam::kernels
