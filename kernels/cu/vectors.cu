// Memory and vector arithmetic.
#include <vector>

#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256;

std::int64_t reals(const Tensor& t) { return t.elements() * (is_complex(t.dtype) ? 2 : 1); }

template <class From, class To>
__global__ void convert_kernel(std::int64_t n, const From* x, To* out) {
    for (std::int64_t i : simt::Range(n))
        out[i] = static_cast<To>(static_cast<Arithmetic<To>>(static_cast<Arithmetic<From>>(x[i])));
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

}  // namespace gleam::kernels::cu
