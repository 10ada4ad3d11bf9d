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
#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;
constexpr int word_bits = 32;

template <class T>
inline constexpr int pack_size = 16 / static_cast<int>(sizeof(T));

// The numbers of one thread's turn, at once before `whole`: not at the end of the tensor, nor where tensors begin anywhere.
template <class T>
GLEAM_DEVICE simt::Pack<T, pack_size<T>> load(const T* x, std::int64_t first, std::int64_t n, std::int64_t whole) {
    constexpr int size = pack_size<T>;
    if (first + size <= whole) return *reinterpret_cast<const simt::Pack<T, size>*>(x + first);
    simt::Pack<T, size> pack;
    for (int k = 0; k < size; ++k) pack.v[k] = first + k < n ? x[first + k] : T(Arithmetic<T>(0));
    return pack;
}

template <class T>
GLEAM_DEVICE void store(const simt::Pack<T, pack_size<T>>& pack, T* x, std::int64_t first, std::int64_t n, std::int64_t whole) {
    constexpr int size = pack_size<T>;
    if (first + size <= whole) {
        *reinterpret_cast<simt::Pack<T, size>*>(x + first) = pack;
        return;
    }
    for (int k = 0; k < size && first + k < n; ++k) x[first + k] = pack.v[k];
}

template <class T>
__global__ void __launch_bounds__(threads)
    activate_kernel(std::int64_t n, std::int64_t whole, Arithmetic<T> slope, const T* x, T* out, std::uint32_t* signs) {
    using A = Arithmetic<T>;
    constexpr int size = pack_size<T>, lanes = word_bits / size;
    const unsigned place = threadIdx.x % lanes;
    // Whole warps take turns, so that all lanes of a shuffle are there.
    const std::int64_t turns = (n + size - 1) / size, rounded = (turns + warp_lanes - 1) / warp_lanes * warp_lanes;
    for (std::int64_t turn : simt::Range(rounded)) {
        auto pack = load(x, turn * size, n, whole);
        std::uint32_t word = 0;
        for (int k = 0; k < size; ++k) {
            const A v(pack.v[k]);
            word |= (v > 0 ? 1U : 0U) << (static_cast<int>(place) * size + k);
            pack.v[k] = T(v > 0 ? v : slope * v);
        }
        if (turn < turns) store(pack, out, turn * size, n, whole);
        if (!signs) continue;
        for (int with = 1; with < lanes; with *= 2) word |= __shfl_xor_sync(0xffffffffU, word, with);
        if (place == 0 && turn < turns) signs[turn / lanes] = word;
    }
}

template <class T>
__global__ void __launch_bounds__(threads) activate_adjoint_kernel(std::int64_t n, std::int64_t whole, Arithmetic<T> slope,
                                                                   const T* dout, const std::uint32_t* signs, T* dx) {
    using A = Arithmetic<T>;
    constexpr int size = pack_size<T>, lanes = word_bits / size;
    for (std::int64_t turn : simt::Range((n + size - 1) / size)) {
        auto pack = load(dout, turn * size, n, whole);
        const std::uint32_t word = signs[turn / lanes] >> (turn % lanes * size);
        for (int k = 0; k < size; ++k) pack.v[k] = T((word >> k & 1U ? A(1) : slope) * A(pack.v[k]));
        store(pack, dx, turn * size, n, whole);
    }
}

// The numbers up to which packs are whole, for tensors that begin at these addresses.
std::int64_t whole_packs(const Tensor& a, const Tensor& b) {
    const auto both = reinterpret_cast<std::uintptr_t>(a.data) | reinterpret_cast<std::uintptr_t>(b.data);
    return both % 16 == 0 ? a.elements() : 0;
}

}  // namespace

void GpuOperations::do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = x.elements(), turns = (n + pack_size<T> - 1) / pack_size<T>;
        simt::launch(activate_kernel<T>, {"activate", {blocks_for(turns, threads)}, {threads}}, stream(), n, whole_packs(x, out),
                     Arithmetic<T>(slope), device_data<const T>(x), device_data<T>(out),
                     signs ? device_data<std::uint32_t>(*signs) : DevicePtr<std::uint32_t>());
    });
}

void GpuOperations::do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) {
    with_feature(dout.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = dout.elements(), turns = (n + pack_size<T> - 1) / pack_size<T>;
        simt::launch(activate_adjoint_kernel<T>, {"activate_adjoint", {blocks_for(turns, threads)}, {threads}}, stream(), n,
                     whole_packs(dout, dx), Arithmetic<T>(slope), device_data<const T>(dout),
                     device_data<const std::uint32_t>(signs), device_data<T>(dx));
    });
}

}  // namespace gleam::kernels::cu
