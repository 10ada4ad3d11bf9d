#include "kernels/emu/host_libraries.hpp"

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/fourier.hpp"

namespace gleam::emu {

using namespace kernels;

HostLibraries::HostLibraries() : host_(make_cpu_operations()) { workspace_.serve_on_demand(host_->allocator()); }

void HostLibraries::fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = std::complex<T>;
        const cpu::Volume volume{batch.extent[0], batch.extent[1], batch.extent[2]};
        const cpu::Layout dense = cpu::dense(volume), padded = cpu::padded<T>(volume);
        const auto& plan = cpu::FourierPlan<T>::get(volume, {batch.axes[0], batch.axes[1], batch.axes[2]}, direction);
        const Lease scratch = workspace_.acquire("fft", static_cast<std::size_t>(padded.volume) * sizeof(C));
        auto* const lines = static_cast<C*>(scratch.data());
        for (std::int64_t i = 0; i < batch.count; ++i) {
            C* data = static_cast<C*>(x.data) + i * volume.elements();
            cpu::shifted_copy(volume, cpu::Shift::none, T(1), data, dense, lines, padded);
            plan.execute(lines);
            cpu::shifted_copy(volume, cpu::Shift::none, T(1), lines, padded, data, dense);
        }
    });
}

}  // namespace gleam::emu
