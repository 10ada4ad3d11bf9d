// Where coil images, maps and masks have the numbers of one pixel; passed to kernels by value.
#pragma once

#include <cstdint>

#include "kernels/cu/device_ptr.hpp"
#include "kernels/device/function.hpp"

namespace gleam::kernels::cu {

// Blocks along an axis y or z of the grid; what is beyond its limit is done in turns.
inline unsigned turns(std::int64_t n) { return static_cast<unsigned>(n < 1 ? 1 : n > 65535 ? 65535 : n); }

// Coil images [N, T, C, Z, Y, X]; an entry is a frame of a sample. Images and maps have `sets` numbers per pixel.
struct CoilPixels {
    std::int64_t entries, frames, coils, pixels, sets;
    bool one_map;  // for all frames of a sample

    CoilPixels(const Shape& coil_images, const Shape& maps)
        : entries(coil_images[0] * coil_images[1]),
          frames(coil_images[1]),
          coils(coil_images[2]),
          pixels(coil_images[3] * coil_images[4] * coil_images[5]),
          sets(maps.rank() == 7 ? maps[6] : 1),
          one_map(maps[1] == 1) {}

    GLEAM_DEVICE std::int64_t map_entry(std::int64_t entry) const { return one_map ? entry / frames : entry; }

    // A grid of one thread per pixel along x, coils along y, entries along z.
    Extent blocks(unsigned threads) const { return {blocks_for(pixels, threads), turns(coils), turns(entries)}; }
};

// A mask [N, T|1, 1, Z|1, Y|1, X|1]: an axis of length 1 has stride 0.
struct MaskPixels {
    std::int64_t frames, ny, nx;             // of k-space
    std::int64_t sample, frame, sz, sy, sx;  // strides of the mask

    MaskPixels(const Shape& mask, const Shape& kspace) : frames(kspace[1]), ny(kspace[4]), nx(kspace[5]) {
        const std::int64_t volume = mask[3] * mask[4] * mask[5];
        sample = mask[1] * volume;
        frame = mask[1] == 1 ? 0 : volume;
        sz = mask[3] == 1 ? 0 : mask[4] * mask[5];
        sy = mask[4] == 1 ? 0 : mask[5];
        sx = mask[5] == 1 ? 0 : 1;
    }

    GLEAM_DEVICE std::int64_t at(std::int64_t entry, std::int64_t pixel) const {
        const std::int64_t x = pixel % nx, y = pixel / nx % ny, z = pixel / nx / ny;
        return entry / frames * sample + entry % frames * frame + z * sz + y * sy + x * sx;
    }
};

}  // namespace gleam::kernels::cu
