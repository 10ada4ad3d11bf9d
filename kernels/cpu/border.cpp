// A border around a channels-last tensor, with an activation on the way, and its adjoint. Each output element is written once
// (gathered), rows in parallel, so that the order of the sums is fixed.
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
void copy_row(const T* from, std::int64_t n, Arithmetic<T> slope, T* to) {
    if (slope == 1) {
        std::copy_n(from, n, to);
    } else {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) {
            to[i] = T(device::activated(Arithmetic<T>(from[i]), slope));
        }
    }
}

// A row of n pixels, activated, with its ends.
template <class T>
void bordered_row(const T* from, std::int64_t n, std::int64_t channels, const Border& border, T* row) {
    const Arithmetic<T> slope(border.slope);
    const std::int64_t width = border.width[2];
    copy_row(from, n * channels, slope, row + width * channels);
    for (std::int64_t side = 0; side < 2 * width; ++side) {
        const std::int64_t w = side < width ? side : n + side;
        const std::int64_t shown = device::bordered_source(w, n, width, border.mode[2]);
        if (shown < 0)
            std::fill_n(row + w * channels, channels, T{});
        else
            copy_row(from + shown * channels, channels, slope, row + w * channels);
    }
}

}  // namespace

void CpuOperations::do_border(const Tensor& x, const Border& border, const Tensor& out) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto& s = x.shape;
        const auto& o = out.shape;
        const std::int64_t channels = s[4];
#pragma omp parallel for collapse(3) schedule(static)
        for (std::int64_t n = 0; n < o[0]; ++n)
            for (std::int64_t d = 0; d < o[1]; ++d)
                for (std::int64_t h = 0; h < o[2]; ++h) {
                    T* row = out.as<T>() + ((n * o[1] + d) * o[2] + h) * o[3] * channels;
                    const std::int64_t sd = device::bordered_source(d, s[1], border.width[0], border.mode[0]);
                    const std::int64_t sh = device::bordered_source(h, s[2], border.width[1], border.mode[1]);
                    if (sd < 0 || sh < 0)
                        std::fill_n(row, o[3] * channels, T{});
                    else
                        bordered_row(x.as<T>() + ((n * s[1] + sd) * s[2] + sh) * s[3] * channels, s[3], channels, border, row);
                }
    });
}

// Row by row of `out`: where a row of the sum has its own place, it is made there and copied to the other rows that show it.
void CpuOperations::do_add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) {
    with_feature(a.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto& s = a.shape;
        const auto& o = out.shape;
        const std::int64_t channels = s[4], length = s[3] * channels, wide = o[3] * channels;
        const auto out_row = [&](std::int64_t n, std::int64_t d, std::int64_t h) {
            return out.as<T>() + ((n * o[1] + d) * o[2] + h) * wide;
        };
#pragma omp parallel for collapse(3) schedule(static)
        for (std::int64_t n = 0; n < o[0]; ++n)
            for (std::int64_t od = 0; od < o[1]; ++od)
                for (std::int64_t oh = 0; oh < o[2]; ++oh) {
                    T* own = out_row(n, od, oh);
                    if (device::bordered_source(od, s[1], border.width[0], border.mode[0]) < 0 ||
                        device::bordered_source(oh, s[2], border.width[1], border.mode[1]) < 0) {
                        std::fill_n(own, wide, T{});
                        continue;
                    }
                    const std::int64_t d = od - border.width[0], h = oh - border.width[1];
                    if (d < 0 || d >= s[1] || h < 0 || h >= s[2]) continue;
                    const std::int64_t row = ((n * s[1] + d) * s[2] + h) * length;
                    const T *x = a.as<T>() + row, *y = b.as<T>() + row;
                    T* total = sum.as<T>() + row;
#pragma omp simd
                    for (std::int64_t i = 0; i < length; ++i) total[i] = T(Arithmetic<T>(x[i]) + Arithmetic<T>(y[i]));
                    bordered_row(total, s[3], channels, border, own);
                    device::for_each_copy(d, s[1], border.width[0], border.mode[0], [&](std::int64_t cd) {
                        device::for_each_copy(h, s[2], border.width[1], border.mode[1], [&](std::int64_t ch) {
                            if (cd != od || ch != oh) std::copy_n(own, wide, out_row(n, cd, ch));
                        });
                    });
                }
    });
}

void CpuOperations::do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                                      const Tensor& dx) {
    with_feature(dx.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto& s = dx.shape;
        const auto& o = dout.shape;
        const std::int64_t channels = s[4], wide = o[3] * channels, width = border.width[2];
        using A = Arithmetic<T>;
        const A slope(border.slope);
        // Adds bordered row `from` to row `to`: the inner part at once, then the two ends.
        const auto fold_row = [&](const T* from, A* to) {
            const T* inner = from + width * channels;
#pragma omp simd
            for (std::int64_t i = 0; i < s[3] * channels; ++i) to[i] += A(inner[i]);
            if (border.mode[2] == BorderMode::zero) return;
            for (std::int64_t side = 0; side < 2 * width; ++side) {
                const std::int64_t w = side < width ? side : s[3] + side;
                A* target = to + device::bordered_source(w, s[3], width, border.mode[2]) * channels;
                for (std::int64_t k = 0; k < channels; ++k) target[k] += A(from[w * channels + k]);
            }
        };
#pragma omp parallel
        {
            std::vector<A> sum(static_cast<std::size_t>(s[3] * channels));
#pragma omp for collapse(3) schedule(static)
            for (std::int64_t n = 0; n < s[0]; ++n)
                for (std::int64_t d = 0; d < s[1]; ++d)
                    for (std::int64_t h = 0; h < s[2]; ++h) {
                        std::fill(sum.begin(), sum.end(), A(0));
                        device::for_each_copy(d, s[1], border.width[0], border.mode[0], [&](std::int64_t od) {
                            device::for_each_copy(h, s[2], border.width[1], border.mode[1], [&](std::int64_t oh) {
                                fold_row(dout.as<T>() + ((n * o[1] + od) * o[2] + oh) * wide, sum.data());
                            });
                        });
                        const std::int64_t own_row = (n * o[1] + d + border.width[0]) * o[2] + h + border.width[1];
                        const T* mask = bordered ? bordered->as<T>() + own_row * wide + width * channels : nullptr;
                        T* target = dx.as<T>() + ((n * s[1] + d) * s[2] + h) * s[3] * channels;
                        for (std::int64_t i = 0; i < s[3] * channels; ++i) {
                            const A g = (!mask || A(mask[i]) > 0 ? A(1) : slope) * sum[static_cast<std::size_t>(i)];
                            target[i] = T(accumulate ? A(target[i]) + g : g);
                        }
                    }
        }
    });
}

}  // namespace gleam::kernels::cpu
