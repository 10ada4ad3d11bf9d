// The gradient of thin convolutions by their weights, and sums per channel.
//
//   dweights[o, i, t] += sum over pixels p of dy[p, o] x[p + t, i]          sums[k] += sum over pixels p of x[p, k]
//
// The side with few channels slides over the one with many ("wide"): over dy as the convolution does or, where dy is the thin
// one, over x with the kernel flipped.
//
// Threads   gradient_kernel: a block takes tiles of 16 x 32 pixels of the wide side and up to 32 of its channels; which tiles
//           depends on the sizes only. A thread has four channels and a row of each tile, and keeps their products with all
//           taps of some rows of the kernel (up to three) in registers; the thin side's windows lie in shared memory. The rows
//           are added pairwise, and each block leaves one partial sum per weight.
//           channel_kernel: a block takes a run of pixels and 32 channels.
//           ordered_kernel: 32 results a block; eight threads each add an eighth of the partial sums, in double and in order,
//           then the eighths in order.
// Bytes     per number of the wide side: s, once per three rows of the kernel (3 x 3 x 3: thrice, from the second-level cache
//           where it holds that much), and 2 taps K operations; the thin side is read K / C times that. Partial sums: at most
//           most_blocks times the weights, written and read. channel_sums: s per number.
// Limits    kernels of 1, 3, 5 columns; axes of 2^31.
#include <algorithm>

#include "kernels/cu/thin_convolution.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr std::int64_t most_blocks = 264;  // that share the pixels: two for each multiprocessor of the GPU in mind
constexpr int tile_rows = 16, tile_columns = 32, most_lanes = 8;

// The gradient with its sides named by width; passed to kernels by value.
struct GradientSizes {
    std::int64_t samples;
    ThinSizes::Volume wide, thin, kernel, padding;
    int channels, few;                  // of the wide and of the thin side
    int weights_channels, weights_few;  // of the weights, at most as many
    bool flipped;                       // the thin side is dy

    explicit GradientSizes(const ThinSizes& s)
        : samples(s.samples),
          wide(s.y),
          thin(s.x),
          kernel(s.kernel),
          padding(s.padding),
          channels(s.out),
          few(s.in),
          weights_channels(s.weights_out),
          weights_few(s.weights_in),
          flipped(s.in > s.out) {
        if (!flipped) return;
        std::swap(wide, thin);
        std::swap(channels, few);
        std::swap(weights_channels, weights_few);
        padding = {kernel.d - 1 - padding.d, kernel.h - 1 - padding.h, kernel.w - 1 - padding.w};
    }

    GLEAM_DEVICE int across() const { return (wide.w + tile_columns - 1) / tile_columns; }
    GLEAM_DEVICE int down() const { return (wide.h + tile_rows - 1) / tile_rows; }
    GLEAM_DEVICE std::int64_t tiles() const { return samples * wide.d * down() * across(); }
    GLEAM_DEVICE int kernel_rows() const { return kernel.d * kernel.h; }

    int padded_few() const { return few <= 2 ? 2 : 4; }
    // Rows of the kernel that a thread keeps: three where their sums fit into registers.
    int rows_at_once() const { return kernel.w == 3 && padded_few() == 2 ? 3 : 1; }
    std::int64_t blocks() const { return std::min(tiles(), most_blocks); }
    // Of one partial sum: [kernel row, kernel column, few, channels]
    GLEAM_DEVICE std::int64_t weights() const { return std::int64_t{kernel_rows()} * kernel.w * few * channels; }

    // Where dweights [K_out, K_in, taps] has entry e of a partial sum; -1: nowhere.
    GLEAM_DEVICE std::int64_t place(std::int64_t e) const {
        const std::int64_t c = e % channels, k = e / channels % few, tap = e / channels / few;
        const std::int64_t taps = std::int64_t{kernel_rows()} * kernel.w;
        if (c >= weights_channels || k >= weights_few) return -1;
        return flipped ? (k * weights_channels + c) * taps + taps - 1 - tap : (c * weights_few + k) * taps + tap;
    }
};

// The first sums lie where they are wanted.
struct SamePlace {
    std::int64_t wanted;
    GLEAM_DEVICE std::int64_t place(std::int64_t e) const { return e < wanted ? e : -1; }
};

// The thin side's windows [Rows of the kernel, tile rows, columns], `Few` numbers each, zeros outside.
template <int Rows, int Few, int KW, class Thin, class A>
__device__ void stage_windows(const GradientSizes& s, int first_row, std::int64_t n, int d, int h, int w, const Thin* thin,
                              simt::Pack<A, Few>* windows) {
    constexpr int columns = tile_columns + KW - 1;
    const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
    for (int l = thread; l < Rows * tile_rows * columns; l += static_cast<int>(blockDim.x * blockDim.y)) {
        const int c = l % columns, r = l / columns % tile_rows, row = first_row + l / columns / tile_rows;
        const int z = d + row / s.kernel.h - s.padding.d, y = h + r + row % s.kernel.h - s.padding.h, x = w + c - s.padding.w;
        const bool inside = row < s.kernel_rows() && z >= 0 && z < s.thin.d && y >= 0 && y < s.thin.h && x >= 0 && x < s.thin.w;
        simt::Pack<A, Few> v{};
        if (inside) {
            const Thin* from = thin + s.thin.pixel(n, z, y, x) * s.few;
            GLEAM_UNROLL
            for (int k = 0; k < Few; ++k)
                if (k < s.few) v.v[k] = A(from[k]);
        }
        windows[l] = v;
    }
}

template <class A, int KW, int Few, int Rows>
struct WeightSums {
    A of[Rows][KW][Few][4] = {};

    // Four channels of a pixel times what a row of windows shows from there on; rows are `stride` apart.
    GLEAM_DEVICE void add(const simt::Pack<A, 4>& channels, const simt::Pack<A, Few>* windows, int stride) {
        GLEAM_UNROLL
        for (int r = 0; r < Rows; ++r) GLEAM_UNROLL
        for (int kw = 0; kw < KW; ++kw) {
            const simt::Pack<A, Few> t = windows[r * stride + kw];
            GLEAM_UNROLL
            for (int k = 0; k < Few; ++k) GLEAM_UNROLL
            for (int c = 0; c < 4; ++c) of[r][kw][k][c] += t.v[k] * channels.v[c];
        }
    }
    // Adds up the sums of the block's rows of threads, pairwise; those of row 0 are whole then.
    __device__ void add_rows(A* shared) {
        const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y), lanes = static_cast<int>(blockDim.x);
        for (int half = tile_rows / 2; half > 0; half /= 2) {
            const int stride = half * lanes;
            A* mine = shared + row % half * lanes + lane;
            __syncthreads();
            if (row >= half && row < 2 * half) each([&](int i, A& v) { mine[i * stride] = v; });
            __syncthreads();
            if (row < half) each([&](int i, A& v) { v += mine[i * stride]; });
        }
    }
    template <class F>
    GLEAM_DEVICE void each(F&& f) {
        GLEAM_UNROLL
        for (int r = 0; r < Rows; ++r) GLEAM_UNROLL
        for (int kw = 0; kw < KW; ++kw) GLEAM_UNROLL
        for (int k = 0; k < Few; ++k) GLEAM_UNROLL
        for (int c = 0; c < 4; ++c) f(((r * KW + kw) * Few + k) * 4 + c, of[r][kw][k][c]);
    }
};

template <class Thin, class Wide, int KW, int Few, int Rows>
__global__ void __launch_bounds__(most_lanes* tile_rows, sizeof(Arithmetic<Wide>) == 4 ? 3 : 1)
    gradient_kernel(GradientSizes s, const Thin* thin, const Wide* wide, bool packed, Arithmetic<Wide>* partial) {
    using A = Arithmetic<Wide>;
    auto* const windows = simt::dynamic_shared<simt::Pack<A, Few>>();
    constexpr int columns = tile_columns + KW - 1, pixels_at_once = sizeof(A) == 4 ? 4 : 2;  // reads on their way
    const int lanes = static_cast<int>(blockDim.x), row = static_cast<int>(threadIdx.y);
    const int channel = (static_cast<int>(blockIdx.y) * lanes + static_cast<int>(threadIdx.x)) * 4;
    const int first_row = static_cast<int>(blockIdx.z) * Rows;
    WeightSums<A, KW, Few, Rows> sums;
    const std::int64_t tiles = s.tiles(), blocks = gridDim.x, b = blockIdx.x;
    for (std::int64_t tile = tiles * b / blocks; tile < tiles * (b + 1) / blocks; ++tile) {
        const std::int64_t plane = tile / (s.down() * s.across()), n = plane / s.wide.d;
        const int in_plane = static_cast<int>(tile - plane * s.down() * s.across()), d = static_cast<int>(plane - n * s.wide.d);
        const int h = in_plane / s.across() * tile_rows, w = in_plane % s.across() * tile_columns;
        __syncthreads();
        stage_windows<Rows, Few, KW>(s, first_row, n, d, h, w, thin, windows);
        __syncthreads();
        if (h + row >= s.wide.h) continue;
        const Wide* pixels = wide + s.wide.pixel(n, d, h + row, w) * s.channels + channel;
        const int count = s.wide.w - w < tile_columns ? s.wide.w - w : tile_columns, left = s.channels - channel;
        for (int c = 0; c < count; c += pixels_at_once) {
            simt::Pack<A, 4> v[pixels_at_once];
            GLEAM_UNROLL
            for (int p = 0; p < pixels_at_once; ++p) {
                const bool there = c + p < count;
                v[p] = load_four<A>(pixels + (there ? std::int64_t{c + p} * s.channels : 0), packed, there ? left : 0);
            }
            GLEAM_UNROLL
            for (int p = 0; p < pixels_at_once; ++p) sums.add(v[p], windows + row * columns + c + p, tile_rows * columns);
        }
    }
    sums.add_rows(reinterpret_cast<A*>(windows));
    if (row != 0) return;
    A* const own = partial + b * s.weights();
    sums.each([&](int i, A& v) {
        const int c = channel + i % 4, k = i / 4 % Few, kw = i / 4 / Few % KW, kernel_row = first_row + i / 4 / Few / KW;
        if (c < s.channels && k < s.few && kernel_row < s.kernel_rows())
            own[((std::int64_t{kernel_row} * KW + kw) * s.few + k) * s.channels + c] = v;
    });
}

constexpr unsigned results = warp_lanes, slices = 8;

// out[place(e)] += sum of partial[.., e] over so many partial sums.
template <class P, class A, class Places>
__global__ void ordered_kernel(std::int64_t elements, std::int64_t count, Places places, const P* partial, A* out) {
    SIMT_SHARED(double, sums, [slices][results]);
    const std::int64_t e = std::int64_t{blockIdx.x} * results + threadIdx.x, slice = threadIdx.y;
    double sum = 0;
    if (e < elements)
        for (std::int64_t b = count * slice / slices; b < count * (slice + 1) / slices; ++b)
            sum += static_cast<double>(partial[b * elements + e]);
    sums[slice][threadIdx.x] = sum;
    __syncthreads();
    if (slice != 0 || e >= elements) return;
    for (unsigned q = 1; q < slices; ++q) sum += sums[q][threadIdx.x];
    if (const std::int64_t at = places.place(e); at >= 0) out[at] += A(sum);
}

template <class P, class A, class Places>
void launch_ordered(Stream stream, std::int64_t elements, std::int64_t count, const Places& places, DevicePtr<const P> partial,
                    DevicePtr<A> out) {
    simt::launch(ordered_kernel<P, A, Places>,
                 {"ordered sums", {static_cast<unsigned>((elements + results - 1) / results)}, {results, slices}}, stream,
                 elements, count, places, partial, out);
}

// ---- sums per channel
// ------------------------------------------------------------------------------------------------------------

constexpr std::int64_t run_of_pixels = 256;

std::int64_t channel_blocks(const Tensor& x) {
    const std::int64_t pixels = x.elements() / x.shape[4];
    return std::clamp<std::int64_t>((pixels + run_of_pixels - 1) / run_of_pixels, 1, most_blocks);
}

template <class T>
__global__ void channel_kernel(std::int64_t pixels, std::int64_t channels, const T* x, double* partial) {
    SIMT_SHARED(double, sums, [256]);
    const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
    const std::int64_t k = std::int64_t{blockIdx.y} * blockDim.x + threadIdx.x, b = blockIdx.x, blocks = gridDim.x;
    double sum = 0;
    if (k < channels)
        for (std::int64_t p = pixels * b / blocks + threadIdx.y; p < pixels * (b + 1) / blocks; p += blockDim.y)
            sum += static_cast<double>(Arithmetic<T>(x[p * channels + k]));
    sums[thread] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || k >= channels) return;
    for (unsigned q = 1; q < blockDim.y; ++q) sum += sums[q * blockDim.x + threadIdx.x];
    partial[b * channels + k] = sum;
}

template <class Thin, class Wide>
void launch_gradient(Stream stream, const GradientSizes& s, const Tensor& thin, const Tensor& wide,
                     DevicePtr<Arithmetic<Wide>> partial) {
    using A = Arithmetic<Wide>;
    const int quads = (s.channels + 3) / 4, channel_blocks = (quads + most_lanes - 1) / most_lanes;
    const int lanes = (quads + channel_blocks - 1) / channel_blocks, rows = s.rows_at_once();
    const std::size_t windows = static_cast<std::size_t>(rows * tile_rows * (tile_columns + s.kernel.w - 1) * s.padded_few());
    const std::size_t sums = static_cast<std::size_t>(rows * s.kernel.w * s.padded_few() * 4 * tile_rows / 2 * lanes);
    const LaunchShape shape{"thin convolution, gradient by the weights",
                            {static_cast<unsigned>(s.blocks()), static_cast<unsigned>((quads + lanes - 1) / lanes),
                             static_cast<unsigned>((s.kernel_rows() + rows - 1) / rows)},
                            {static_cast<unsigned>(lanes), tile_rows},
                            std::max(windows, sums) * sizeof(A)};
    const auto launch = [&](auto columns, auto few, auto at_once) {
        simt::launch(gradient_kernel<Thin, Wide, columns, few, at_once>, shape, stream, s, device_data<const Thin>(thin),
                     device_data<const Wide>(wide), packs_of_four(wide), partial);
    };
    if (rows == 3)
        return launch(std::integral_constant<int, 3>{}, std::integral_constant<int, 2>{}, std::integral_constant<int, 3>{});
    with_constant<1, 5>(s.kernel.w, [&](auto columns) {
        with_constant<2, 4>(s.padded_few(), [&](auto few) { launch(columns, few, std::integral_constant<int, 1>{}); });
    });
    if (s.kernel.w == 3)
        launch(std::integral_constant<int, 3>{}, std::integral_constant<int, 4>{}, std::integral_constant<int, 1>{});
}

}  // namespace

std::size_t thin_gradient_bytes(const ThinSizes& s, const Tensor& dweights) {
    const GradientSizes g(s);
    return static_cast<std::size_t>(g.blocks() * g.weights()) * size_of(dweights.dtype);
}

void thin_weights_acc(Stream stream, const ThinSizes& s, const Tensor& x, const Tensor& dy, const Tensor& dweights,
                      void* scratch) {
    const GradientSizes g(s);
    const Tensor &thin = g.flipped ? dy : x, &wide = g.flipped ? x : dy;
    with_stored(thin, wide, [&](auto of_thin, auto of_wide) {
        using A = Arithmetic<decltype(of_wide)>;
        const DevicePtr<A> partial(static_cast<A*>(scratch));
        launch_gradient<decltype(of_thin), decltype(of_wide)>(stream, g, thin, wide, partial);
        launch_ordered<A, A>(stream, g.weights(), g.blocks(), g, partial, device_data<A>(dweights));
    });
}

std::size_t channel_sums_bytes(const Tensor& x) {
    return static_cast<std::size_t>(channel_blocks(x) * x.shape[4]) * sizeof(double);
}

void channel_sums_acc(Stream stream, const Tensor& x, const Tensor& sums, void* scratch) {
    const std::int64_t channels = x.shape[4], pixels = x.elements() / channels, blocks = channel_blocks(x);
    const DevicePtr<double> partial(static_cast<double*>(scratch));
    const unsigned lanes = channels < warp_lanes ? static_cast<unsigned>(channels) : warp_lanes;
    with_feature(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        simt::launch(channel_kernel<T>,
                     {"channel sums",
                      {static_cast<unsigned>(blocks), static_cast<unsigned>((channels + lanes - 1) / lanes)},
                      {lanes, 256 / lanes}},
                     stream, pixels, channels, device_data<const T>(x), partial);
        launch_ordered<double, Arithmetic<T>>(stream, channels, blocks, SamePlace{sums.elements()}, partial,
                                              device_data<Arithmetic<T>>(sums));
    });
}

}  // namespace gleam::kernels::cu
