// 1 - structural similarity and its gradient (kernels/device/ssim.hpp), in double.
//
// With G the Gaussian window as a matrix (rows: pixels of the mean, columns: all pixels), a = |x|, b = |t|:
//   S = mean over pixels of s(G a, G b, G (a^2 + b^2), G (a b))
//   dS/da = Gt s_a + 2 a Gt s_squares + b Gt s_product,  dS/dx = dS/da x / |x|
//
// Launches  the largest |t| of each sample (two); then for as many planes at once as the workspace takes: `similarity`, the sum
//           of s over each tile and its three derivatives at every pixel; `plane_losses`; `gradient`, from the derivatives
//           around each pixel. At last the planes' losses are added in order.
// Threads   a block has a tile of 32 x 16 pixels and the 5 pixels around it in shared memory (39 and 45 KiB), filters it along y,
//           then along x (the adjoint: x, then y); each thread has two pixels of the tile.
// Bytes     per pixel, complex64: 16 + 24 (derivatives) without the halo, which comes from the second-level cache; with the
//           gradient 24 + 16 + 16 more. About 145 and 90 operations in double precision, a multiply-add being one.
// Limits    2^31 planes and as many tiles in each. An axis shorter than the window is filtered by a table of mirrored weights.
#include <algorithm>
#include <cmath>

#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/reduce.hpp"
#include "kernels/device/complex.hpp"
#include "kernels/device/ssim.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::ssim_radius;
using device::ssim_taps;
using device::SsimInterior;

constexpr int tile_x = 32, tile_y = 16, halo_x = tile_x + 2 * ssim_radius, halo_y = tile_y + 2 * ssim_radius;
constexpr int tile_pixels = tile_x * tile_y, halo_pixels = halo_x * halo_y;
constexpr int moments = 4;    // a, b, a^2 + b^2, a b
constexpr int gradients = 3;  // by a, by the squares, by the product

// Planes whose derivatives are kept at the same time take at most so many bytes: enough pixels to fill a GPU, and few enough to
// be in its second-level cache still, with the images, when the gradient needs them.
constexpr std::int64_t derivatives_limit = std::int64_t{16} << 20;

// The window along one axis. Of a short axis every pixel is in every window: weights[r n + y] is that of pixel y in the mean at
// r.
struct Axis {
    std::int64_t n, first, last;  // pixels, those of the mean
    int taps;
    bool is_short;
    double weights[(ssim_taps - 1) * (ssim_taps - 1)] = {};

    explicit Axis(std::int64_t length) : n(length), first(SsimInterior(length).first), last(SsimInterior(length).last) {
        const auto window = device::ssim_window();
        is_short = n < ssim_taps;
        taps = is_short ? static_cast<int>(n) : ssim_taps;
        if (is_short)
            for (std::int64_t r = 0; r < n; ++r)
                for (int t = 0; t < ssim_taps; ++t)
                    weights[r * n + device::ssim_mirrored(r + t - ssim_radius, n)] += window[static_cast<std::size_t>(t)];
        else
            std::copy(window.begin(), window.end(), weights);
    }

    GLEAM_DEVICE bool in_mean(std::int64_t r) const { return r >= first && r < last; }
    // Where the window of pixel i begins, seen from pixel i, and its weights; those of its adjoint (the window is symmetric).
    GLEAM_DEVICE int begin(std::int64_t i) const { return is_short ? -static_cast<int>(i) : -ssim_radius; }
    GLEAM_DEVICE double weight(std::int64_t r, int t) const { return weights[is_short ? static_cast<int>(r * n) + t : t]; }
    GLEAM_DEVICE double adjoint_weight(std::int64_t y, int t) const {
        return weights[is_short ? t * taps + static_cast<int>(y) : t];
    }
};

// Planes (y, x) of images [N, T, 1, Z, Y, X] or [N, T, 1, Z, Y, X, E], numbered in the order of their losses.
struct Planes {
    std::int64_t height, width, inner, volumes, tiles_x, tiles;

    explicit Planes(const Shape& s)
        : height(s[4]),
          width(s[5]),
          inner(s.rank() == 7 ? s[6] : 1),
          volumes(s[1] * s[3]),
          tiles_x((width + tile_x - 1) / tile_x),
          tiles(tiles_x * ((height + tile_y - 1) / tile_y)) {}

    GLEAM_DEVICE std::int64_t pixels() const { return height * width; }
    GLEAM_DEVICE std::int64_t per_sample() const { return volumes * inner; }
    GLEAM_DEVICE std::int64_t sample(unsigned plane) const { return plane / static_cast<unsigned>(per_sample()); }
    // Its first element; neighbours along x are `inner` elements apart.
    GLEAM_DEVICE std::int64_t at(unsigned plane) const {
        const auto sets = static_cast<unsigned>(inner);
        return plane / sets * pixels() * inner + plane % sets;
    }
};

// A tile of a plane: blockIdx.x counts tiles, blockIdx.y planes.
struct Tile {
    std::int64_t y, x;  // of its first pixel

    __device__ explicit Tile(const Planes& p)
        : y(static_cast<std::int64_t>(blockIdx.x / static_cast<unsigned>(p.tiles_x)) * tile_y),
          x(static_cast<std::int64_t>(blockIdx.x % static_cast<unsigned>(p.tiles_x)) * tile_x) {}
};

template <class T>
__device__ double squared_magnitude(const Complex<T>& v) {
    return static_cast<double>(v.re) * static_cast<double>(v.re) + static_cast<double>(v.im) * static_cast<double>(v.im);
}

template <class T>
__global__ void __launch_bounds__(reduce_threads) peak_kernel(Chunks chunks, const Complex<T>* target, double* largest) {
    const Complex<T>* t = target + blockIdx.y * chunks.n;
    double v = 0;
    for (std::int64_t i = chunks.begin(blockIdx.x) + threadIdx.x; i < chunks.end(blockIdx.x); i += reduce_threads)
        v = Larger{}(v, squared_magnitude(t[i]));
    v = block_combine(v, Larger{});
    if (threadIdx.x == 0) largest[blockIdx.y * chunks.count + blockIdx.x] = v;
}

// sums[plane][tile] = the sum of s over the tile, or of all magnitudes where the range is 0; derivatives[plane][3][y][x], zero
// outside of the mean.
template <class T>
__global__ void __launch_bounds__(reduce_threads)
    similarity_kernel(Planes p, Axis rows, Axis columns, unsigned first_plane, const double* ranges, const Complex<T>* x,
                      const Complex<T>* target, double* sums, double* derivatives) {
    SIMT_SHARED(double, a, [halo_pixels]);
    SIMT_SHARED(double, b, [halo_pixels]);
    SIMT_SHARED(double, filtered, [moments][tile_y * halo_x]);
    const unsigned plane = first_plane + blockIdx.y;
    const std::int64_t from = p.at(plane);
    const double range = ranges[p.sample(plane)];
    const Tile tile(p);
    for (int i = static_cast<int>(threadIdx.x); i < halo_pixels; i += reduce_threads) {
        const std::int64_t row = tile.y + i / halo_x - ssim_radius, column = tile.x + i % halo_x - ssim_radius;
        const bool inside = row >= 0 && row < p.height && column >= 0 && column < p.width;
        const std::int64_t at = from + (row * p.width + column) * p.inner;
        a[i] = inside ? std::sqrt(squared_magnitude(x[at])) : 0;
        b[i] = inside ? std::sqrt(squared_magnitude(target[at])) : 0;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < tile_y * halo_x; i += reduce_threads) {
        const int row = i / halo_x;
        double u[moments] = {};
        if (rows.in_mean(tile.y + row))
            for (int t = 0; t < rows.taps; ++t) {
                const double w = rows.weight(tile.y + row, t);
                const int at = i + (ssim_radius + rows.begin(tile.y + row) + t) * halo_x;
                u[0] += w * a[at];
                u[1] += w * b[at];
                u[2] += w * (a[at] * a[at] + b[at] * b[at]);
                u[3] += w * (a[at] * b[at]);
            }
        for (int m = 0; m < moments; ++m) filtered[m][i] = u[m];
    }
    __syncthreads();
    const double c1 = device::ssim_k1 * range * (device::ssim_k1 * range),
                 c2 = device::ssim_k2 * range * (device::ssim_k2 * range);
    double sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < tile_pixels; i += reduce_threads) {
        const int row = i / tile_x, column = i % tile_x;
        const std::int64_t r = tile.y + row, c = tile.x + column;
        if (r >= p.height || c >= p.width) continue;
        device::SsimPoint point{};
        if (!(range > 0)) {
            const int at = (row + ssim_radius) * halo_x + column + ssim_radius;
            point.value = a[at] + b[at];
        } else if (rows.in_mean(r) && columns.in_mean(c)) {
            double u[moments] = {};
            for (int t = 0; t < columns.taps; ++t) {
                const double w = columns.weight(c, t);
                const int at = row * halo_x + column + ssim_radius + columns.begin(c) + t;
                for (int m = 0; m < moments; ++m) u[m] += w * filtered[m][at];
            }
            point = device::ssim_at({u[0], u[1], u[2], u[3]}, c1, c2);
        }
        sum += point.value;
        if (derivatives) {
            double* out = derivatives + blockIdx.y * gradients * p.pixels() + r * p.width + c;
            out[0] = point.by_a;
            out[p.pixels()] = point.by_squares;
            out[2 * p.pixels()] = point.by_product;
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.y * p.tiles + blockIdx.x] = sum;
}

// One block per plane: losses[plane] = 1 - mean similarity
__global__ void plane_losses_kernel(Planes p, double mean_pixels, unsigned first_plane, const double* ranges, const double* sums,
                                    double* losses) {
    double sum = 0;
    for (std::int64_t i = threadIdx.x; i < p.tiles; i += reduce_threads) sum += sums[blockIdx.x * p.tiles + i];
    sum = block_sum(sum);
    if (threadIdx.x != 0) return;
    const unsigned plane = first_plane + blockIdx.x;
    losses[plane] = 1 - (ranges[p.sample(plane)] > 0 ? sum / mean_pixels : device::ssim_to_zero(sum));
}

// gradient += factor dS/dx
template <class T>
__global__ void __launch_bounds__(reduce_threads)
    gradient_kernel(Planes p, Axis rows, Axis columns, double factor, unsigned first_plane, const double* ranges,
                    const double* derivatives, const Complex<T>* x, const Complex<T>* target, Complex<T>* gradient) {
    SIMT_SHARED(double, slopes, [gradients][halo_pixels]);
    SIMT_SHARED(double, spread, [gradients][halo_y * tile_x]);
    const unsigned plane = first_plane + blockIdx.y;
    const std::int64_t to = p.at(plane);
    if (!(ranges[p.sample(plane)] > 0)) return;  // all threads alike
    const Tile tile(p);
    const double* from = derivatives + blockIdx.y * gradients * p.pixels();
    for (int i = static_cast<int>(threadIdx.x); i < halo_pixels; i += reduce_threads) {
        const std::int64_t row = tile.y + i / halo_x - ssim_radius, column = tile.x + i % halo_x - ssim_radius;
        const bool inside = row >= 0 && row < p.height && column >= 0 && column < p.width;
        for (int g = 0; g < gradients; ++g) slopes[g][i] = inside ? from[g * p.pixels() + row * p.width + column] : 0;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < halo_y * tile_x; i += reduce_threads) {
        const int row = i / tile_x, column = i % tile_x;
        const std::int64_t c = tile.x + column;
        double u[gradients] = {};
        if (c < p.width)
            for (int t = 0; t < columns.taps; ++t) {
                const double w = columns.adjoint_weight(c, t);
                const int at = row * halo_x + column + ssim_radius + columns.begin(c) + t;
                for (int g = 0; g < gradients; ++g) u[g] += w * slopes[g][at];
            }
        for (int g = 0; g < gradients; ++g) spread[g][i] = u[g];
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < tile_pixels; i += reduce_threads) {
        const std::int64_t r = tile.y + i / tile_x, c = tile.x + i % tile_x;
        if (r >= p.height || c >= p.width) continue;
        double by[gradients] = {};
        for (int t = 0; t < rows.taps; ++t) {
            const double w = rows.adjoint_weight(r, t);
            const int at = i + (ssim_radius + rows.begin(r) + t) * tile_x;
            for (int g = 0; g < gradients; ++g) by[g] += w * spread[g][at];
        }
        const std::int64_t at = to + (r * p.width + c) * p.inner;
        const Complex<T> v = x[at];
        const double a = std::sqrt(squared_magnitude(v)), b = std::sqrt(squared_magnitude(target[at]));
        const double scale = a > 0 ? factor * (by[0] + 2 * a * by[1] + b * by[2]) / a : 0;
        gradient[at] +=
            Complex<T>{static_cast<T>(scale * static_cast<double>(v.re)), static_cast<T>(scale * static_cast<double>(v.im))};
    }
}

}  // namespace

void GpuOperations::ssim_loss_acc(double weight, const Tensor& x, const Tensor& target, const Tensor* gradient,
                                  const Tensor& value, Arena& workspace) {
    const Planes p(x.shape);
    const Chunks chunks(p.per_sample() * p.pixels());
    const std::int64_t samples = x.shape[0], planes = samples * p.per_sample();
    if (planes > grid_limit.x || p.tiles > grid_limit.x) throw ShapeError("ssim", "too many planes or pixels: " + x.shape.str());
    const std::int64_t per_plane = gradients * p.pixels() * static_cast<std::int64_t>(sizeof(double));
    const std::int64_t at_once =
        std::clamp<std::int64_t>(derivatives_limit / per_plane, 1, std::min<std::int64_t>(planes, grid_limit.y));
    const std::int64_t ranges_at_once = chunks.at_once(samples, scratch_numbers);
    const std::int64_t kept = gradient ? at_once * gradients * p.pixels() : 0;  // numbers
    const Lease lease = workspace.acquire("structural similarity",
                                          static_cast<std::size_t>(samples + planes + at_once * p.tiles + kept) * sizeof(double));
    if (planning()) return;
    const DevicePtr<double> ranges(static_cast<double*>(lease.data())), losses = ranges + samples, sums = losses + planes;
    const DevicePtr<double> derivatives = gradient ? sums + at_once * p.tiles : DevicePtr<double>();
    const Axis rows(p.height), columns(p.width);
    const double mean_pixels = static_cast<double>((rows.last - rows.first) * (columns.last - columns.first));
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = Complex<T>;
        for (std::int64_t first = 0; first < samples; first += ranges_at_once) {
            const std::int64_t count = std::min(ranges_at_once, samples - first);
            simt::launch(peak_kernel<T>, {"ssim peaks", chunks.blocks(count), {reduce_threads}}, stream(), chunks,
                         device_data<const C>(target) + first * chunks.n, scratch());
            combine_chunks(stream(), count, chunks.count, scratch(), Larger{}, KeepRoot{}, ranges + first);
        }
        for (std::int64_t first = 0; first < planes; first += at_once) {
            const auto count = static_cast<unsigned>(std::min(at_once, planes - first));
            const Extent blocks{static_cast<unsigned>(p.tiles), count};
            simt::launch(similarity_kernel<T>, {"ssim", blocks, {reduce_threads}}, stream(), p, rows, columns,
                         static_cast<unsigned>(first), ranges, device_data<const C>(x), device_data<const C>(target), sums,
                         derivatives);
            simt::launch(plane_losses_kernel, {"ssim of planes", {count}, {reduce_threads}}, stream(), p, mean_pixels, first,
                         ranges, sums, losses);
            if (!gradient) continue;
            simt::launch(gradient_kernel<T>, {"ssim gradient", blocks, {reduce_threads}}, stream(), p, rows, columns,
                         -weight / static_cast<double>(planes) / mean_pixels, first, ranges, derivatives, device_data<const C>(x),
                         device_data<const C>(target), device_data<C>(*gradient));
        }
    });
    combine_chunks(stream(), 1, planes, losses, Add{}, AddScaled{weight / static_cast<double>(planes)},
                   device_data<double>(value));
}

}  // namespace gleam::kernels::cu
