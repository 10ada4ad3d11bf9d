// The GPU half of the operation interface. Each .cu file holds a group of operations: its kernels, and the functions below that
// launch them. No function waits for the device, except copies from and to the host.
#pragma once

#include <memory>

#include "core/memory.hpp"
#include "kernels/cu/gpu_backend.hpp"
#include "kernels/operations.hpp"

namespace gleam::kernels::cu {

class GpuOperations final : public Operations {
public:
    explicit GpuOperations(std::unique_ptr<GpuBackend> backend);

    Device device() const override { return backend_->device(); }
    Allocator& allocator() override { return backend_->allocator(); }
    std::size_t total_memory() const override { return backend_->total_memory(); }
    void synchronize() override { backend_->synchronize(); }
    void mark(std::unique_ptr<Event>& event) override { backend_->mark(event); }
    void wait_for(const Event& event) override { backend_->wait_for(event); }
    void* queue() override { return backend_->stream().handle; }
    std::int64_t waits() const override { return backend_->waits(); }
    // Tensor cores take 16 bytes of channels at a time. So few as an image has are none of theirs, and stay as they are.
    std::int64_t channels(DType dtype, std::int64_t features) const override {
        if (features <= 8) return features;
        const std::int64_t step = dtype == DType::bf16 ? 8 : dtype == DType::f32 && tf32() ? 4 : 1;
        return (features + step - 1) / step * step;
    }

private:
    void do_repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& work) override {
        backend_->repeat(recording, work);
    }

    // vectors.cu
    void do_copy(const Tensor& x, const Tensor& out) override;
    void do_fill_zero(const Tensor& out) override;
    void do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) override;
    void do_dot(const Tensor& x, const Tensor& y, const Tensor& out) override;
    void do_add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x, const Tensor* y,
                         const Tensor& out) override;
    void do_add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& t,
                                     const Tensor* d_numerator, const Tensor* d_denominator) override;
    void do_drop_below(double limit, const Tensor& reference, const Tensor& x) override;

    // losses.cu; structural similarity is in ssim.cu
    void do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                     Arena& workspace) override;

    // coil.cu
    void do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) override;
    void do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) override;
    void do_mask_multiply(const Tensor& mask, const Tensor& y) override;
    void do_normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) override;

    // fourier.cu
    void do_fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) override;

    // sense_normal.cu; masks of lines are in sense_lines.cu
    void do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                         const Tensor& out, Arena& workspace) override;

    // wavelet.cu
    void do_wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                    Arena& workspace) override;
    void do_soft_threshold(double threshold, const Tensor& x) override;

    // eigenvectors.cu
    void do_leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) override;
    void do_deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) override;

    // optimizers.cu
    void do_clip(double limit, const Tensor& gradient, const Tensor& norm) override;
    void do_optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                           std::span<const Tensor> moments) override;

    // random.cu
    void do_random(const RandomStream& stream, const RandomTerms& terms, const Tensor& out) override;

    // border.cu
    void do_border(const Tensor& x, const Border& border, const Tensor& out) override;
    void do_add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) override;
    void do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                           const Tensor& dx) override;

    // activation.cu
    void do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) override;
    void do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) override;

    // normalization.cu
    void do_normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) override;
    void do_normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation, const Tensor& dx) override;

    // convolution.cu: thin ones by our own kernels, the others by the library
    void do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                        Arena& workspace) override;
    void do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                             const Tensor& dx, Arena& workspace) override;
    void do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                    const Tensor* dbias, Arena& workspace) override;

    struct Wide;  // convolution.cu

    Stream stream() { return backend_->stream(); }

    // out[i] = <x_i, y_i> over equal parts of two tensors as real numbers, or its root; vectors.cu.
    void inner_products(const Tensor& x, const Tensor& y, std::int64_t parts, bool root, DevicePtr<double> out);

    // do_loss_acc for structural similarity; ssim.cu.
    void ssim_loss_acc(double weight, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                       Arena& workspace);

    // Room for partial sums. The next operation may have it: kernels run in the order of their launches.
    static constexpr std::int64_t scratch_numbers = 1 << 18;
    DevicePtr<double> scratch() { return DevicePtr<double>(static_cast<double*>(scratch_.data())); }

    std::unique_ptr<GpuBackend> backend_;
    Memory scratch_;
};

}  // namespace gleam::kernels::cu
