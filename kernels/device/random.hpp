// Four numbers of a random stream at a time, written once for CPU loops and device kernels.
#pragma once

#include <cmath>

#include "kernels/device/function.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::device {

// Philox::normals_of. On a device without the argument reduction of sines, which the angle, a fraction of a turn, does not need.
GLEAM_DEVICE inline Philox::Normals normals_of(std::uint32_t first, std::uint32_t second) {
#ifdef __CUDA_ARCH__
    double sine, cosine;
    sincospi(second * (2.0 / 4294967296.0), &sine, &cosine);
    const double r = std::sqrt(-2.0 * std::log(Philox::open_unit(first)));
    return {r * cosine, r * sine};
#else
    return Philox::normals_of(first, second);
#endif
}

// Numbers [4 block, 4 block + 4) of a stream.
template <class T>
GLEAM_DEVICE void random_numbers(const Philox& stream, std::uint64_t block, const RandomTerms& terms, T (&v)[4]) {
    const Philox::Block bits = stream.block(block);
    for (unsigned j = 0; j < 4; j += 2) {
        Philox::Normals two{Philox::uniform_of(bits[j]), Philox::uniform_of(bits[j + 1])};
        if (terms.distribution == Distribution::normal) two = normals_of(bits[j], bits[j + 1]);
        v[j] = T(std::fma(terms.scale, two.first, terms.offset));
        v[j + 1] = T(std::fma(terms.scale, two.second, terms.offset));
    }
}

}  // namespace gleam::kernels::device
