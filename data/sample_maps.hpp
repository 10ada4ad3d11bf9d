// Coil maps of a whole sample, a slice, a volume or a cine series, by ESPIRiT in two dimensions.
//
//   2d     the slice
//   2d+t   the average of k-space over the frames, each point over those in which it was sampled; so the frames may be
//   undersampled
//          if together they cover the centre
//   3d     every section across x after a Fourier transform along x, which has to be fully sampled. All sections share one phase
//          reference, and one scale for the singular values that count, so that sections without signal have no maps.
#pragma once

#include "data/dataset_layout.hpp"
#include "data/espirit.hpp"
#include "kernels/operations.hpp"

namespace gleam::data {

struct SampleMaps {
    ComplexArray maps;       // [1, 1, C, Z, Y, X], with a last axis E when there are several sets
    int calibration = 0;     // side of the block that was used
    bool no_signal = false;  // the block holds nothing but zeros, and so do the maps
};

// k-space [1, T, C, Z, Y, X] and mask [1, T or 1, 1, Z, Y, X] (null: sampled everywhere). `ops` must be those of the CPU. Errors
// are those of espirit(); DataError also when the mask of a volume depends on x, planes that are not sampled at all excepted.
SampleMaps sample_maps(const ComplexArray& kspace, const RealArray* mask, Physics physics, const EspiritOptions& options,
                       kernels::Operations& ops);

}  // namespace gleam::data
