// Where coil images, maps and masks have the numbers of one pixel; passed to kernels by value.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/cu/device_ptr.hpp"
#include "kernels/device/complex.hpp"

namespace gleam::kernels::cu {

// Blocks along an axis y or z of the grid; what is beyond its limit is done in turns.
inline unsigned turns(std::int64_t n) { return static_cast<unsigned>(n < 1 ? 1 : n > 65535 ? 65535 : n); }

// A tensor that may be missing: null, then.
template <class T>
DevicePtr<T> optional_data(const Tensor* t) {
    return t ? device_data<T>(*t) : DevicePtr<T>();
}

// The same numbers, several at a time. Tensors begin on a multiple of 16 bytes.
template <class Pack, class T>
DevicePtr<Pack> in_packs(const DevicePtr<T>& p) {
    return DevicePtr<Pack>(reinterpret_cast<Pack*>(unwrap(p)));
}

// Enough blocks to give every multiprocessor of a large device several.
inline constexpr std::int64_t many_blocks = 132 * 8;

// The sample of a (sample, frame) entry; 32 bits hold all entries.
GLEAM_DEVICE inline std::int64_t sample_of(std::int64_t entry, std::int64_t frames) {
    return static_cast<unsigned>(entry) / static_cast<unsigned>(frames);
}

// Coil images [N, T, C, Z, Y, X]; an entry is a frame of a sample. Images and maps have `sets` numbers per pixel. Of all entries
// that image, maps and mask have, the coil images may be a part only: `entries` of them, from entry `first` on.
struct CoilPixels {
    std::int64_t first = 0, entries, frames, coils, pixels, sets;
    bool one_map;            // for all frames of a sample
    bool one_active = true;  // flag for all samples
    static constexpr std::int64_t coils_at_once = 4;

    CoilPixels(const Shape& coil_images, const Shape& maps)
        : entries(coil_images[0] * coil_images[1]),
          frames(coil_images[1]),
          coils(coil_images[2]),
          pixels(coil_images[3] * coil_images[4] * coil_images[5]),
          sets(maps.rank() == 7 ? maps[6] : 1),
          one_map(maps[1] == 1) {
        if (entries > INT32_MAX) throw ShapeError("coil images", "2^31 frames or more: " + coil_images.str());
    }

    CoilPixels part(std::int64_t from, std::int64_t count) const {
        CoilPixels p = *this;
        p.first = from, p.entries = count;
        return p;
    }

    // Of the images' and the maps' numbers, where those of the coil images' entry i begin.
    GLEAM_DEVICE std::int64_t image(std::int64_t i) const { return (first + i) * pixels * sets; }
    GLEAM_DEVICE std::int64_t map(std::int64_t i) const {
        return (one_map ? sample_of(first + i, frames) : first + i) * coils * pixels * sets;
    }
    // Whether entry i is to be computed; `active` may be null (kernels/terms.hpp).
    GLEAM_DEVICE bool computed(const double* active, std::int64_t i) const {
        return !active || active[one_active ? 0 : sample_of(first + i, frames)] != 0;
    }

    // A grid for `items` of a coil image along x, coils along y, entries along z. A thread takes several coils where there are
    // enough blocks without, and has to read what they share only once.
    Extent blocks(std::int64_t items, unsigned threads) const {
        const unsigned along_x = blocks_for(items, threads);
        const std::int64_t groups = (coils + coils_at_once - 1) / coils_at_once;
        const bool few = along_x * groups * entries < many_blocks;
        return {along_x, turns(few ? coils : groups), turns(entries)};
    }
};

// A mask [N, T|1, 1, Z|1, Y|1, X|1]: an axis of length 1 has stride 0.
struct MaskPixels {
    std::int64_t frames;                     // of k-space
    std::int64_t sample, frame, sz, sy, sx;  // strides of the mask

    MaskPixels(const Shape& mask, std::int64_t frames_of_kspace) : frames(frames_of_kspace) {
        const std::int64_t volume = mask[3] * mask[4] * mask[5];
        sample = mask[1] * volume;
        frame = mask[1] == 1 ? 0 : volume;
        sz = mask[3] == 1 ? 0 : mask[4] * mask[5];
        sy = mask[4] == 1 ? 0 : mask[5];
        sx = mask[5] == 1 ? 0 : 1;
    }

    GLEAM_DEVICE std::int64_t entry(std::int64_t i) const {
        const std::int64_t n = sample_of(i, frames);
        return n * sample + (i - n * frames) * frame;
    }
};

// alpha A^H A x + beta x + gamma b, of one number
template <class T>
struct NormalWeights {
    T alpha = 1, beta = 0, gamma = 0;

    GLEAM_DEVICE NormalWeights scaled(const T* beta_factor) const {
        return {alpha, beta_factor ? beta * *beta_factor : beta, gamma};
    }
    GLEAM_DEVICE device::Complex<T> operator()(const device::Complex<T>& normal, const device::Complex<T>& x) const {
        return {alpha * normal.re + beta * x.re, alpha * normal.im + beta * x.im};
    }
    GLEAM_DEVICE device::Complex<T> operator()(const device::Complex<T>& normal, const device::Complex<T>& x,
                                               const device::Complex<T>& b) const {
        return (*this)(normal, x) + gamma * b;
    }
};

}  // namespace gleam::kernels::cu
