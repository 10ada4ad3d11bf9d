// What the GPU's operations need beside their own kernels: memory, a stream, and what libraries do better. There is one backend
// for real devices (cuFFT, cuDNN) and one that emulates (kernels/emu: FFTW and oneDNN stand in), so that everything above it runs
// in tests without a GPU.
#pragma once

#include <functional>
#include <memory>

#include "core/arena.hpp"
#include "kernels/cu/device_ptr.hpp"
#include "kernels/cu/library_terms.hpp"
#include "kernels/operations.hpp"

namespace gleam::kernels::cu {

class GpuBackend {
public:
    virtual ~GpuBackend() = default;

    virtual Device device() const = 0;
    virtual Allocator& allocator() = 0;
    virtual std::size_t total_memory() const = 0;
    // Where all kernels and library calls go.
    virtual Stream stream() = 0;

    // Copies bytes, in the stream's order, between tensors of which at least one lives on this device. Where one is the host's,
    // returns when the host may use or change it.
    virtual void copy(const Tensor& from, const Tensor& to) = 0;
    // Sets all bytes, in the stream's order.
    virtual void fill(const Tensor& out, unsigned char byte) = 0;
    // Returns when everything before is done.
    virtual void synchronize() = 0;
    // As Operations::mark and wait_for.
    virtual void mark(std::unique_ptr<Event>& event) = 0;
    virtual void wait_for(const Event& event) = 0;
    // How often the host has waited for the device.
    std::int64_t waits() const { return waits_; }

    // As Operations::repeat: what `work` puts into the stream is recorded the first time, instead of done, and what is recorded
    // is done every time. Copies from and to the host are errors meanwhile.
    virtual void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& work) = 0;

    // The library half. Scratch memory comes from `workspace`; while `planning`, it is booked and nothing is computed. x is c64
    // or c128.
    virtual void fourier(FftDirection direction, const FourierBatch& batch, const Tensor& x, Arena& workspace, bool planning) = 0;
    virtual void convolve(const WideConvolution& convolution, Arena& workspace, bool planning) = 0;

protected:
    void count_wait() { ++waits_; }

private:
    std::int64_t waits_ = 0;
};

}  // namespace gleam::kernels::cu
