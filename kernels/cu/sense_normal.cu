// The normal operator of SENSE for any mask:  out_e = alpha sum_c conj(S_ce) F^-1 (mask' F (sum_f S_cf x_f)) + beta x_e + gamma
// b_e
//
// expand, transform, multiply by the mask, transform back, combine with the terms (coil.cu, fourier.cu, the library). No shifts
// and no scales: both live in the mask, and axes along which it is constant are not transformed
// (docs/adr/002-normal-operator.md). As many (sample, frame) entries go through at a time as keep their coil images within a
// fixed budget; the order of sums does not depend on it. Masks of lines take another way (sense_lines.cu).
//
// Bytes   per pixel and coil, complex64: expand 16, mask 16, combine 16, and 32 per transformed axis for the library; besides
//         8 to 32 per pixel for x, b and the output (one map set).
// Limits  none on sizes beyond the library's.
#include <algorithm>

#include "kernels/cu/coil_launches.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/sense_lines.hpp"

namespace gleam::kernels::cu {
namespace {

// Bytes of coil images at a time: what stays in the second-level cache of an H200 (50 MB) from one kernel to the next.
constexpr std::int64_t budget = std::int64_t{32} << 20;

}  // namespace

void GpuOperations::do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                    const NormalTerms& terms, const Tensor& out, Arena& workspace) {
    if (x.elements() == 0) return;
    if (are_lines(x, maps, normal_mask, rank)) {
        if (!planning()) sense_normal_by_lines(stream(), x, maps, normal_mask, rank, terms, out);
        return;
    }
    const std::array<std::int64_t, 3> volume{x.shape[3], x.shape[4], x.shape[5]};
    CoilPixels pixels({x.shape[0], x.shape[1], maps.shape[2], volume[0], volume[1], volume[2]}, maps.shape);
    pixels.one_active = !terms.active || terms.active->elements() == 1;
    const std::int64_t entries = pixels.entries, per_entry = pixels.coils * pixels.pixels;
    const auto bytes = static_cast<std::int64_t>(size_of(x.dtype)) * per_entry;
    // Groups of nearly one size, so that the library meets few.
    const std::int64_t most = std::max<std::int64_t>(1, budget / bytes), groups = (entries + most - 1) / most;
    const std::int64_t group = (entries + groups - 1) / groups;
    const Lease scratch = workspace.acquire("sense_normal", static_cast<std::size_t>(group * bytes));

    FourierBatch batch{0, volume, {rank == 3 && normal_mask.shape[3] > 1, normal_mask.shape[4] > 1, normal_mask.shape[5] > 1}};
    if (rank == 2) batch.extent[0] = 1;
    const bool transforms = batch.axes[0] || batch.axes[1] || batch.axes[2];
    for (std::int64_t first = 0; first < entries; first += group) {
        const CoilPixels p = pixels.part(first, std::min(group, entries - first));
        batch.count = p.entries * per_entry / (batch.extent[0] * batch.extent[1] * batch.extent[2]);
        const Tensor coils{scratch.data(), x.dtype, Shape{p.entries * per_entry}, x.device};
        const auto transform = [&](FftDirection direction) {
            if (transforms) backend_->fourier(direction, batch, coils, workspace, planning());
        };
        if (!planning()) expand_coils(stream(), p, x, maps, terms.active, coils);
        transform(FftDirection::forward);
        if (!planning()) mask_coils(stream(), p, normal_mask, volume, terms.active, coils);
        transform(FftDirection::inverse);
        if (!planning()) combine_coils(stream(), p, coils, maps, terms, x, out);
    }
}

}  // namespace gleam::kernels::cu
