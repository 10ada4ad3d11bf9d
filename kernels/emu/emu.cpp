#include "kernels/emu/emu.hpp"

#include <cstring>

#include "kernels/cu/gpu_operations.hpp"
#include "kernels/emu/host_libraries.hpp"
#include "kernels/emu/memory.hpp"

namespace gleam::emu {
namespace {

using namespace kernels;

Tensor on_host(Tensor t) {
    t.device = Device{};
    return t;
}

class EmuBackend final : public cu::GpuBackend {
public:
    explicit EmuBackend(ThreadOrder order) : stream_{order} {}

    Device device() const override { return Device{DeviceKind::emu, 0}; }
    Allocator& allocator() override { return allocator_; }
    Stream stream() override { return Stream{&stream_}; }

    void copy(const Tensor& from, const Tensor& to) override {
        const DeviceAccess access;
        std::memcpy(to.data, from.data, from.bytes());
    }
    void fill(const Tensor& out, unsigned char byte) override {
        const DeviceAccess access;
        std::memset(out.data, byte, out.bytes());
    }

    void fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x, Arena&, bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        libraries_.fourier(direction, batch, on_host(x));
    }
    void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y, Arena&,
                     bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        const Tensor added = bias ? on_host(*bias) : Tensor{};
        libraries_.convolutions().convolution(on_host(x), on_host(weights), bias ? &added : nullptr, padding, on_host(y),
                                              libraries_.workspace());
    }
    void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                          const Tensor& dx, Arena&, bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        libraries_.convolutions().convolution_data(on_host(dy), on_host(weights), padding, slope, on_host(dx),
                                                   libraries_.workspace());
    }
    void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                 const Tensor* dbias, Arena&, bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        const Tensor added = dbias ? on_host(*dbias) : Tensor{};
        libraries_.convolutions().convolution_weights_acc(on_host(x), on_host(dy), padding, on_host(dweights),
                                                          dbias ? &added : nullptr, libraries_.workspace());
    }

private:
    EmuAllocator allocator_;
    StreamState stream_;
    HostLibraries libraries_;
};

}  // namespace

std::unique_ptr<Operations> make_emu_operations(ThreadOrder order) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<EmuBackend>(order));
}

}  // namespace gleam::emu
