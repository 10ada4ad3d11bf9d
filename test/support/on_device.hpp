// Numbers of the host copied to a device, for tests of single operations there.
#pragma once

#include <vector>

#include "core/array.hpp"
#include "core/memory.hpp"
#include "kernels/operations.hpp"

namespace gleam::test {

// Host numbers on a device, behind `offset` bytes.
class OnDevice {
public:
    OnDevice(kernels::Operations& ops, const Tensor& host, std::size_t offset = 0)
        : ops_(ops), memory_(ops.allocator(), ops.allocator().allocate(host.bytes() + offset), host.bytes() + offset) {
        tensor = host;
        tensor.data = static_cast<char*>(memory_.data()) + offset;
        tensor.device = ops.device();
        ops.copy(host, tensor);
    }

    template <class T>
    std::vector<T> numbers() const {
        Array<T> host(tensor.shape);
        ops_.copy(tensor, host.view());
        return host.values;
    }

    Tensor tensor;

private:
    kernels::Operations& ops_;
    Memory memory_;
};

}  // namespace gleam::test
