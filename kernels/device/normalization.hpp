// Instance normalisation of one number, written once for CPU loops and device kernels.
#pragma once

#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

GLEAM_DEVICE constexpr double normalized(double x, double mean, double inverse_deviation) {
    return (x - mean) * inverse_deviation;
}

// The adjoint at output y with gradient g, from the means of g and of g y.
GLEAM_DEVICE constexpr double normalized_adjoint(double g, double y, double mean, double mean_product, double inverse_deviation) {
    return inverse_deviation * (g - mean - y * mean_product);
}

}  // namespace gleam::kernels::device
