// What the GPU's operations need beside their own kernels: memory, a stream, and what libraries do better. There is one backend
// for real devices (cuFFT, cuDNN) and one that emulates (kernels/emu: FFTW and oneDNN stand in), so that everything above it runs
// in tests without a GPU.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "core/arena.hpp"
#include "kernels/cu/device_ptr.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cu {

// `count` volumes [z, y, x] one after the other, transformed in place along the axes where `axes` is true: without scale or
// shift.
struct FourierBatch {
    std::int64_t count = 1;
    std::array<std::int64_t, 3> extent{1, 1, 1};
    std::array<bool, 3> axes{true, true, true};
};

class GpuBackend {
public:
    virtual ~GpuBackend() = default;

    virtual Device device() const = 0;
    virtual Allocator& allocator() = 0;
    // Where all kernels and library calls go.
    virtual Stream stream() = 0;

    // Copies bytes, in the stream's order, between tensors of which at least one lives on this device. Where one is the host's,
    // returns when the copy is done.
    virtual void copy(const Tensor& from, const Tensor& to) = 0;
    // Sets all bytes, in the stream's order.
    virtual void fill(const Tensor& out, unsigned char byte) = 0;

    // The library half. Scratch memory comes from `workspace`; while `planning`, it is booked and nothing is computed. Arguments
    // are those of the operations with the same names (kernels/operations.hpp); x is c64 or c128.
    virtual void fourier(FftDirection direction, const FourierBatch& batch, const Tensor& x, Arena& workspace, bool planning) = 0;
    virtual void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                             Arena& workspace, bool planning) = 0;
    virtual void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                                  const Tensor& dx, Arena& workspace, bool planning) = 0;
    virtual void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                         const Tensor* dbias, Arena& workspace, bool planning) = 0;
};

}  // namespace gleam::kernels::cu
