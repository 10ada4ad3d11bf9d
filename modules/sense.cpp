#include "modules/sense.hpp"

namespace gleam::modules {

using kernels::FftDirection;

void sense_forward(kernels::Operations& ops, const Tensor& x, const Tensor& maps, const Tensor& mask,
                   const kernels::Fourier& fourier, const Tensor& y, Arena& workspace) {
    ops.coil_expand(x, maps, y);
    ops.fft(FftDirection::forward, fourier, y, workspace);
    ops.mask_multiply(mask, y);
}

void sense_adjoint(kernels::Operations& ops, const Tensor& y, const Tensor& maps, const Tensor& mask,
                   const kernels::Fourier& fourier, const Tensor& out, Arena& workspace) {
    ops.mask_multiply(mask, y);
    ops.fft(FftDirection::inverse, fourier, y, workspace);
    ops.coil_combine(y, maps, out);
}

}  // namespace gleam::modules
