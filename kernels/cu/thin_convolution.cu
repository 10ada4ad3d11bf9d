// Convolutions from a few channels to many and back: y[p, o] = sum over taps t and inputs i of w[o, i, t] x[p + t, i].
//
// Few to many (widen_kernel)
//   Threads   a block makes a tile of 4 x 32 pixels and up to 64 outputs. A thread has four outputs and eight pixels of a row,
//             so that a weight (16 bytes of shared memory for four) is used eight times, and a pixel, kept in registers while
//             the kernel slides over it, four times per column of the kernel. Neighbouring threads store neighbouring outputs,
//             16 bytes each.
//   Bytes     per number of y: s, and 2 taps I operations. x is read I / O times that; weights, once per block, from the caches.
// Many to few (narrow_kernel)
//   Threads   a block makes a tile of 8 x 32 pixels. Channels go through shared memory 32 at a time, four to a warp; a thread
//             has a column of eight pixels, so that a number of x is read from shared memory once per column of the kernel. The
//             warps' sums are added in order at the end. No shuffles are needed, since each lane has its own pixels.
//   Bytes     per number of x: s, and a third more at the edges of tiles, from the second-level cache; 2 taps O operations. In
//             volumes, x is read once per plane of the kernel, from that cache where it holds as many planes.
//
// Both take turns at planes of the kernel, so that shared memory does not grow with its depth, and stage zeros for what lies
// outside. The gradient by the data is the same with weights read flipped. Sums are in float (double for f64), in a fixed order.
//
// Bound     time >= max(bytes / bandwidth, operations / rate). 3 x 3 taps and 2 channels are 36 operations per number, 9 per
//           byte in f32, where bandwidth bounds an H200 (14 operations per byte); in bf16 it is 18, and arithmetic does.
// Limits    kernels of 1, 3, 5 rows and columns; planes of 2^31 pixels.
#include <algorithm>

#include "kernels/cu/pixels.hpp"
#include "kernels/cu/thin_convolution.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr int max_thin = 4, tile_columns = 32;

// A tile of a plane of y: tiles of a plane are blockIdx.x, planes (sample and d) take turns along blockIdx.z.
template <int Rows>
struct Tile {
    int h, w;

    GLEAM_DEVICE Tile(const ThinSizes& s, unsigned number) {
        const auto across = static_cast<unsigned>((s.y.w + tile_columns - 1) / tile_columns);
        h = static_cast<int>(number / across) * Rows;
        w = static_cast<int>(number % across) * tile_columns;
    }
    static Extent blocks(const ThinSizes& s, unsigned y) {
        const std::int64_t across = (s.y.w + tile_columns - 1) / tile_columns, down = (s.y.h + Rows - 1) / Rows;
        return {static_cast<unsigned>(across * down), y, turns(s.samples * s.y.d)};
    }
};

__device__ int thread_in_block() { return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); }
__device__ int threads_of_block() { return static_cast<int>(blockDim.x * blockDim.y); }

// ---- few to many
// ---------------------------------------------------------------------------------------------------------------

constexpr int widen_rows = 4, run = 8, widen_groups = widen_rows * (tile_columns / run), most_lanes = 16;

struct WidenShape {
    int lanes, weights, rows, columns;  // shared memory: weights [taps of a plane, in, 4 lanes], pixels [in, rows, columns]

    explicit WidenShape(const ThinSizes& s) : rows(widen_rows + s.kernel.h - 1), columns(tile_columns + s.kernel.w - 1) {
        const int quads = (s.out + 3) / 4, blocks = (quads + most_lanes - 1) / most_lanes;
        lanes = (quads + blocks - 1) / blocks;
        weights = s.kernel.h * s.kernel.w * s.in * 4 * lanes;
    }
    unsigned blocks(const ThinSizes& s) const { return static_cast<unsigned>((s.out + 4 * lanes - 1) / (4 * lanes)); }
    template <class A>
    std::size_t shared_bytes(const ThinSizes& s) const {
        return static_cast<std::size_t>(weights + s.in * rows * columns) * sizeof(A);
    }
};

// Plane kd of the kernel for outputs from `first` on, and the plane of x that it meets.
template <class X, class A>
__device__ void stage_widen(const ThinSizes& s, const WidenShape& b, const device::WeightView<A>& w, int first, int kd,
                            const X* x, std::int64_t plane_of_x, int h, int column, A* shared) {
    const int taps = s.kernel.h * s.kernel.w, lane = static_cast<int>(threadIdx.x);
    auto* const weights = reinterpret_cast<simt::Pack<A, 4>*>(shared);
    for (int j = static_cast<int>(threadIdx.y); j < taps * s.in; j += widen_groups) {
        const int t = j / s.in, i = j - t * s.in;
        simt::Pack<A, 4> v;
        GLEAM_UNROLL
        for (int k = 0; k < 4; ++k)
            v.v[k] = first + 4 * lane + k < s.weights_out && i < s.weights_in ? w(first + 4 * lane + k, i, kd * taps + t) : A(0);
        weights[j * b.lanes + lane] = v;
    }
    A* pixels = shared + b.weights;
    for (int l = thread_in_block(); l < s.in * b.rows * b.columns; l += threads_of_block()) {
        const int i = l % s.in, c = l / s.in % b.columns, r = l / s.in / b.columns;
        const int y = h + r - s.padding.h, z = column + c - s.padding.w;
        const bool inside = y >= 0 && y < s.x.h && z >= 0 && z < s.x.w;
        pixels[(i * b.rows + r) * b.columns + c] = inside ? A(x[((plane_of_x * s.x.h + y) * s.x.w + z) * s.in + i]) : A(0);
    }
}

template <class X, class Y, int KW>
__global__ void __launch_bounds__(most_lanes* widen_groups, 1)
    widen_kernel(ThinSizes s, WidenShape b, const X* x, const Arithmetic<Y>* weights, device::WeightStrides stride,
                 const Arithmetic<Y>* bias, bool gated, Arithmetic<Y> slope, bool packed, Y* y) {
    using A = Arithmetic<Y>;
    A* const shared = simt::dynamic_shared<A>();
    const Tile<widen_rows> tile(s, blockIdx.x);
    const int first = static_cast<int>(blockIdx.y) * 4 * b.lanes, lane = static_cast<int>(threadIdx.x);
    const int row = static_cast<int>(threadIdx.y) / (tile_columns / run),
              column = static_cast<int>(threadIdx.y) % (tile_columns / run) * run;
    const device::ConvolutionOutput<Y> out{y, bias, gated, slope, s.weights_out};
    for (std::int64_t plane = blockIdx.z; plane < s.samples * s.y.d; plane += gridDim.z) {
        const std::int64_t n = plane / s.y.d;
        const int d = static_cast<int>(plane % s.y.d);
        A sum[run][4] = {};
        for (int kd = 0; kd < s.kernel.d; ++kd) {
            const int xd = d + kd - s.padding.d;
            if (xd < 0 || xd >= s.x.d) continue;
            __syncthreads();
            stage_widen(s, b, device::WeightView<A>{weights, stride}, first, kd, x, n * s.x.d + xd, tile.h, tile.w, shared);
            __syncthreads();
            for (int kh = 0; kh < s.kernel.h; ++kh)
                for (int i = 0; i < s.in; ++i) {
                    const A* from = shared + b.weights + (i * b.rows + row + kh) * b.columns + column;
                    A window[run + KW - 1];
                    GLEAM_UNROLL
                    for (int p = 0; p < run + KW - 1; ++p) window[p] = from[p];
                    GLEAM_UNROLL
                    for (int kw = 0; kw < KW; ++kw) {
                        const auto w =
                            reinterpret_cast<const simt::Pack<A, 4>*>(shared)[((kh * KW + kw) * s.in + i) * b.lanes + lane];
                        GLEAM_UNROLL
                        for (int p = 0; p < run; ++p) GLEAM_UNROLL
                        for (int k = 0; k < 4; ++k) sum[p][k] += window[p + kw] * w.v[k];
                    }
                }
        }
        const int h = tile.h + row, channel = first + 4 * lane;
        if (h >= s.y.h || channel >= s.out) continue;
        GLEAM_UNROLL
        for (int p = 0; p < run; ++p) {
            const int w = tile.w + column + p;
            if (w >= s.y.w) break;
            const std::int64_t at = s.y.pixel(n, d, h, w) * s.out + channel;
            if (packed) {
                auto& to = *reinterpret_cast<simt::Pack<Y, 4>*>(y + at);
                simt::Pack<Y, 4> v{};
                if (gated) v = to;
                GLEAM_UNROLL
                for (int k = 0; k < 4; ++k) v.v[k] = out.value(sum[p][k], channel + k, v.v[k]);
                to = v;
            } else {
                GLEAM_UNROLL
                for (int k = 0; k < 4; ++k)
                    if (channel + k < s.out) out.put(sum[p][k], channel + k, at + k);
            }
        }
    }
}

// ---- many to few
// ---------------------------------------------------------------------------------------------------------------

constexpr int narrow_rows = 8, warps = 8, most_quads = warps;

struct NarrowShape {
    int quads;                       // of a chunk of channels
    int rows, columns, plane, taps;  // shared memory, in packs of four: pixels [quad, plane], weights [quad, kw, kh, outs]

    NarrowShape(const ThinSizes& s, int outs)
        : rows(narrow_rows + s.kernel.h - 1),
          columns(tile_columns + s.kernel.w - 1),
          plane(rows * columns | 1),  // odd, so that staging meets all banks
          taps(s.kernel.h * s.kernel.w * outs) {
        const int all = (s.in + 3) / 4, chunks = (all + most_quads - 1) / most_quads;
        quads = (all + chunks - 1) / chunks;
    }
    template <class A>
    std::size_t shared_bytes(int outs) const {
        const int staged = quads * (plane + taps) * 4, sums = narrow_rows * outs * warps * tile_columns;
        return static_cast<std::size_t>(std::max(staged, sums)) * sizeof(A);
    }
};

// Four channels of each quad at each pixel of the plane of x, from `first` on, and the weights of plane kd for them. Which pixel
// is a thread's next one is counted on, since a division for each would take as long as what is computed.
template <int KH, int Outs, class X, class A>
__device__ void stage_narrow(const ThinSizes& s, const NarrowShape& b, const device::WeightView<A>& w, int first, int kd,
                             const X* plane_of_x, bool packed, int h, int column, simt::Pack<A, 4>* shared) {
    static_assert(warps * warp_lanes / most_quads == tile_columns, "a step of a thread is less than a row");
    const int thread = thread_in_block(), q = thread % most_quads, channel = first + 4 * q;
    for (int r = 0, c = thread / most_quads; q < b.quads && r < b.rows;) {
        const int y = h + r - s.padding.h, z = column + c - s.padding.w;
        const bool inside = y >= 0 && y < s.x.h && z >= 0 && z < s.x.w;
        const std::int64_t at = inside ? static_cast<std::int64_t>(y * s.x.w + z) * s.in + channel : 0;
        shared[q * b.plane + r * b.columns + c] = load_four<A>(plane_of_x + at, packed, inside ? s.in - channel : 0);
        c += tile_columns;
        if (c >= b.columns) c -= b.columns, ++r;
    }
    A* weights = reinterpret_cast<A*>(shared + b.quads * b.plane);
    for (int l = thread; l < 4 * b.quads * b.taps; l += threads_of_block()) {
        const int k = l % 4, o = l / 4 % Outs, kh = l / 4 / Outs % KH, rest = l / 4 / Outs / KH;
        const int quad = rest / s.kernel.w, kw = rest - quad * s.kernel.w, input = first + 4 * quad + k;
        weights[l] = input < s.weights_in && o < s.weights_out ? w(o, input, (kd * KH + kh) * s.kernel.w + kw) : A(0);
    }
}

// sum[p][o] += what the kernel's KH rows make of a column of pixels, for each column of the kernel.
template <int KH, int Outs, class A>
__device__ void add_columns(int columns_of_kernel, int columns, const simt::Pack<A, 4>* pixels, const simt::Pack<A, 4>* weights,
                            A (&sum)[narrow_rows][Outs]) {
    for (int kw = 0; kw < columns_of_kernel; ++kw) {
        simt::Pack<A, 4> w[KH][Outs];
        GLEAM_UNROLL
        for (int kh = 0; kh < KH; ++kh) GLEAM_UNROLL
        for (int o = 0; o < Outs; ++o) w[kh][o] = weights[(kw * KH + kh) * Outs + o];
        GLEAM_UNROLL
        for (int r = 0; r < narrow_rows + KH - 1; ++r) {
            const simt::Pack<A, 4> v = pixels[r * columns + kw];
            GLEAM_UNROLL
            for (int kh = 0; kh < KH; ++kh)
                if (r - kh >= 0 && r - kh < narrow_rows) GLEAM_UNROLL
            for (int o = 0; o < Outs; ++o) GLEAM_UNROLL
            for (int k = 0; k < 4; ++k) sum[r - kh][o] += v.v[k] * w[kh][o].v[k];
        }
    }
}

template <class X, class Y, int KH, int Outs>
__global__ void __launch_bounds__(warp_lanes* warps, sizeof(Arithmetic<Y>) == 8 ? 1
                                                     : Outs == 2                ? 3
                                                                                : 2)
    narrow_kernel(ThinSizes s, NarrowShape b, const X* x, bool packed, const Arithmetic<Y>* weights, device::WeightStrides stride,
                  const Arithmetic<Y>* bias, bool gated, Arithmetic<Y> slope, Y* y) {
    using A = Arithmetic<Y>;
    auto* const shared = simt::dynamic_shared<simt::Pack<A, 4>>();
    A* const sums = reinterpret_cast<A*>(shared);  // [pixel of the column, output, warp, lane], when all is summed
    const Tile<narrow_rows> tile(s, blockIdx.x);
    const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
    const device::ConvolutionOutput<Y> out{y, bias, gated, slope, s.weights_out};
    for (std::int64_t plane = blockIdx.z; plane < s.samples * s.y.d; plane += gridDim.z) {
        const std::int64_t n = plane / s.y.d;
        const int d = static_cast<int>(plane % s.y.d);
        A sum[narrow_rows][Outs] = {};
        for (int kd = 0; kd < s.kernel.d; ++kd) {
            const int xd = d + kd - s.padding.d;
            if (xd < 0 || xd >= s.x.d) continue;
            for (int first = 0; first < s.in; first += 4 * b.quads) {
                __syncthreads();
                stage_narrow<KH, Outs>(s, b, device::WeightView<A>{weights, stride}, first, kd, x + s.x.pixel(n, xd, 0, 0) * s.in,
                                       packed, tile.h, tile.w, shared);
                __syncthreads();
                if (warp < b.quads)
                    add_columns<KH>(s.kernel.w, b.columns, shared + warp * b.plane + lane,
                                    shared + b.quads * b.plane + warp * b.taps, sum);
            }
        }
        __syncthreads();
        GLEAM_UNROLL
        for (int p = 0; p < narrow_rows; ++p) GLEAM_UNROLL
        for (int o = 0; o < Outs; ++o) sums[((p * Outs + o) * warps + warp) * tile_columns + lane] = sum[p][o];
        __syncthreads();
        const int h = tile.h + warp, w = tile.w + lane;  // as many rows of the tile as warps
        if (h < s.y.h && w < s.y.w) {
            const std::int64_t at = s.y.pixel(n, d, h, w) * s.out;
            for (int o = 0; o < s.out; ++o) {
                A total = 0;
                for (int q = 0; q < b.quads; ++q) total += sums[((warp * Outs + o) * warps + q) * tile_columns + lane];
                out.put(total, o, at + o);
            }
        }
    }
}
static_assert(narrow_rows == warps && tile_columns == warp_lanes);

}  // namespace

bool thin_suits(const Tensor& x, const Tensor& weights, const Tensor& y) {
    const auto odd = [](std::int64_t k) { return k == 1 || k == 3 || k == 5; };
    return std::min(x.shape[4], y.shape[4]) <= max_thin && odd(weights.shape[3]) && odd(weights.shape[4]);
}

void thin_forward(Stream stream, const ThinSizes& s, const Tensor& x, const Tensor& weights, const device::WeightStrides& stride,
                  const Tensor* bias, std::optional<double> slope, const Tensor& y) {
    with_stored(x, y, [&](auto of_x, auto of_y) {
        using X = decltype(of_x);
        using Y = decltype(of_y);
        using A = Arithmetic<Y>;
        const auto w = device_data<const A>(weights);
        const auto added = bias ? device_data<const A>(*bias) : DevicePtr<const A>();
        const A factor = A(slope.value_or(1));
        if (s.in <= s.out) {
            const WidenShape b(s);
            with_constant<1, 3, 5>(s.kernel.w, [&](auto columns) {
                simt::launch(widen_kernel<X, Y, columns>,
                             {"convolution, few to many",
                              Tile<widen_rows>::blocks(s, b.blocks(s)),
                              {static_cast<unsigned>(b.lanes), widen_groups},
                              b.shared_bytes<A>(s)},
                             stream, s, b, device_data<const X>(x), w, stride, added, slope.has_value(), factor, packs_of_four(y),
                             device_data<Y>(y));
            });
        } else {
            const int outs = s.out <= 2 ? 2 : 4;
            const NarrowShape b(s, outs);
            with_constant<1, 3, 5>(s.kernel.h, [&](auto rows) {
                with_constant<2, 4>(outs, [&](auto o) {
                    simt::launch(narrow_kernel<X, Y, rows, o>,
                                 {"convolution, many to few",
                                  Tile<narrow_rows>::blocks(s, 1),
                                  {warp_lanes, warps},
                                  b.shared_bytes<A>(outs)},
                                 stream, s, b, device_data<const X>(x), packs_of_four(x), w, stride, added, slope.has_value(),
                                 factor, device_data<Y>(y));
                });
            });
        }
    });
}

}  // namespace gleam::kernels::cu
