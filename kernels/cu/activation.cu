// An activation in a pass of its own, which keeps a bit per number for its adjoint.
//
//   activate          out = max(x, 0) + slope min(x, 0), signs = which x are positive (32 to a word, the first in the lowest bit)
//   activate_adjoint  dx = dout where the bit is set, else slope dout
//
// Threads   one per 16 bytes of numbers (4 floats, 2 doubles, 8 bf16), neighbours next to each other; the lanes that hold the 32
//           numbers of a word put it together by shuffles, and the first of them writes it. Warps stay whole beyond the end.
// Bytes     per number of size s: s (x) + s (out) + 1/8; 1 FLOP.
// Limits    none on sizes: 64-bit indices.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;
constexpr int word_bits = 32;

template <class T>
__global__ void __launch_bounds__(threads)
    activate_kernel(std::int64_t n, bool aligned, Arithmetic<T> slope, const T* x, T* out, std::uint32_t* signs) {
    constexpr int size = pack_numbers<T>, lanes = word_bits / size;
    const unsigned place = threadIdx.x % lanes;
    // Whole warps take turns, so that all lanes of a shuffle are there.
    const std::int64_t turns = packs_of<T>(n), rounded = (turns + warp_lanes - 1) / warp_lanes * warp_lanes;
    for (std::int64_t turn : simt::Range(rounded)) {
        const std::int64_t first = turn * size, there = n - first;
        const bool whole = aligned && there >= size;
        Arithmetic<T> v[size];
        load(x + first, whole, there, v);
        std::uint32_t word = 0;
        for (int k = 0; k < size; ++k) {
            word |= (v[k] > 0 ? 1U : 0U) << (static_cast<int>(place) * size + k);
            v[k] = v[k] > 0 ? v[k] : slope * v[k];
        }
        store(out + first, whole, there, v);
        if (!signs) continue;
        for (int with = 1; with < lanes; with *= 2) word |= __shfl_xor_sync(0xffffffffU, word, with);
        if (place == 0 && turn < turns) signs[turn / lanes] = word;
    }
}

template <class T>
__global__ void __launch_bounds__(threads)
    activate_adjoint_kernel(std::int64_t n, bool aligned, Arithmetic<T> slope, const T* dout, const std::uint32_t* signs, T* dx) {
    constexpr int size = pack_numbers<T>, lanes = word_bits / size;
    for (std::int64_t turn : simt::Range(packs_of<T>(n))) {
        const std::int64_t first = turn * size, there = n - first;
        const bool whole = aligned && there >= size;
        Arithmetic<T> v[size];
        load(dout + first, whole, there, v);
        const std::uint32_t word = signs[turn / lanes] >> (turn % lanes * size);
        for (int k = 0; k < size; ++k) v[k] *= word >> k & 1U ? Arithmetic<T>(1) : slope;
        store(dx + first, whole, there, v);
    }
}

}  // namespace

void GpuOperations::do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = x.elements();
        simt::launch(activate_kernel<T>, {"activate", {blocks_for(packs_of<T>(n), threads)}, {threads}}, stream(), n,
                     in_packs({&x, &out}), Arithmetic<T>(slope), device_data<const T>(x), device_data<T>(out),
                     data_or_null<std::uint32_t>(signs));
    });
}

void GpuOperations::do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) {
    with_feature(dout.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = dout.elements();
        simt::launch(activate_adjoint_kernel<T>, {"activate_adjoint", {blocks_for(packs_of<T>(n), threads)}, {threads}}, stream(),
                     n, in_packs({&dout, &dx}), Arithmetic<T>(slope), device_data<const T>(dout),
                     device_data<const std::uint32_t>(signs), device_data<T>(dx));
    });
}

}  // namespace gleam::kernels::cu
