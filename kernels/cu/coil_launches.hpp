// Launches that both single operations and the general normal operator (sense_normal.cu) are made of.
#pragma once

#include "kernels/cu/pixels.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels::cu {

// coils_c = sum_e S_ce x_e for entries that `active` (null: all) has computed; others are left as they are.
void expand_coils(Stream stream, const CoilPixels& p, const Tensor& x, const Tensor& maps, const Tensor* active,
                  const Tensor& coils);

// out = alpha sum_c conj(S_c) coils_c + beta x + gamma b, and 0 for entries that terms.active has not computed; x is not read
// where beta is 0.
void combine_coils(Stream stream, const CoilPixels& p, const Tensor& coils, const Tensor& maps, const NormalTerms& terms,
                   const Tensor& x, const Tensor& out);

// coils *= mask; `volume` are the last three axes of k-space
void mask_coils(Stream stream, const CoilPixels& p, const Tensor& mask, const std::array<std::int64_t, 3>& volume,
                const Tensor* active, const Tensor& coils);

}  // namespace gleam::kernels::cu
