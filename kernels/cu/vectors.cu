// Memory, vector arithmetic, and scalars that never leave the device: what conjugate gradients are made of.
//
//   linear_combination  out = a x + b y              dot          out_n = sum x_n y_n
//   add_quotient        out_n = y_n + factor (numerator_n / denominator_n) x_n
//   drop_below          x_n = 0 where x_n <= limit reference_n; add_quotient_scalars_acc: the derivatives by the two scalars
//
// Threads   16 bytes of every operand each, neighbours next to each other; complex numbers as two real ones. dot: the two
//           launches of reduce.hpp. add_quotient: samples along y; one thread of a block divides the two scalars for all of it.
// Bytes     per real number of s bytes: linear_combination 3 s for 3 operations, dot 2 s for 2, add_quotient 3 s (2 s without
//           y) for 2; plus 16 per chunk of at least 1024 numbers for the sums. All are bound by memory.
// Limits    none on sizes; rows that begin at odd addresses are read number by number.
#include <vector>

#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/pixels.hpp"
#include "kernels/cu/reduce.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;
constexpr std::int64_t most_blocks = 132 * 8;  // as many as are resident at once

template <class From, class To>
__global__ void convert_kernel(std::int64_t n, const From* x, To* out) {
    for (std::int64_t i : simt::Range(n))
        out[i] = static_cast<To>(static_cast<Arithmetic<To>>(static_cast<Arithmetic<From>>(x[i])));
}

template <class T>
__global__ void combination_kernel(std::int64_t n, bool aligned, device::Combination<Arithmetic<T>> combined, const T* x,
                                   const T* y, T* out) {
    constexpr int N = pack_numbers<T>;
    for (std::int64_t pack : simt::Range(packs_of<T>(n))) {
        const std::int64_t i = pack * N, there = n - i;
        const bool whole = aligned && there >= N;
        Arithmetic<T> p[N], q[N];
        load(x + i, whole, there, p);
        load(y + i, whole, there, q);
        for (int j = 0; j < N; ++j) p[j] = combined(p[j], q[j]);
        store(out + i, whole, there, p);
    }
}

// Block (c, n): the sum over chunk c of part n.
template <class T>
__global__ void products_kernel(Chunks chunks, bool aligned, const T* x, const T* y, double* sums) {
    constexpr int N = pack_numbers<T>;
    const T *a = x + blockIdx.y * chunks.n, *b = y + blockIdx.y * chunks.n;
    double sum = 0;
    for (std::int64_t i = chunks.begin(blockIdx.x) + threadIdx.x * N; i < chunks.end(blockIdx.x); i += reduce_threads * N) {
        const std::int64_t there = chunks.n - i;
        T p[N], q[N];
        load(a + i, aligned && there >= N, there, p);
        load(b + i, aligned && there >= N, there, q);
        for (int j = 0; j < N; ++j) sum += static_cast<double>(p[j]) * static_cast<double>(q[j]);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.y * chunks.count + blockIdx.x] = sum;
}

// A numerator [N] or [1] that may be a parameter, and a denominator [N] or [1] or none.
template <class S>
struct Scalars {
    double factor;
    const S* numerator;
    const double* denominator;
    bool one_numerator, one_denominator;

    __device__ double above(std::int64_t n) const { return static_cast<double>(numerator[one_numerator ? 0 : n]); }
    __device__ double below(std::int64_t n) const { return denominator ? denominator[one_denominator ? 0 : n] : 1; }
};

template <class T, class S>
__global__ void add_quotient_kernel(std::int64_t samples, std::int64_t n, bool aligned, double factor, const S* numerator,
                                    bool one_numerator, const double* denominator, bool one_denominator, const T* x, const T* y,
                                    T* out) {
    constexpr int N = pack_numbers<T>;
    SIMT_SHARED(T, shared_factor, [1]);
    const Scalars<S> scalars{factor, numerator, denominator, one_numerator, one_denominator};
    for (std::int64_t sample = blockIdx.y; sample < samples; sample += gridDim.y) {
        __syncthreads();  // the factor before this one has been read
        if (threadIdx.x == 0) shared_factor[0] = T(factor * device::quotient(scalars.above(sample), scalars.below(sample)));
        __syncthreads();
        const T a = shared_factor[0];
        for (std::int64_t pack : simt::Range(packs_of<T>(n))) {
            const std::int64_t i = pack * N, there = n - i, at = sample * n + i;
            const bool whole = aligned && there >= N;
            T p[N], q[N] = {};
            load(x + at, whole, there, p);
            if (y) load(y + at, whole, there, q);
            for (int j = 0; j < N; ++j) p[j] = q[j] + a * p[j];
            store(out + at, whole, there, p);
        }
    }
}

template <class S>
__global__ void quotient_derivatives_kernel(std::int64_t samples, double factor, const S* numerator, const double* denominator,
                                            const double* t, S* d_numerator, double* d_denominator) {
    const Scalars<S> scalars{factor, numerator, denominator, false, false};
    for (std::int64_t n : simt::Range(samples)) {
        const device::QuotientDerivatives d(factor, scalars.above(n), scalars.below(n), t[n]);
        if (d_numerator) d_numerator[n] += S(d.by_numerator);
        if (d_denominator) d_denominator[n] += d.by_denominator;
    }
}

__global__ void drop_below_kernel(std::int64_t samples, double limit, const double* reference, double* x) {
    for (std::int64_t n : simt::Range(samples))
        if (x[n] <= limit * reference[n]) x[n] = 0;
}

// Calls f(number of the type of x, number of the type of out).
template <class F>
void with_both(const Tensor& x, const Tensor& out, F&& f) {
    with_feature(x.dtype, [&](auto from) { with_feature(out.dtype, [&](auto to) { f(from, to); }); });
}

// On the host; only what loads data in another precision comes here.
std::vector<unsigned char> converted(const void* x, const Tensor& like_x, const Tensor& out) {
    std::vector<unsigned char> bytes(out.bytes());
    with_both(like_x, out, [&](auto from, auto to) {
        using From = decltype(from);
        using To = decltype(to);
        for (std::int64_t i = 0; i < reals(out); ++i)
            reinterpret_cast<To*>(bytes.data())[i] =
                static_cast<To>(static_cast<Arithmetic<To>>(static_cast<Arithmetic<From>>(static_cast<const From*>(x)[i])));
    });
    return bytes;
}

}  // namespace

void GpuOperations::do_copy(const Tensor& x, const Tensor& out) {
    if (x.dtype == out.dtype) return backend_->copy(x, out);
    Tensor staged = x.device.kind == DeviceKind::cpu ? out : x;
    staged.device = Device{};
    if (x.device.kind == DeviceKind::cpu) {
        auto bytes = converted(x.data, x, out);
        staged.data = bytes.data();
        return backend_->copy(staged, out);
    }
    if (out.device.kind == DeviceKind::cpu) {
        std::vector<unsigned char> bytes(x.bytes());
        staged.data = bytes.data();
        backend_->copy(x, staged);
        const auto numbers = converted(bytes.data(), x, out);
        std::copy(numbers.begin(), numbers.end(), static_cast<unsigned char*>(out.data));
        return;
    }
    with_both(x, out, [&](auto from, auto to) {
        simt::launch(convert_kernel<decltype(from), decltype(to)>, {"convert", {blocks_for(reals(x), threads)}, {threads}},
                     stream(), reals(x), device_data<const decltype(from)>(x), device_data<decltype(to)>(out));
    });
}

void GpuOperations::do_fill_zero(const Tensor& out) { backend_->fill(out, 0); }

void GpuOperations::do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) {
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using A = Arithmetic<T>;
        const std::int64_t n = reals(x);
        simt::launch(combination_kernel<T>, {"linear_combination", {blocks_for(packs_of<T>(n), threads, most_blocks)}, {threads}},
                     stream(), n, in_packs({&x, &y, &out}), device::Combination<A>{A(a), A(b)}, device_data<const T>(x),
                     device_data<const T>(y), device_data<T>(out));
    });
}

void GpuOperations::inner_products(const Tensor& x, const Tensor& y, std::int64_t parts, bool root, DevicePtr<double> out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Chunks chunks(reals(x) / parts);
        const bool aligned = in_packs({&x, &y}, parts);
        const std::int64_t at_once = chunks.at_once(parts, scratch_numbers);
        for (std::int64_t first = 0; first < parts; first += at_once) {
            const std::int64_t count = std::min(at_once, parts - first);
            simt::launch(products_kernel<T>, {"inner_products", chunks.blocks(count), {reduce_threads}}, stream(), chunks,
                         aligned, device_data<const T>(x) + first * chunks.n, device_data<const T>(y) + first * chunks.n,
                         scratch());
            if (root)
                combine_chunks(stream(), count, chunks.count, scratch(), Add{}, KeepRoot{}, out + first);
            else
                combine_chunks(stream(), count, chunks.count, scratch(), Add{}, Keep{}, out + first);
        }
    });
}

void GpuOperations::do_dot(const Tensor& x, const Tensor& y, const Tensor& out) {
    inner_products(x, y, out.elements(), false, device_data<double>(out));
}

void GpuOperations::do_add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x,
                                    const Tensor* y, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        with_real(numerator.dtype, [&](auto scalar) {
            using T = decltype(zero);
            using S = decltype(scalar);
            const std::int64_t samples = x.shape[0], n = reals(x) / samples;
            simt::launch(add_quotient_kernel<T, S>,
                         {"add_quotient", {blocks_for(packs_of<T>(n), threads, most_blocks), turns(samples)}, {threads}},
                         stream(), samples, n, in_packs({&x, y, &out}, samples), factor, device_data<const S>(numerator),
                         numerator.elements() == 1, data_or_null<const double>(denominator),
                         denominator && denominator->elements() == 1, device_data<const T>(x), data_or_null<const T>(y),
                         device_data<T>(out));
        });
    });
}

void GpuOperations::do_add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator,
                                                const Tensor& t, const Tensor* d_numerator, const Tensor* d_denominator) {
    with_real(numerator.dtype, [&](auto scalar) {
        using S = decltype(scalar);
        simt::launch(quotient_derivatives_kernel<S>, {"add_quotient_scalars_acc", {blocks_for(t.elements(), threads)}, {threads}},
                     stream(), t.elements(), factor, device_data<const S>(numerator), data_or_null<const double>(denominator),
                     device_data<const double>(t), data_or_null<S>(d_numerator), data_or_null<double>(d_denominator));
    });
}

void GpuOperations::do_drop_below(double limit, const Tensor& reference, const Tensor& x) {
    simt::launch(drop_below_kernel, {"drop_below", {blocks_for(x.elements(), threads)}, {threads}}, stream(), x.elements(), limit,
                 device_data<const double>(reference), device_data<double>(x));
}

}  // namespace gleam::kernels::cu
