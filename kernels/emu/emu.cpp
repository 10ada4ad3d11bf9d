#include "kernels/emu/emu.hpp"

#include <cstring>

#include "core/error.hpp"
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

struct EmuRecording final : Recording {
    std::vector<std::function<void()>> work;
};

class EmuBackend final : public cu::GpuBackend {
public:
    explicit EmuBackend(ThreadOrder order) : stream_{order}, allocator_(stream_) {}

    Device device() const override { return Device{DeviceKind::emu, 0}; }
    Allocator& allocator() override { return allocator_; }
    std::size_t total_memory() const override { return 0; }
    Stream stream() override { return Stream{&stream_}; }

    void copy(const Tensor& from, const Tensor& to) override {
        const bool to_host = to.device.kind == DeviceKind::cpu;
        if (stream_.recording && (to_host || from.device.kind == DeviceKind::cpu))
            throw InternalError("emulated stream", "a copy from or to the host cannot be recorded");
        if (to_host) count_wait();
        stream_.put([from, to] {
            const DeviceAccess access;
            std::memcpy(to.data, from.data, from.bytes());
        });
    }
    void fill(const Tensor& out, unsigned char byte) override {
        stream_.put([out, byte] {
            const DeviceAccess access;
            std::memset(out.data, byte, out.bytes());
        });
    }
    void synchronize() override { count_wait(); }
    void mark(std::unique_ptr<Event>&) override {}  // work is done when it has been put into the stream
    void wait_for(const Event&) override {}

    void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& work) override {
        if (!recording) {
            auto fresh = std::make_unique<EmuRecording>();
            stream_.recording = &fresh->work;
            try {
                work();
            } catch (...) {
                stream_.recording = nullptr;
                throw;
            }
            stream_.recording = nullptr;
            recording = std::move(fresh);
        }
        for (const auto& one : static_cast<const EmuRecording&>(*recording).work) one();
    }

    // Books what a library might want, so that everything above is tried with scratch memory.
    void fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x, Arena& workspace,
                 bool planning) override {
        const Lease scratch = workspace.acquire("fft", x.bytes());
        if (planning) return;
        stream_.put([this, direction, batch, x] {
            const DeviceAccess access;
            libraries_.fourier(direction, batch, on_host(x));
        });
    }
    void convolve(const cu::WideConvolution& convolution, Arena& workspace, bool planning) override {
        const Lease scratch = workspace.acquire("convolution", std::size_t{1} << 10);
        if (planning) return;
        cu::WideConvolution on_this = convolution;
        for (Tensor* t : {&on_this.x, &on_this.weights, &on_this.y}) *t = on_host(*t);
        stream_.put([this, on_this] {
            const DeviceAccess access;
            libraries_.convolve(on_this);
        });
    }

private:
    StreamState stream_;
    EmuAllocator allocator_;
    HostLibraries libraries_;
};

}  // namespace

std::unique_ptr<Operations> make_emu_operations(ThreadOrder order) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<EmuBackend>(order));
}

}  // namespace gleam::emu
