#include "kernels/emu/emu.hpp"

#include <cstring>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/fourier.hpp"
#include "kernels/cu/gpu_operations.hpp"
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
        with_real(x.dtype, [&](auto zero) {
            using C = std::complex<decltype(zero)>;
            const cpu::Volume volume{batch.extent[0], batch.extent[1], batch.extent[2]};
            const cpu::Layout dense = cpu::dense(volume), padded = cpu::padded<decltype(zero)>(volume);
            const auto& plan =
                cpu::FourierPlan<decltype(zero)>::get(volume, {batch.axes[0], batch.axes[1], batch.axes[2]}, direction);
            const Memory scratch(host_->allocator(),
                                 host_->allocator().allocate(static_cast<std::size_t>(padded.volume) * sizeof(C)), 0);
            auto* lines = static_cast<C*>(scratch.data());
            for (std::int64_t i = 0; i < batch.count; ++i) {
                C* data = static_cast<C*>(x.data) + i * volume.elements();
                cpu::shifted_copy(volume, cpu::Shift::none, decltype(zero)(1), data, dense, lines, padded);
                plan.execute(lines);
                cpu::shifted_copy(volume, cpu::Shift::none, decltype(zero)(1), lines, padded, data, dense);
            }
        });
    }
    void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y, Arena&,
                     bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        const Tensor added = bias ? on_host(*bias) : Tensor{};
        host_->convolution(on_host(x), on_host(weights), bias ? &added : nullptr, padding, on_host(y), scratch_);
    }
    void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                          const Tensor& dx, Arena&, bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        host_->convolution_data(on_host(dy), on_host(weights), padding, slope, on_host(dx), scratch_);
    }
    void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                 const Tensor* dbias, Arena&, bool planning) override {
        if (planning) return;
        const DeviceAccess access;
        const Tensor added = dbias ? on_host(*dbias) : Tensor{};
        host_->convolution_weights_acc(on_host(x), on_host(dy), padding, on_host(dweights), dbias ? &added : nullptr, scratch_);
    }

private:
    static Arena& served(Arena& arena, Operations& host) {
        arena.serve_on_demand(host.allocator());
        return arena;
    }

    EmuAllocator allocator_;
    StreamState stream_;
    std::unique_ptr<Operations> host_ = make_cpu_operations();
    Arena own_{"emulated libraries"};
    Arena& scratch_ = served(own_, *host_);
};

}  // namespace

std::unique_ptr<Operations> make_emu_operations(ThreadOrder order) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<EmuBackend>(order));
}

}  // namespace gleam::emu
