// Instance normalisation of channels-last tensors [N, D, H, W, K], over the pixels of each sample and channel.
//
//   normalize          out = (x - mean) inverse,  inverse = 1 / sqrt(variance + epsilon)
//   normalize_adjoint  dx = inverse (dout - mean(dout) - out mean(dout out))
//
// Launches  the two sums of each chunk of pixels; the sums of a channel over its chunks, in order; the numbers themselves. The
//           variance comes from one pass: sums of (x - s) and (x - s)^2, where s, the sample's first pixel, is itself among the
//           numbers, so that (mean - s)^2 is at most the variance times the number of pixels and double precision suffices.
// Threads   a thread has 16 bytes of neighbouring channels (one channel, where K is no multiple of that) and goes down the
//           pixels, so that neighbours read neighbouring bytes and a channel's numbers stay in registers. The threads of a block
//           add their sums by shuffles, its warps through shared memory. Samples along z, groups of channels along y.
// Bytes     per number of s bytes: normalize 3 s (2 s if the second reading comes from cache) for 6 operations, the adjoint 5 s
//           (3 s) for 8, in double; besides at most 512 chunks' sums of 16 bytes per channel. Bound by memory.
// Limits    65536 channels.
#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/packs.hpp"
#include "kernels/cu/pixels.hpp"
#include "kernels/cu/reduce.hpp"
#include "kernels/device/normalization.hpp"

namespace gleam::kernels::cu {
namespace {

constexpr unsigned threads = 256, warps = threads / warp_lanes;
constexpr std::int64_t scratch_channels = 65536;

// How the pixels of a sample and their channels are shared by blocks. A block has `lanes` threads side by side, each with V
// channels, on 256 / lanes pixels.
struct Sharing {
    std::int64_t pixels, channels, chunk, chunks;
    unsigned lanes;

    Sharing(const Shape& s, int per_thread) : pixels(s[1] * s[2] * s[3]), channels(s[4]), lanes(1) {
        while (lanes < warp_lanes && lanes * per_thread < channels) lanes *= 2;
        const std::int64_t most = std::clamp<std::int64_t>(scratch_channels / channels, 1, 512);
        chunk = std::max<std::int64_t>((pixels + most - 1) / most, 32);
        chunks = (pixels + chunk - 1) / chunk;
    }
    // Samples at once, with room for the sums of their chunks in half of the scratch memory, and for the results behind it.
    std::int64_t at_once(std::int64_t samples) const {
        return std::clamp<std::int64_t>(scratch_channels / (channels * chunks), 1, std::min<std::int64_t>(samples, 65535));
    }
    Extent blocks(std::int64_t samples, int per_thread) const {
        return {static_cast<unsigned>(chunks), turns((channels + lanes * per_thread - 1) / (lanes * per_thread)),
                static_cast<unsigned>(samples)};
    }
};

// The first of this thread's V channels; its pixels of the block's chunk are those from `first` on, `step` apart.
struct Place {
    std::int64_t channel, first, last, step;
    bool idle;

    __device__ Place(const Sharing& s, int per_thread)
        : channel((static_cast<std::int64_t>(blockIdx.y) * s.lanes + threadIdx.x % s.lanes) * per_thread),
          first(blockIdx.x * s.chunk + threadIdx.x / s.lanes),
          last((blockIdx.x + 1) * s.chunk < s.pixels ? (blockIdx.x + 1) * s.chunk : s.pixels),
          step(threads / s.lanes),
          idle(channel >= s.channels) {}
};

// The V numbers of a thread at one pixel. The host has chosen V so that they are all there, and aligned where V > 1.
template <int V, class T>
__device__ void load_channels(const T* p, Arithmetic<T> (&v)[V]) {
    load(p, V > 1, 1, v);
}

// sums[sample][chunk][2][channel] = the sums of terms(pixel) over a chunk: `terms(i, a, b)` sets V numbers each, i being the
// index of the thread's first number at a pixel.
template <int V, class Terms>
__device__ void sum_chunk(const Sharing& s, const Place& place, Terms terms, double* sums) {
    SIMT_SHARED(double, of_warps, [2 * V][warps][warp_lanes]);
    double total[2 * V] = {};
    if (!place.idle)
        for (std::int64_t pixel = place.first; pixel < place.last; pixel += place.step) {
            double a[V], b[V];
            terms(pixel * s.channels + place.channel, a, b);
            for (int j = 0; j < V; ++j) {
                total[j] += a[j];
                total[V + j] += b[j];
            }
        }
    // Threads of a warp that have the same channels are `lanes` apart.
    for (int q = 0; q < 2 * V; ++q) {
        for (unsigned distance = warp_lanes / 2; distance >= s.lanes; distance /= 2)
            total[q] += __shfl_down_sync(0xffffffffU, total[q], distance);
        of_warps[q][threadIdx.x / warp_lanes][threadIdx.x % warp_lanes] = total[q];
    }
    __syncthreads();
    double* out = sums + (blockIdx.z * s.chunks + blockIdx.x) * 2 * s.channels;
    for (unsigned i = threadIdx.x; i < 2 * V * s.lanes; i += threads) {
        const unsigned q = i / s.lanes, lane = i % s.lanes;
        double sum = 0;
        for (unsigned w = 0; w < warps; ++w) sum += of_warps[q][w][lane];
        const std::int64_t channel = (static_cast<std::int64_t>(blockIdx.y) * s.lanes + lane) * V + q % V;
        if (channel < s.channels) out[q / V * s.channels + channel] = sum;
    }
}

template <class T, int V>
__global__ void __launch_bounds__(threads) moments_kernel(Sharing s, const T* x, double* sums) {
    const Place place(s, V);
    const T* sample = x + blockIdx.z * s.pixels * s.channels;
    Arithmetic<T> shift[V] = {};
    if (!place.idle) load_channels(sample + place.channel, shift);
    sum_chunk<V>(
        s, place,
        [&](std::int64_t i, double(&a)[V], double(&b)[V]) {
            Arithmetic<T> v[V];
            load_channels(sample + i, v);
            for (int j = 0; j < V; ++j) {
                a[j] = static_cast<double>(v[j]) - static_cast<double>(shift[j]);
                b[j] = a[j] * a[j];
            }
        },
        sums);
}

template <class T, int V>
__global__ void __launch_bounds__(threads) products_kernel(Sharing s, const T* dout, const T* out, double* sums) {
    const std::int64_t sample = blockIdx.z * s.pixels * s.channels;
    sum_chunk<V>(
        s, Place(s, V),
        [&](std::int64_t i, double(&a)[V], double(&b)[V]) {
            Arithmetic<T> g[V], y[V];
            load_channels(dout + sample + i, g);
            load_channels(out + sample + i, y);
            for (int j = 0; j < V; ++j) {
                a[j] = static_cast<double>(g[j]);
                b[j] = a[j] * static_cast<double>(y[j]);
            }
        },
        sums);
}

// A block adds up the chunks of 32 channels, 8 of them at a time, for one sample. Returns to the threads that `have` a channel,
// one for each, its two sums.
struct ChannelSums {
    std::int64_t channel;
    bool have;
    double a = 0, b = 0;

    __device__ ChannelSums(const Sharing& s, const double* sums) {
        SIMT_SHARED(double, parts, [2][warps][warp_lanes]);
        const unsigned lane = threadIdx.x % warp_lanes, warp = threadIdx.x / warp_lanes;
        channel = static_cast<std::int64_t>(blockIdx.x) * warp_lanes + lane;
        const double* own = sums + blockIdx.y * s.chunks * 2 * s.channels + channel;
        if (channel < s.channels)
            for (std::int64_t c = warp; c < s.chunks; c += warps) {
                a += own[c * 2 * s.channels];
                b += own[(c * 2 + 1) * s.channels];
            }
        parts[0][warp][lane] = a;
        parts[1][warp][lane] = b;
        __syncthreads();
        have = warp == 0 && channel < s.channels;
        if (have)
            for (unsigned w = 1; w < warps; ++w) {
                a += parts[0][w][lane];
                b += parts[1][w][lane];
            }
    }
};

template <class T>
__global__ void statistics_kernel(Sharing s, double epsilon, const T* x, const double* sums, double* means, double* inverse) {
    const ChannelSums of(s, sums);
    if (!of.have) return;
    const auto count = static_cast<double>(s.pixels);
    const double shift = static_cast<double>(Arithmetic<T>(x[blockIdx.y * s.pixels * s.channels + of.channel]));
    const double offset = of.a / count, variance = of.b / count - offset * offset;
    means[blockIdx.y * s.channels + of.channel] = shift + offset;
    inverse[blockIdx.y * s.channels + of.channel] = 1 / std::sqrt((variance > 0 ? variance : 0) + epsilon);
}

__global__ void means_kernel(Sharing s, const double* sums, double* means, double* mean_products) {
    const ChannelSums of(s, sums);
    if (!of.have) return;
    means[blockIdx.y * s.channels + of.channel] = of.a / static_cast<double>(s.pixels);
    mean_products[blockIdx.y * s.channels + of.channel] = of.b / static_cast<double>(s.pixels);
}

template <class T, int V>
__global__ void __launch_bounds__(threads)
    normalize_kernel(Sharing s, const double* means, const double* inverse, const T* x, T* out) {
    const Place place(s, V);
    if (place.idle) return;
    double mean[V], factor[V];
    for (int j = 0; j < V; ++j) {
        mean[j] = means[blockIdx.z * s.channels + place.channel + j];
        factor[j] = inverse[blockIdx.z * s.channels + place.channel + j];
    }
    for (std::int64_t pixel = place.first; pixel < place.last; pixel += place.step) {
        const std::int64_t i = (blockIdx.z * s.pixels + pixel) * s.channels + place.channel;
        Arithmetic<T> v[V];
        load_channels(x + i, v);
        for (int j = 0; j < V; ++j)
            v[j] = static_cast<Arithmetic<T>>(device::normalized(static_cast<double>(v[j]), mean[j], factor[j]));
        store(out + i, V > 1, 1, v);
    }
}

template <class T, int V>
__global__ void __launch_bounds__(threads) adjoint_kernel(Sharing s, const double* means, const double* mean_products,
                                                          const double* inverse, const T* dout, const T* out, T* dx) {
    const Place place(s, V);
    if (place.idle) return;
    double mean[V], product[V], factor[V];
    for (int j = 0; j < V; ++j) {
        const std::int64_t k = blockIdx.z * s.channels + place.channel + j;
        mean[j] = means[k], product[j] = mean_products[k], factor[j] = inverse[k];
    }
    for (std::int64_t pixel = place.first; pixel < place.last; pixel += place.step) {
        const std::int64_t i = (blockIdx.z * s.pixels + pixel) * s.channels + place.channel;
        Arithmetic<T> g[V], y[V];
        load_channels(dout + i, g);
        load_channels(out + i, y);
        for (int j = 0; j < V; ++j)
            g[j] = static_cast<Arithmetic<T>>(
                device::normalized_adjoint(static_cast<double>(g[j]), static_cast<double>(y[j]), mean[j], product[j], factor[j]));
        store(dx + i, V > 1, 1, g);
    }
}

// f(number of the type, how many of them a thread takes at a time) for tensors like x
template <class F>
void with_channels(const Tensor& x, std::initializer_list<const Tensor*> all, F&& f) {
    if (x.shape[4] > scratch_channels) throw ShapeError("normalize", "more than 65536 channels");
    with_feature(x.dtype, [&](auto zero) {
        constexpr int pack = pack_numbers<decltype(zero)>;
        if (x.shape[4] % pack == 0 && in_packs(all))
            f(zero, std::integral_constant<int, pack>{});
        else
            f(zero, std::integral_constant<int, 1>{});
    });
}

// f(first, count) for groups of samples
template <class F>
void in_groups(std::int64_t samples, std::int64_t at_once, F&& f) {
    for (std::int64_t first = 0; first < samples; first += at_once) f(first, std::min(at_once, samples - first));
}

Extent channel_blocks(const Sharing& s, std::int64_t samples) {
    return {blocks_for(s.channels, warp_lanes), static_cast<unsigned>(samples)};
}

}  // namespace

void GpuOperations::do_normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) {
    with_channels(x, {&x, &out}, [&](auto zero, auto per_thread) {
        using T = decltype(zero);
        constexpr int V = decltype(per_thread)::value;
        const Sharing s(x.shape, V);
        const DevicePtr<double> sums = scratch(), means = sums + scratch_numbers / 2;
        in_groups(x.shape[0], s.at_once(x.shape[0]), [&](std::int64_t first, std::int64_t count) {
            const auto from = device_data<const T>(x) + first * s.pixels * s.channels;
            const auto to = device_data<T>(out) + first * s.pixels * s.channels;
            const auto inverse = device_data<double>(inverse_deviation) + first * s.channels;
            const LaunchShape shape{"normalize", s.blocks(count, V), {threads}};
            simt::launch(moments_kernel<T, V>, shape, stream(), s, from, sums);
            simt::launch(statistics_kernel<T>, {"normalize", channel_blocks(s, count), {threads}}, stream(), s, epsilon, from,
                         sums, means, inverse);
            simt::launch(normalize_kernel<T, V>, shape, stream(), s, means, inverse, from, to);
        });
    });
}

void GpuOperations::do_normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation,
                                         const Tensor& dx) {
    with_channels(dout, {&dout, &out, &dx}, [&](auto zero, auto per_thread) {
        using T = decltype(zero);
        constexpr int V = decltype(per_thread)::value;
        const Sharing s(dout.shape, V);
        const DevicePtr<double> sums = scratch(), means = sums + scratch_numbers / 2, products = means + scratch_channels;
        in_groups(dout.shape[0], s.at_once(dout.shape[0]), [&](std::int64_t first, std::int64_t count) {
            const std::int64_t offset = first * s.pixels * s.channels;
            const auto g = device_data<const T>(dout) + offset, y = device_data<const T>(out) + offset;
            const auto inverse = device_data<const double>(inverse_deviation) + first * s.channels;
            const LaunchShape shape{"normalize_adjoint", s.blocks(count, V), {threads}};
            simt::launch(products_kernel<T, V>, shape, stream(), s, g, y, sums);
            simt::launch(means_kernel, {"normalize_adjoint", channel_blocks(s, count), {threads}}, stream(), s, sums, means,
                         products);
            simt::launch(adjoint_kernel<T, V>, shape, stream(), s, means, products, inverse, g, y, device_data<T>(dx) + offset);
        });
    });
}

}  // namespace gleam::kernels::cu
