// An activation in a pass of its own, which keeps a bit per number for its adjoint.
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr std::int64_t bits = 32;

// f(word, first, count) for every word of the signs of n numbers: those from `first` on, `bits` of them but at the end.
template <class F>
void for_each_word(std::int64_t n, F&& f) {
    parallel_ranges(sign_words(n), elementwise_grain / bits, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t word = begin; word < end; ++word) f(word, word * bits, std::min(bits, n - word * bits));
    });
}

}  // namespace

void CpuOperations::do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using A = Arithmetic<T>;
        const A s(slope);
        std::uint32_t* const words = signs ? signs->as<std::uint32_t>() : nullptr;
        for_each_word(x.elements(), [&](std::int64_t word, std::int64_t first, std::int64_t count) {
            const T* from = x.as<T>() + first;
            T* to = out.as<T>() + first;
            std::uint32_t positive = 0;
            const auto pass = [&](std::int64_t numbers) {  // vectors need to know how many there are
#pragma omp simd reduction(| : positive)
                for (std::int64_t i = 0; i < numbers; ++i) {
                    const A v(from[i]);
                    positive |= (v > 0 ? 1U : 0U) << i;
                    to[i] = T(v > 0 ? v : s * v);
                }
            };
            count == bits ? pass(bits) : pass(count);
            if (words) words[word] = positive;
        });
    });
}

void CpuOperations::do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) {
    with_feature(dout.dtype, [&](auto zero) {
        using T = decltype(zero);
        using A = Arithmetic<T>;
        const A s(slope);
        for_each_word(dout.elements(), [&](std::int64_t word, std::int64_t first, std::int64_t count) {
            const std::uint32_t positive = signs.as<std::uint32_t>()[word];
            const T* from = dout.as<T>() + first;
            T* to = dx.as<T>() + first;
            const auto pass = [&](std::int64_t numbers) {
#pragma omp simd
                for (std::int64_t i = 0; i < numbers; ++i) to[i] = T((positive >> i & 1U ? A(1) : s) * A(from[i]));
            };
            count == bits ? pass(bits) : pass(count);
        });
    });
}

}  // namespace gleam::kernels::cpu
