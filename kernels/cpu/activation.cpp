// An activation in a pass of its own, which keeps a bit per number for its adjoint.
#include "kernels/cpu/cpu_operations.hpp"
#include "kernels/cpu/parallel.hpp"
#include "kernels/cpu/simd.hpp"
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

template <class T>
std::uint32_t activate_some(const T* x, std::int64_t count, Arithmetic<T> slope, T* out) {
    std::uint32_t positive = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const Arithmetic<T> v(x[i]);
        positive |= (v > 0 ? 1U : 0U) << i;
        out[i] = T(v > 0 ? v : slope * v);
    }
    return positive;
}
template <class T>
void activate_adjoint_some(const T* dout, std::int64_t count, std::uint32_t positive, Arithmetic<T> slope, T* dx) {
    for (std::int64_t i = 0; i < count; ++i) dx[i] = T((positive >> i & 1U ? 1 : slope) * Arithmetic<T>(dout[i]));
}

// The same of a whole word
template <class T>
std::uint32_t activate_word(const T* x, Arithmetic<T> slope, T* out) {
    if constexpr (std::is_same_v<T, double>) {
        return activate_some(x, bits, slope, out);
    } else {
        std::uint32_t positive = 0;
        for (int i = 0; i < bits; i += lanes) {
            const Floats v = load(x + i);
            positive |= positive_lanes(v) << i;
            store(out + i, v > Floats{} ? v : slope * v);
        }
        return positive;
    }
}
template <class T>
void activate_adjoint_word(const T* dout, std::uint32_t positive, Arithmetic<T> slope, T* dx) {
    if constexpr (std::is_same_v<T, double>) {
        activate_adjoint_some(dout, bits, positive, slope, dx);
    } else {
        for (int i = 0; i < bits; i += lanes) {
            const Floats g = load(dout + i);
            store(dx + i, select_lanes(positive, i, g, slope * g));
        }
    }
}

}  // namespace

void CpuOperations::do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Arithmetic<T> s(slope);
        std::uint32_t* const words = signs ? signs->as<std::uint32_t>() : nullptr;
        for_each_word(x.elements(), [&](std::int64_t word, std::int64_t first, std::int64_t count) {
            const T* from = x.as<T>() + first;
            T* to = out.as<T>() + first;
            const std::uint32_t positive = count == bits ? activate_word(from, s, to) : activate_some(from, count, s, to);
            if (words) words[word] = positive;
        });
    });
}

void CpuOperations::do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) {
    with_feature(dout.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Arithmetic<T> s(slope);
        const std::uint32_t* const words = signs.as<std::uint32_t>();
        for_each_word(dout.elements(), [&](std::int64_t word, std::int64_t first, std::int64_t count) {
            const T* from = dout.as<T>() + first;
            T* to = dx.as<T>() + first;
            if (count == bits)
                activate_adjoint_word(from, words[word], s, to);
            else
                activate_adjoint_some(from, count, words[word], s, to);
        });
    });
}

}  // namespace gleam::kernels::cpu
