// Random numbers of the streams of core/philox.hpp, each by its index.
//
// Threads   one block of Philox, four numbers, each: 16 bytes in single precision, twice 16 in double.
// Bytes     per number of s bytes: s. Ten rounds are 20 integer operations per number; normal numbers need a logarithm, a root, a
//           sine and a cosine for two of them, in double, which takes longer than memory.
// Limits    2^34 numbers, as long as streams are.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/device/random.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;

template <class T>
__global__ void __launch_bounds__(threads) random_kernel(std::int64_t n, bool aligned, Philox stream, RandomTerms terms, T* out) {
    constexpr int N = pack_numbers<T>;
    for (std::int64_t block : simt::Range((n + 3) / 4)) {
        T v[4];
        device::random_numbers(stream, static_cast<std::uint64_t>(block), terms, v);
        for (int j = 0; j < 4; j += N) {
            const std::int64_t i = 4 * block + j, there = n - i;
            T part[N];
            for (int k = 0; k < N; ++k) part[k] = v[j + k];
            store(out + i, aligned && there >= N, there, part);
        }
    }
}

}  // namespace

void GpuOperations::do_random(const RandomStream& random, const RandomTerms& terms, const Tensor& out) {
    with_real(out.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t n = reals(out);
        simt::launch(random_kernel<T>, {"random", {blocks_for((n + 3) / 4, threads)}, {threads}}, stream(), n, in_packs({&out}),
                     random.philox(), terms, device_data<T>(out));
    });
}

}  // namespace gleam::kernels::cu
