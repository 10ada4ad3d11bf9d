// Loops over coil images, shared by coil.cpp and sense_normal.cpp. Complex numbers are taken apart so that compilers vectorise.
#pragma once

#include <algorithm>
#include <complex>

#include "core/shape.hpp"
#include "core/tensor.hpp"
#include "kernels/cpu/fourier.hpp"

namespace gleam::kernels::cpu {

// Coil images [N, T, C, Z, Y, X] taken apart, with where the maps or mask of (sample, frame) start.
struct CoilGeometry {
    std::int64_t batch, frames, coils, pixels;

    explicit CoilGeometry(const Shape& s) : batch(s[0]), frames(s[1]), coils(s[2]), pixels(s[3] * s[4] * s[5]) {}

    // Which (sample, frame) entry of a tensor with one frame or all frames belongs to entry `i` of one with all.
    std::int64_t shared_entry(std::int64_t i, const Shape& other) const { return other[1] == frames ? i : i / frames * other[1]; }
};

inline std::int64_t map_sets(const Shape& image_or_maps) { return image_or_maps.rank() == 7 ? image_or_maps[6] : 1; }

// The mask of one (sample, frame): an axis of length 1 has stride 0.
template <class T>
struct MaskView {
    const T* data;
    std::int64_t z_stride, y_stride, x_stride;

    MaskView(const Tensor& mask, std::int64_t entry)
        : data(mask.as<T>() + entry * mask.shape[3] * mask.shape[4] * mask.shape[5]),
          z_stride(mask.shape[3] == 1 ? 0 : mask.shape[4] * mask.shape[5]),
          y_stride(mask.shape[4] == 1 ? 0 : mask.shape[5]),
          x_stride(mask.shape[5] == 1 ? 0 : 1) {}
};

// t = sum_e s_e x_e for n pixels of `sets` values each
template <class T>
void expand_pixels(std::int64_t n, std::int64_t sets, const std::complex<T>* x, const std::complex<T>* s, std::complex<T>* t) {
    const T *p = reinterpret_cast<const T*>(x), *q = reinterpret_cast<const T*>(s);
    T* o = reinterpret_cast<T*>(t);
    if (sets == 1) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) {
            const T re = p[2 * i] * q[2 * i] - p[2 * i + 1] * q[2 * i + 1];
            const T im = p[2 * i] * q[2 * i + 1] + p[2 * i + 1] * q[2 * i];
            o[2 * i] = re;
            o[2 * i + 1] = im;
        }
        return;
    }
    for (std::int64_t i = 0; i < n; ++i) {
        T re = 0, im = 0;
        for (std::int64_t e = i * sets; e < (i + 1) * sets; ++e) {
            re += p[2 * e] * q[2 * e] - p[2 * e + 1] * q[2 * e + 1];
            im += p[2 * e] * q[2 * e + 1] + p[2 * e + 1] * q[2 * e];
        }
        o[2 * i] = re;
        o[2 * i + 1] = im;
    }
}

// out_e += conj(s_e) t for n pixels
template <class T>
void combine_pixels_acc(std::int64_t n, std::int64_t sets, const std::complex<T>* s, const std::complex<T>* t,
                        std::complex<T>* out) {
    const T *p = reinterpret_cast<const T*>(s), *q = reinterpret_cast<const T*>(t);
    T* o = reinterpret_cast<T*>(out);
    if (sets == 1) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) {
            o[2 * i] += p[2 * i] * q[2 * i] + p[2 * i + 1] * q[2 * i + 1];
            o[2 * i + 1] += p[2 * i] * q[2 * i + 1] - p[2 * i + 1] * q[2 * i];
        }
        return;
    }
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t e = i * sets; e < (i + 1) * sets; ++e) {
            o[2 * e] += p[2 * e] * q[2 * i] + p[2 * e + 1] * q[2 * i + 1];
            o[2 * e + 1] += p[2 * e] * q[2 * i + 1] - p[2 * e + 1] * q[2 * i];
        }
}

// Calls f(first, n) for the pixels [0, pixels) in blocks whose values, of `sets` per pixel, stay in the first cache level.
template <class F>
void for_pixel_blocks(std::int64_t first, std::int64_t last, std::int64_t sets, F&& f) {
    const std::int64_t block = std::max<std::int64_t>(1, 1024 / sets);
    for (std::int64_t a = first; a < last; a += block) f(a, std::min(block, last - a));
}

// y *= mask over the volume of `v` whose first plane is plane `z` of the mask
template <class T>
void mask_volume(const Volume& v, const Layout& layout, std::int64_t z, const MaskView<T>& mask, std::complex<T>* y) {
    for (std::int64_t k = 0; k < v.z; ++k)
        for (std::int64_t j = 0; j < v.y; ++j) {
            T* o = reinterpret_cast<T*>(y + k * layout.plane + j * layout.row);
            const T* m = mask.data + (z + k) * mask.z_stride + j * mask.y_stride;
            if (mask.x_stride == 0) {
                const T constant = *m;
#pragma omp simd
                for (std::int64_t i = 0; i < 2 * v.x; ++i) o[i] *= constant;
            } else {
#pragma omp simd
                for (std::int64_t i = 0; i < v.x; ++i) {
                    o[2 * i] *= m[i];
                    o[2 * i + 1] *= m[i];
                }
            }
        }
}

inline Volume volume_of(const Shape& coil_images, int rank) {
    return Volume{rank == 3 ? coil_images[-3] : 1, coil_images[-2], coil_images[-1]};
}

}  // namespace gleam::kernels::cpu
