// A border around a channels-last tensor, with an activation on the way, and its adjoint.
//
//   border          out[i] = act(x[source(i)]), 0 where a border of zeros is      act(v) = max(v, 0) + slope min(v, 0)
//   add_border      sum = a + b, out = border(sum)
//   border_adjoint  dx[j] (+)= gate sum of dout[i] over the i with source(i) = j
//                   gate = slope where the forward output at j's own place is not positive, else 1
//
// Threads   one per pack of channels (packs.hpp), neighbours along the row; blockIdx.y is the row h, blockIdx.z sample and plane.
//           border runs over `out`: a thread that stands on an element's own place writes it wherever it shows, one that stands
//           in a border of zeros writes the zero, others have nothing to do. So x is read once and out written once. add_border
//           is the same kernel, with b added to x on the way; sum may be a or b, since the thread that reads them writes it.
//           border_adjoint runs over `dx` and adds up the places that show an element in the order of device::for_each_copy.
//           Only at the ends of rows is an index divided.
// Bytes     per element of size s: border s (x) + s (out); add_border 2 s (a, b) + s (sum) + s (out); adjoint s (dout) + s (dx),
//           + s (forward output) with an activation, + s (dx before) to accumulate. The border's elements besides.
// Limits    none on sizes: 64-bit indices, axes y and z of the grid take turns.
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/pixels.hpp"
#include "kernels/cu/simt.hpp"
#include "kernels/device/elementwise.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned most_threads = 256;

// One axis of a tensor with its border.
struct BorderedAxis {
    std::int64_t n, width;
    BorderMode mode;

    GLEAM_DEVICE std::int64_t wide() const { return n + 2 * width; }
    GLEAM_DEVICE bool own(std::int64_t i) const { return i >= width && i < width + n; }
    GLEAM_DEVICE bool zero(std::int64_t i) const { return mode == BorderMode::zero && !own(i); }
    template <class F>
    GLEAM_DEVICE void each_copy(std::int64_t i, F&& f) const {
        device::for_each_copy(i, n, width, mode, f);
    }
};

// A tensor [N, D, H, W, K] with its border; `packs` per pixel.
struct Bordered {
    std::int64_t samples, packs;
    BorderedAxis d, h, w;

    Bordered(const Shape& x, const Border& border, std::int64_t pack)
        : samples(x[0]), packs(x[4] / pack), d(axis(x, border, 0)), h(axis(x, border, 1)), w(axis(x, border, 2)) {}

    static BorderedAxis axis(const Shape& x, const Border& border, int i) {
        const auto at = static_cast<std::size_t>(i);
        return {x[1 + i], border.width[at], border.mode[at]};
    }

    GLEAM_DEVICE std::int64_t inner_row(std::int64_t n, std::int64_t i, std::int64_t j) const {
        return ((n * d.n + i) * h.n + j) * w.n * packs;
    }
    GLEAM_DEVICE std::int64_t outer_row(std::int64_t n, std::int64_t i, std::int64_t j) const {
        return ((n * d.wide() + i) * h.wide() + j) * w.wide() * packs;
    }
    // Calls f(offset) for each place of `out` that shows pack p of the inner row (n, i, j), its own place first.
    template <class F>
    GLEAM_DEVICE void each_copy(std::int64_t n, std::int64_t i, std::int64_t j, std::int64_t p, F&& f) const {
        // Elements farther than width from both ends show once; only for the others is the pixel worked out.
        BorderedAxis row = w;
        std::int64_t pixel = 0, rest = p + w.width * packs;
        if (p >= (w.width + 1) * packs && p < (w.n - 1 - w.width) * packs) {
            row = {0, 0, BorderMode::zero};
        } else {
            pixel = p / packs;
            rest = p - pixel * packs;
        }
        d.each_copy(i, [&](std::int64_t oi) {
            h.each_copy(j, [&](std::int64_t oj) {
                row.each_copy(pixel, [&](std::int64_t ow) { f(outer_row(n, oi, oj) + ow * packs + rest); });
            });
        });
    }
};

// What border() takes from: x, or a sum that is stored, too.
template <class T, int V>
struct OneSource {
    const simt::Pack<T, V>* x;

    GLEAM_DEVICE simt::Pack<T, V> take(std::int64_t i) const { return x[i]; }
};

template <class T, int V>
struct SumSource {
    const simt::Pack<T, V>*a, *b;
    simt::Pack<T, V>* sum;

    GLEAM_DEVICE simt::Pack<T, V> take(std::int64_t i) const {
        simt::Pack<T, V> v = a[i];
        const simt::Pack<T, V> w = b[i];
        for (int k = 0; k < V; ++k) v.v[k] = T(Arithmetic<T>(v.v[k]) + Arithmetic<T>(w.v[k]));
        sum[i] = v;
        return v;
    }
};

template <class T, int V, class Source>
__device__ void write_bordered(const Bordered& s, Arithmetic<T> slope, const Source& source, simt::Pack<T, V>* out) {
    const std::int64_t left = s.w.width * s.packs;
    for (std::int64_t plane = blockIdx.z; plane < s.samples * s.d.wide(); plane += gridDim.z)
        for (std::int64_t oj = blockIdx.y; oj < s.h.wide(); oj += gridDim.y) {
            const std::int64_t n = plane / s.d.wide(), oi = plane % s.d.wide();
            const bool zero_row = s.d.zero(oi) || s.h.zero(oj), own_row = s.d.own(oi) && s.h.own(oj);
            const std::int64_t i = oi - s.d.width, j = oj - s.h.width;
            for (std::int64_t q : simt::Range(s.w.wide() * s.packs)) {
                const std::int64_t p = q - left;
                const bool own = p >= 0 && p < s.w.n * s.packs;
                if (zero_row || (!own && s.w.mode == BorderMode::zero)) {
                    out[s.outer_row(n, oi, oj) + q] = {};
                } else if (own_row && own) {
                    simt::Pack<T, V> v = source.take(s.inner_row(n, i, j) + p);
                    for (T& c : v.v) c = T(device::activated(Arithmetic<T>(c), slope));
                    s.each_copy(n, i, j, p, [&](std::int64_t at) { out[at] = v; });
                }
            }
        }
}

template <class T, int V>
__global__ void __launch_bounds__(most_threads, 4)
    border_kernel(Bordered s, Arithmetic<T> slope, const simt::Pack<T, V>* x, simt::Pack<T, V>* out) {
    write_bordered<T, V>(s, slope, OneSource<T, V>{x}, out);
}

template <class T, int V>
__global__ void __launch_bounds__(most_threads, 4)
    add_border_kernel(Bordered s, Arithmetic<T> slope, const simt::Pack<T, V>* a, const simt::Pack<T, V>* b,
                      simt::Pack<T, V>* sum, simt::Pack<T, V>* out) {
    write_bordered<T, V>(s, slope, SumSource<T, V>{a, b, sum}, out);
}

template <class T, int V>
__global__ void __launch_bounds__(most_threads, 4)
    border_adjoint_kernel(Bordered s, Arithmetic<T> slope, bool accumulate, const simt::Pack<T, V>* dout,
                          const simt::Pack<T, V>* bordered, simt::Pack<T, V>* dx) {
    using A = Arithmetic<T>;
    for (std::int64_t plane = blockIdx.z; plane < s.samples * s.d.n; plane += gridDim.z)
        for (std::int64_t j = blockIdx.y; j < s.h.n; j += gridDim.y) {
            const std::int64_t n = plane / s.d.n, i = plane % s.d.n;
            for (std::int64_t p : simt::Range(s.w.n * s.packs)) {
                A sum[V] = {};
                s.each_copy(n, i, j, p, [&](std::int64_t at) {
                    const simt::Pack<T, V> v = dout[at];
                    for (int k = 0; k < V; ++k) sum[k] += A(v.v[k]);
                });
                if (bordered) {
                    const auto y = bordered[s.outer_row(n, i + s.d.width, j + s.h.width) + p + s.w.width * s.packs];
                    for (int k = 0; k < V; ++k) sum[k] *= A(y.v[k]) > 0 ? A(1) : slope;
                }
                simt::Pack<T, V>& to = dx[s.inner_row(n, i, j) + p];
                simt::Pack<T, V> v;
                if (accumulate) {
                    v = to;
                    for (int k = 0; k < V; ++k) sum[k] += A(v.v[k]);
                }
                for (int k = 0; k < V; ++k) v.v[k] = T(sum[k]);
                to = v;
            }
        }
}

// Blocks and threads for `rows` rows of so many packs in so many planes.
LaunchShape by_rows(const char* kernel, std::int64_t packs, std::int64_t rows, std::int64_t planes) {
    const std::int64_t whole_warps = (packs + warp_lanes - 1) / warp_lanes * warp_lanes;
    const unsigned threads = whole_warps < most_threads ? static_cast<unsigned>(whole_warps) : most_threads;
    return {kernel, {blocks_for(packs, threads), turns(rows), turns(planes)}, {threads}};
}

}  // namespace

void GpuOperations::do_border(const Tensor& x, const Border& border, const Tensor& out) {
    if (out.elements() == 0) return;
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        with_pack<T>(x.shape[4], {&x, &out}, [&](auto pack) {
            const Bordered s(x.shape, border, pack);
            simt::launch(border_kernel<T, pack>, by_rows("border", s.w.wide() * s.packs, s.h.wide(), s.samples * s.d.wide()),
                         stream(), s, Arithmetic<T>(border.slope), device_packs<const T, pack>(x), device_packs<T, pack>(out));
        });
    });
}

void GpuOperations::do_add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) {
    if (out.elements() == 0) return;
    with_feature(a.dtype, [&](auto zero) {
        using T = decltype(zero);
        with_pack<T>(a.shape[4], {&a, &b, &sum, &out}, [&](auto pack) {
            const Bordered s(a.shape, border, pack);
            simt::launch(add_border_kernel<T, pack>,
                         by_rows("add_border", s.w.wide() * s.packs, s.h.wide(), s.samples * s.d.wide()), stream(), s,
                         Arithmetic<T>(border.slope), device_packs<const T, pack>(a), device_packs<const T, pack>(b),
                         device_packs<T, pack>(sum), device_packs<T, pack>(out));
        });
    });
}

void GpuOperations::do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                                      const Tensor& dx) {
    if (dx.elements() == 0) return;
    with_feature(dx.dtype, [&](auto zero) {
        using T = decltype(zero);
        with_pack<T>(dx.shape[4], {&dout, bordered, &dx}, [&](auto pack) {
            const Bordered s(dx.shape, border, pack);
            simt::launch(border_adjoint_kernel<T, pack>, by_rows("border_adjoint", s.w.n * s.packs, s.h.n, s.samples * s.d.n),
                         stream(), s, Arithmetic<T>(border.slope), accumulate, device_packs<const T, pack>(dout),
                         bordered ? device_packs<const T, pack>(*bordered) : DevicePtr<const simt::Pack<T, pack>>(),
                         device_packs<T, pack>(dx));
        });
    });
}

}  // namespace gleam::kernels::cu
