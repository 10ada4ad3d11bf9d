// Random numbers by their index, so that any number of threads gives the same.
#include "kernels/device/random.hpp"

#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"

namespace gleam::kernels::cpu {

void CpuOperations::do_random(const RandomStream& stream, const RandomTerms& terms, const Tensor& out) {
    with_real(out.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Philox philox = stream.philox();
        T* o = static_cast<T*>(out.data);
        const std::int64_t n = out.elements() * (is_complex(out.dtype) ? 2 : 1);
        parallel_ranges((n + 3) / 4, 4096, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t block = first; block < last; ++block) {
                T v[4];
                device::random_numbers(philox, static_cast<std::uint64_t>(block), terms, v);
                std::copy_n(v, std::min<std::int64_t>(4, n - 4 * block), o + 4 * block);
            }
        });
    });
}

}  // namespace gleam::kernels::cpu
