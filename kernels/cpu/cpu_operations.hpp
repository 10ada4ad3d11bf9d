// The CPU half of the operation interface; one .cpp file per group of operations.
#pragma once

#include <memory>

#include "kernels/operations.hpp"

namespace gleam::kernels::cpu {

class ConvolutionEngine;  // oneDNN, convolution_engine.cpp

class CpuAllocator final : public Allocator {
    void* do_allocate(std::size_t bytes) override;
    void do_release(void* p) noexcept override;
};

class CpuOperations final : public Operations {
public:
    CpuOperations();
    ~CpuOperations() override;

    Device device() const override { return Device{DeviceKind::cpu, 0}; }
    Allocator& allocator() override { return allocator_; }

private:
    // vectors.cpp
    void do_copy(const Tensor& x, const Tensor& out) override;
    void do_fill_zero(const Tensor& out) override;
    void do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) override;
    void do_dot(const Tensor& x, const Tensor& y, const Tensor& out) override;
    void do_add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x, const Tensor* y,
                         const Tensor& out) override;
    void do_add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& t,
                                     const Tensor* d_numerator, const Tensor* d_denominator) override;
    void do_drop_below(double limit, const Tensor& reference, const Tensor& x) override;

    // losses.cpp
    void do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                     Arena& workspace) override;

    // coil.cpp
    void do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) override;
    void do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) override;
    void do_mask_multiply(const Tensor& mask, const Tensor& y) override;
    void do_fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) override;
    void do_normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) override;
    void do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                         const Tensor& out, Arena& workspace) override;

    // wavelet.cpp
    void do_wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                    Arena& workspace) override;
    void do_soft_threshold(double threshold, const Tensor& x) override;

    // eigenvectors.cpp
    void do_leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) override;
    void do_deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) override;

    // optimizers.cpp
    void do_clip(double limit, const Tensor& gradient, const Tensor& norm) override;
    void do_optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                           std::span<const Tensor> moments) override;

    // random.cpp
    void do_random(const RandomStream& stream, const RandomTerms& terms, const Tensor& out) override;

    // border.cpp
    void do_border(const Tensor& x, const Border& border, const Tensor& out) override;
    void do_add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) override;
    void do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                           const Tensor& dx) override;

    // activation.cpp
    void do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) override;
    void do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) override;

    // normalization.cpp
    void do_normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) override;
    void do_normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation, const Tensor& dx) override;

    // convolution.cpp; double precision goes to the plain loops of convolution_reference.hpp
    void do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                        Arena& workspace) override;
    void do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                             const Tensor& dx, Arena& workspace) override;
    void do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                    const Tensor* dbias, Arena& workspace) override;

    CpuAllocator allocator_;
    std::unique_ptr<ConvolutionEngine> convolutions_;
    int threads_;
};

}  // namespace gleam::kernels::cpu
