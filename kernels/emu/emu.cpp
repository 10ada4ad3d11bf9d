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
        if (from.device.kind == DeviceKind::cpu || to.device.kind == DeviceKind::cpu) count_wait();
    }
    void fill(const Tensor& out, unsigned char byte) override {
        const DeviceAccess access;
        std::memset(out.data, byte, out.bytes());
    }
    void synchronize() override { count_wait(); }

    // Books what a library might want, so that everything above is tried with scratch memory.
    void fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x, Arena& workspace,
                 bool planning) override {
        const Lease scratch = workspace.acquire("fft", x.bytes());
        if (planning) return;
        const DeviceAccess access;
        libraries_.fourier(direction, batch, on_host(x));
    }
    void convolve(const cu::WideConvolution& convolution, Arena& workspace, bool planning) override {
        const Lease scratch = workspace.acquire("convolution", std::size_t{1} << 10);
        if (planning) return;
        const DeviceAccess access;
        cu::WideConvolution on_this = convolution;
        for (Tensor* t : {&on_this.x, &on_this.weights, &on_this.y}) *t = on_host(*t);
        libraries_.convolve(on_this);
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
