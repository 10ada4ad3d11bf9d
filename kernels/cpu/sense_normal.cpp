// The normal operator of SENSE in one go:   out_e = alpha sum_c conj(S_ce) F^-1 (mask' F (sum_f S_cf x_f)) + beta x_e + gamma
// b_e.
//
// The shifts of the centred transform need no work at all: a shift of the image is a phase of k-space, which cancels around the
// diagonal mask; the shift of k-space and both scales live in mask'. Axes along which the mask is constant are not transformed:
// F and F^-1 commute with it there and cancel.
//
// Between F and F^-1 nothing but a multiplication happens, so k-space may stand in any order: transforms leave the one they come
// to (line_fourier.hpp), and what they transform are vectors of as many neighbouring lines as a vector has lanes. Maps are
// multiplied where lines are first read, and combined where they are last written. A coil image is written and read
//   not at all  where y is not transformed but x is, or only one axis is: bands of rows (sense_rows.cpp) or columns
//               (sense_plane.cpp) stay in the cache
//   once        where two are: lines along y, transposed into tiles; along x, mask, back in place; along y back (sense_plane.cpp)
//   twice       where three are: along z; then plane by plane as above; along z back (sense_volume.cpp)
// Coils are added up in their order, whatever thread does it: results do not depend on the number of threads.
#include "kernels/cpu/sense_normal.hpp"

#include "kernels/cpu/cpu_operations.hpp"

namespace gleam::kernels::cpu {
namespace {

template <class T>
std::array<SenseAxis<T>, 3> axes_of(const Tensor& x, const Tensor& mask, int rank, bool& possible) {
    std::array<SenseAxis<T>, 3> axes;
    for (std::size_t a = 0; a < 3; ++a) {
        const auto at = static_cast<int>(a) + 3;
        SenseAxis<T>& axis = axes[a];
        axis.points = x.shape[at];
        axis.stride = at == 3 ? x.shape[4] * x.shape[5] : at == 4 ? x.shape[5] : 1;
        const std::int64_t in_mask = at == 3 ? mask.shape[4] * mask.shape[5] : at == 4 ? mask.shape[5] : 1;
        axis.mask_stride = mask.shape[at] > 1 ? in_mask : 0;
        if (mask.shape[at] == 1 || (at == 3 && rank == 2)) continue;
        axis.transform = LineFourier<T>::get(axis.points);
        possible = possible && axis.transform;
    }
    return axes;
}

template <class T>
struct Way {
    const SenseArrays<T>& a;
    const SenseAxis<T>&z = a.axes[0], &y = a.axes[1];
    bool rows = rows_suit(a), volume = !rows && z.transform && y.transform, across = z.transform != nullptr;
    const SenseAxis<T>&slow = across ? z : y, &slab = across ? y : z;

    std::int64_t scratch(int threads) const {
        return rows ? rows_scratch(a, threads) : volume ? volumes_scratch(a, threads) : planes_scratch(a, slow, slab, threads);
    }
    void run(int threads, T* memory) const {
        if (rows) return sense_normal_rows(a, threads, memory);
        if (volume) return sense_normal_volumes(a, threads, memory);
        sense_normal_planes(a, slow, slab, threads, memory);
    }
};

// Enough for any mask that varies along no further axes. Plans are made with the largest mask and hold for all.
template <class T>
std::size_t most_bytes(const SenseArrays<T>& a, int threads) {
    std::int64_t most = 0;
    for (unsigned constant = 0; constant < 8; ++constant) {
        SenseArrays<T> b = a;
        for (std::size_t axis = 0; axis < 3; ++axis)
            if (constant >> axis & 1U) b.axes[axis].transform = nullptr, b.axes[axis].mask_stride = 0;
        most = std::max(most, Way<T>{b}.scratch(threads));
    }
    return static_cast<std::size_t>(most) * sizeof(T);
}

}  // namespace

void CpuOperations::do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                    const NormalTerms& terms, const Tensor& out, Arena& workspace) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        bool possible = true;
        SenseArrays<T> a(x, maps, normal_mask, terms, out);
        a.axes = axes_of<T>(x, normal_mask, rank, possible);
        const std::size_t most = planning() ? most_bytes(a, threads_) : 0;
        if (!possible)
            return sense_normal_by_library(x, maps, normal_mask, rank, terms, out, threads_, planning(), most, workspace);
        const Way<T> way{a};
        const std::size_t bytes = static_cast<std::size_t>(way.scratch(threads_)) * sizeof(T);
        const Lease scratch = workspace.acquire("sense_normal", std::max(bytes, most));
        if (planning()) return;
        a.beta = T(terms.beta) * (terms.beta_factor ? *terms.beta_factor->as<T>() : T(1));
        way.run(threads_, static_cast<T*>(scratch.data()));
    });
}

}  // namespace gleam::kernels::cpu
