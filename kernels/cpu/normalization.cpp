// Instance normalisation of channels-last tensors. Sums in double, over rows of fixed size in order.
#include "kernels/device/normalization.hpp"

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {

void CpuOperations::do_normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t channels = x.shape[4], pixels = x.shape[1] * x.shape[2] * x.shape[3];
        const auto count = static_cast<double>(pixels);
        for (std::int64_t n = 0; n < x.shape[0]; ++n) {
            const T* p = x.as<T>() + n * pixels * channels;
            T* o = out.as<T>() + n * pixels * channels;
            double* inverse = inverse_deviation.as<double>() + n * channels;
            std::vector<double> mean = channel_sums(pixels, channels, [&](std::int64_t i) { return static_cast<double>(p[i]); });
            for (double& m : mean) m /= count;
            const auto squares = channel_sums(pixels, channels, [&](std::int64_t i) {
                const double d = static_cast<double>(p[i]) - mean[static_cast<std::size_t>(i % channels)];
                return d * d;
            });
            for (std::int64_t k = 0; k < channels; ++k)
                inverse[k] = 1 / std::sqrt(squares[static_cast<std::size_t>(k)] / count + epsilon);
            parallel_ranges(pixels, 1024, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = first * channels; i < last * channels; ++i) {
                    const std::int64_t k = i % channels;
                    o[i] = T(Arithmetic<T>(
                        device::normalized(static_cast<double>(p[i]), mean[static_cast<std::size_t>(k)], inverse[k])));
                }
            });
        }
    });
}

void CpuOperations::do_normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation,
                                         const Tensor& dx) {
    with_feature(dout.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t channels = dout.shape[4], pixels = dout.shape[1] * dout.shape[2] * dout.shape[3];
        const auto count = static_cast<double>(pixels);
        for (std::int64_t n = 0; n < dout.shape[0]; ++n) {
            const T *g = dout.as<T>() + n * pixels * channels, *y = out.as<T>() + n * pixels * channels;
            T* d = dx.as<T>() + n * pixels * channels;
            const double* inverse = inverse_deviation.as<double>() + n * channels;
            auto mean = channel_sums(pixels, channels, [&](std::int64_t i) { return static_cast<double>(g[i]); });
            auto mean_product =
                channel_sums(pixels, channels, [&](std::int64_t i) { return static_cast<double>(g[i]) * double(y[i]); });
            for (auto* sums : {&mean, &mean_product})
                for (double& m : *sums) m /= count;
            parallel_ranges(pixels, 1024, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = first * channels; i < last * channels; ++i) {
                    const auto k = static_cast<std::size_t>(i % channels);
                    d[i] = T(Arithmetic<T>(device::normalized_adjoint(static_cast<double>(g[i]), static_cast<double>(y[i]),
                                                                      mean[k], mean_product[k], inverse[k])));
                }
            });
        }
    });
}

}  // namespace gleam::kernels::cpu
