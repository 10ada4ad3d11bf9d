// Smooth random fields without a Fourier transform: a few dozen plane waves of random direction, frequency and phase.
//
// A field is a function of position in the field of view, -1 .. 1 on both axes at the outer edges of the matrix, so that the same
// random numbers give the same object at every matrix size. Waves finer than the matrix can show fade out.
#pragma once

#include <cstdint>
#include <vector>

#include "core/philox.hpp"

namespace gleam::data {

// Position of pixel i of n in the field of view.
inline double fov_position(std::int64_t i, std::int64_t n) {
    return (2 * static_cast<double>(i) + 1) / static_cast<double>(n) - 1;
}

class Waves {
public:
    // `count` waves with `low` to `high` cycles per field of view in any direction; the field has mean 0 and variance 1.
    Waves(Philox& random, int count, double low, double high);

    // The field on a matrix [height, width], in the plane z (-1 .. 1, as along the other axes) of a volume.
    std::vector<float> sample(std::int64_t height, std::int64_t width, double z = 0) const;

private:
    struct Wave {
        double x, y, z;  // cycles per field of view along each axis
        double phase;    // radians
    };
    std::vector<Wave> waves_;
};

}  // namespace gleam::data
