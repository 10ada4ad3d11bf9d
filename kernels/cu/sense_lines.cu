// The normal operator of SENSE for a mask that varies along one axis only:
//
//   out_e = alpha sum_c conj(S_ce) F^-1 (mask' F (sum_f S_cf x_f)) + beta x_e + gamma b_e,   F: along that axis
//
// Everything happens while a tile of lines is in shared memory, coil after coil: the transforms (line_fourier.hpp), of which the
// first stage, if it is of 8, 5 or 4 points, and its inverse are done in the registers that maps are read to and sums are kept
// in.
//
// Threads   each has `Owned` points of one line, evenly spaced, for all coils: sums in registers and, with one set and small
//           radices, image, map and the next coil's map. A block has a tile of 1 to 16 lines. Lines along x: neighbouring threads
//           have neighbouring points; else the tile is of neighbouring lines, and so are the threads. blockIdx.x: which tile, of
//           which plane of lines (axes y, z, not x), slice (stacks in 2D), frame and sample.
// Access    one complex number, `Owned` of them under way per thread; runs of 128 bytes, or shorter ones where few lines leave
//           multiprocessors idle or lines are long: mostly 32 (complex64).
// Bytes     per pixel, complex64, E sets: 8 E per coil for the map; 8 E each for x, b and the output. Nothing else: no coil image
//           leaves the block. With several sets maps and image are read twice, the second time from caches.
// FLOPs     per pixel and coil: 16 E for the maps, about 10 log2(n) for the transforms, and more with primes above 5.
// Shared    bytes of complex64 per block: 8 points lines + 12 points (roots of unity and the mask in permuted order), and as much
//           again per set for the sums where there are several.
// Limits    are_lines(): no prime factor above 31; up to 2048 points where the first radix is 4, 2560 of 5, 4096 of 8; 1024 with
//           a factor above 5 or several sets; 512 in double precision; 99 KiB of shared memory for one line at least. Less than
//           2^31 numbers per entry, entries, and blocks; 64-bit indices otherwise.
#include <algorithm>
#include <optional>

#include "kernels/cu/line_fourier.hpp"
#include "kernels/cu/pixels.hpp"
#include "kernels/cu/sense_lines.hpp"
#include "kernels/device/roots.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::conjugate_product;

// Threads of a block: large radices and double precision need registers.
template <class T, bool LargeRadix>
constexpr int most_threads = sizeof(T) == 8 || LargeRadix ? 256 : 512;

constexpr std::size_t shared_limit_of_lines = 99 * 1024;  // two blocks per multiprocessor of an H200, one of smaller devices

// Where the lines are; passed by value. A volume is what one transform of the mask's rank would take: [outer, points, inner].
struct Lines {
    CoilPixels p;
    MaskPixels m;
    int slabs, outer, inner;  // slabs: volumes of an entry
    LinePlan plan;
    int owned, per_line;  // points, threads of a line
    bool first_in_registers;
    int log_lines = 0, place_pitch = 1, line_pitch = 1;

    // Lines along x are tiled along `outer`, others along `inner`, plane by plane.
    GLEAM_DEVICE bool along_x() const { return inner == 1; }
    GLEAM_DEVICE int planes() const { return along_x() ? 1 : outer; }
    GLEAM_DEVICE int lines() const { return along_x() ? outer : inner; }
    GLEAM_DEVICE int tiles() const { return (lines() + (1 << log_lines) - 1) >> log_lines; }
    std::int64_t blocks() const { return p.entries * slabs * planes() * tiles(); }
    int threads() const { return per_line << log_lines; }
    // Complex numbers of the tile, and bytes of everything.
    GLEAM_DEVICE int tile() const { return along_x() ? line_pitch << log_lines : plan.points * place_pitch; }
    std::size_t shared(std::size_t real) const {
        const std::int64_t sums = p.sets == 1 ? 0 : p.sets * owned * threads();
        return static_cast<std::size_t>(2 * (tile() + plan.points + sums) + plan.points) * real;
    }

    // Neighbouring threads have neighbouring lines or, when maps are read along x, neighbouring points: neither is to meet in one
    // bank of shared memory.
    void set_lines(int log) {
        log_lines = log;
        const int lines = 1 << log, apart = lines < 16 ? 16 / lines : 1;
        place_pitch = along_x() ? 1 : lines;
        line_pitch = along_x() ? plan.points + (16 + apart - plan.points % 16) % 16 : 1;
    }
};

// The points that a thread has of one line, `step` apart, of those whose bit in `there` is set; one set. Sums are in registers,
// and so are image and map unless Lean, where large radices need them: these are read again then, from the first-level cache. Of
// few points, the next coil's map is there, too.
template <class T, int Owned, bool Lean>
class OneSet {
public:
    __device__ OneSet(const CoilPixels& p, int step, unsigned there, const Complex<T>* x, const Complex<T>* map, Complex<T>*)
        : x_(x), map_(map), coil_stride_(p.pixels), coils_(p.coils), step_(step), there_(there) {
        if constexpr (!Lean) read(x_, image_);
        if constexpr (ahead) read(map_, next_);
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) sum_[k] = {0, 0};
    }

    // The coil image's points, (re, im)[k].
    __device__ void expand(std::int64_t c, T* re, T* im) {
        if constexpr (Lean) read(x_, image_);
        if constexpr (!ahead) read(map_ + c * coil_stride_, s_);
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            if constexpr (ahead) s_[k] = next_[k];
            const Complex<T> v = s_[k] * image_[k];
            re[k] = v.re, im[k] = v.im;
        }
        if constexpr (ahead)
            if (c + 1 < coils_) read(map_ + (c + 1) * coil_stride_, next_);
    }
    __device__ void combine(std::int64_t c, const T* re, const T* im) {
        if constexpr (Lean) read(map_ + c * coil_stride_, s_);
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) sum_[k] += conjugate_product(s_[k], Complex<T>{re[k], im[k]});
    }
    __device__ void write(const NormalWeights<T>& weights, const Complex<T>* b, Complex<T>* out) {
        if constexpr (Lean) read(x_, image_);
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            if (!(there_ >> k & 1U)) continue;
            out[k * step_] = b ? weights(sum_[k], image_[k], b[k * step_]) : weights(sum_[k], image_[k]);
        }
    }

private:
    static constexpr bool ahead = !Lean && Owned <= 5;

    __device__ void read(const Complex<T>* from, Complex<T>* to) const {
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) to[k] = there_ >> k & 1U ? from[k * step_] : Complex<T>{0, 0};
    }

    const Complex<T>*x_, *map_;
    std::int64_t coil_stride_, coils_;
    int step_;  // 32 bits hold what a volume has
    unsigned there_;
    Complex<T> image_[Owned], s_[Owned], next_[ahead ? Owned : 1], sum_[Owned];
};

// Several sets: image and maps are read when they are needed, the sums are in shared memory, where no other thread comes.
template <class T, int Owned>
class ManySets {
public:
    __device__ ManySets(const CoilPixels& p, int step, unsigned there, const Complex<T>* x, const Complex<T>* map,
                        Complex<T>* sums)
        : x_(x),
          map_(map),
          sums_(sums + threadIdx.x),
          coil_stride_(p.pixels * p.sets),
          step_(step),
          sets_(static_cast<int>(p.sets)),
          there_(there) {}

    __device__ void expand(std::int64_t c, T* re, T* im) const {
        const Complex<T>* map = map_ + c * coil_stride_;
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            Complex<T> v{0, 0};
            if (there_ >> k & 1U)
                for (int e = 0; e < sets_; ++e) v += map[k * step_ + e] * x_[k * step_ + e];
            re[k] = v.re, im[k] = v.im;
        }
    }
    __device__ void combine(std::int64_t c, const T* re, const T* im) const {
        const Complex<T>* map = map_ + c * coil_stride_;
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            if (!(there_ >> k & 1U)) continue;
            for (int e = 0; e < sets_; ++e) {
                const Complex<T> v = conjugate_product(map[k * step_ + e], Complex<T>{re[k], im[k]});
                Complex<T>& sum = sums_[(e * Owned + k) * blockDim.x];
                sum = c == 0 ? v : sum + v;
            }
        }
    }
    __device__ void write(const NormalWeights<T>& weights, const Complex<T>* b, Complex<T>* out) const {
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            if (!(there_ >> k & 1U)) continue;
            for (int e = 0; e < sets_; ++e) {
                const Complex<T> sum = sums_[(e * Owned + k) * blockDim.x];
                const int at = k * step_ + e;
                out[at] = b ? weights(sum, x_[at], b[at]) : weights(sum, x_[at]);
            }
        }
    }

private:
    const Complex<T>*x_, *map_;
    Complex<T>* sums_;
    std::int64_t coil_stride_;
    int step_, sets_;
    unsigned there_;
};

// A thread's points of one line, all coils.
template <class T, int Owned, bool First, bool LargeRadix, class Coils>
__device__ void filter_all_coils(const Lines& g, const LineTile<T> tile, int line, int j, unsigned there, Coils& coils) {
    for (std::int64_t c = 0; c < g.p.coils; ++c) {
        T re[Owned], im[Owned];
        coils.expand(c, re, im);
        if constexpr (First) {
            butterfly<Owned>(re, im);
            turn<Owned>(re, im, tile.roots, j);
        }
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k)
            if (First || there >> k & 1U) tile.at(j + k * g.per_line, line) = {re[k], im[k]};
        filter_lines<LargeRadix>(g.plan, First ? 1 : 0, tile);
        GLEAM_UNROLL
        for (int k = 0; k < Owned; ++k) {
            const Complex<T> v = First || there >> k & 1U ? tile.at(j + k * g.per_line, line) : Complex<T>{0, 0};
            re[k] = v.re, im[k] = v.im;
        }
        if constexpr (First) {
            turn<Owned>(im, re, tile.roots, j);
            butterfly<Owned>(im, re);
        }
        coils.combine(c, re, im);
    }
}

template <class T, int Owned, bool First, bool LargeRadix, bool SeveralSets>
__global__ void __launch_bounds__(most_threads<T, LargeRadix>, 1)
    lines_kernel(Lines g, NormalWeights<T> terms, const T* beta_factor, const double* active, const Complex<T>* x,
                 const Complex<T>* maps, const T* mask, const Complex<T>* b, Complex<T>* out) {
    using Coils = std::conditional_t<SeveralSets, ManySets<T, Owned>, OneSet<T, Owned, LargeRadix>>;
    const int points = g.plan.points, thread = static_cast<int>(threadIdx.x), tiles = g.tiles(), planes = g.planes();
    int block = static_cast<int>(blockIdx.x);
    const int number_of_tile = block % tiles, plane = (block /= tiles) % planes, slab = (block /= planes) % g.slabs;
    const int i = block / g.slabs, frames = static_cast<int>(g.p.frames), sample = i / frames;
    const int line = g.along_x() ? thread / g.per_line : thread & ((1 << g.log_lines) - 1);
    const int j = g.along_x() ? thread % g.per_line : thread >> g.log_lines;
    const int number = (number_of_tile << g.log_lines) + line;  // of the line

    unsigned there = 0;
    GLEAM_UNROLL
    for (int k = 0; k < Owned; ++k)
        if (number < g.lines() && j + k * g.per_line < points) there |= 1U << k;
    // The thread's first number within an entry, and within all.
    const int sets = static_cast<int>(g.p.sets), step = g.inner * g.per_line * sets;
    const std::int64_t entry = g.p.pixels * sets, volume = std::int64_t{points} * g.outer * g.inner;
    const std::int64_t first =
        (slab * volume + (std::int64_t{plane} * points + j) * g.inner + (g.along_x() ? std::int64_t{number} * points : number)) *
        sets;
    const std::int64_t at = i * entry + first;
    if (active && active[g.p.one_active ? 0 : sample] == 0) {
        for (int k = 0; k < Owned; ++k)
            for (int e = 0; e < sets; ++e)
                if (there >> k & 1U) out[at + k * step + e] = {0, 0};
        return;
    }

    Complex<T>* const data = simt::dynamic_shared<Complex<T>>();
    Complex<T>* const roots = data + g.tile();
    Complex<T>* const sums = roots + points;
    T* const permuted = reinterpret_cast<T*>(sums + (SeveralSets ? sets * Owned * blockDim.x : 0));
    const T* const own = mask + (sample * g.m.sample + (i - sample * frames) * g.m.frame + slab * g.m.sz);
    for (int k = thread; k < points; k += static_cast<int>(blockDim.x)) {
        const Complex<T> root = device::unit_root<T>(k, points);
        roots[k] = {root.re, -root.im};
        permuted[k] = own[g.plan.stages.frequency(points, k)];
    }
    __syncthreads();

    Coils coils(g.p, step, there, x + at, maps + ((g.p.one_map ? sample : i) * g.p.coils * entry + first), sums);
    filter_all_coils<T, Owned, First, LargeRadix>(g, {data, roots, permuted, g.log_lines, g.place_pitch, g.line_pitch}, line, j,
                                                  there, coils);
    coils.write(terms.scaled(beta_factor), b ? b + at : nullptr, out + at);
}

// The axis along which the mask varies, if it is one of those transformed and the only one.
std::optional<int> axis_of_lines(const Tensor& normal_mask, int rank) {
    std::optional<int> axis;
    for (int a = 6 - rank; a < 6; ++a) {
        if (normal_mask.shape[a] == 1) continue;
        if (axis) return std::nullopt;
        axis = a;
    }
    return axis;
}

// As many lines per block as fit, but no more than leave two blocks per multiprocessor, and two of them room beside each other,
// as long as runs are of 32 bytes at least; shorter ones only where multiprocessors would be idle.
bool choose_lines(Lines& g, std::size_t real) {
    const bool large = g.plan.has_large_radix() || !g.first_in_registers;
    const int most = real == 8 ? most_threads<double, true> : large ? most_threads<float, true> : most_threads<float, false>;
    const auto fits = [&] { return g.threads() <= most && g.shared(real) <= shared_limit_of_lines; };
    const auto too_many = [&](int log) {
        const std::int64_t blocks = g.blocks();
        if (!fits() || 1 << (log - 1) >= g.lines()) return true;
        return log > 2 ? blocks < 2 * 132 || g.threads() > 256 : log > 1 && blocks < 132;
    };
    int log = g.along_x() ? 2 : 4;
    for (g.set_lines(log); log > 0 && too_many(log);) g.set_lines(--log);
    return fits() && g.blocks() <= grid_limit.x;
}

std::optional<Lines> lines_of(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank) {
    const std::optional<int> axis = axis_of_lines(normal_mask, rank);
    if (!axis) return std::nullopt;
    const Shape& s = x.shape;
    const std::int64_t points = s[*axis];
    if (x.elements() / (s[0] * s[1]) > INT32_MAX || s[0] * s[1] > INT32_MAX || points > LinePlan::most_points ||
        device::stages_of(points).count == 0)
        return std::nullopt;
    Lines g{.p = CoilPixels({s[0], s[1], maps.shape[2], s[3], s[4], s[5]}, maps.shape),
            .m = MaskPixels(normal_mask.shape, s[1]),
            .slabs = static_cast<int>(rank == 2 ? s[3] : 1),
            .outer = 1,
            .inner = 1,
            .plan = LinePlan(static_cast<int>(points)),
            .owned = 4,
            .per_line = 1,
            .first_in_registers = false};
    for (int a = 6 - rank; a < *axis; ++a) g.outer *= static_cast<int>(s[a]);
    for (int a = *axis + 1; a < 6; ++a) g.inner *= static_cast<int>(s[a]);
    const int radix = g.plan.stages.radix[0];
    if (real_of(x.dtype) == DType::f64) {
        g.owned = 2;
    } else if (g.p.sets == 1 && g.plan.stages.count > 1 &&
               (radix == 4 || (!g.plan.has_large_radix() && (radix == 5 || radix == 8)))) {
        g.owned = radix;
        g.first_in_registers = true;
    }
    g.per_line = static_cast<int>((points + g.owned - 1) / g.owned);
    if (!choose_lines(g, size_of(real_of(x.dtype)))) return std::nullopt;
    return g;
}

}  // namespace

bool are_lines(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank) {
    return lines_of(x, maps, normal_mask, rank).has_value();
}

void sense_normal_by_lines(Stream stream, const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                           const NormalTerms& terms, const Tensor& out) {
    Lines g = lines_of(x, maps, normal_mask, rank).value();
    g.p.one_active = !terms.active || terms.active->elements() == 1;
    const auto launch = [&]<class T>(void (*kernel)(Lines, NormalWeights<T>, const T*, const double*, const Complex<T>*,
                                                    const Complex<T>*, const T*, const Complex<T>*, Complex<T>*)) {
        simt::launch(
            kernel,
            {"sense_lines", {static_cast<unsigned>(g.blocks())}, {static_cast<unsigned>(g.threads())}, g.shared(sizeof(T))},
            stream, g, NormalWeights<T>{T(terms.alpha), T(terms.beta), T(terms.gamma)}, optional_data<const T>(terms.beta_factor),
            optional_data<const double>(terms.active), device_data<const Complex<T>>(x), device_data<const Complex<T>>(maps),
            device_data<const T>(normal_mask), optional_data<const Complex<T>>(terms.gamma != 0 ? terms.b : nullptr),
            device_data<Complex<T>>(out));
    };
    // Double precision is for comparisons, and several sets read more than they compute: these have one kernel each.
    if (real_of(x.dtype) == DType::f64)
        return g.p.sets > 1 ? launch(lines_kernel<double, 2, false, true, true>)
                            : launch(lines_kernel<double, 2, false, true, false>);
    if (g.p.sets > 1) return launch(lines_kernel<float, 4, false, true, true>);
    if (!g.first_in_registers) return launch(lines_kernel<float, 4, false, true, false>);
    if (g.plan.has_large_radix()) return launch(lines_kernel<float, 4, true, true, false>);
    if (g.owned == 8) return launch(lines_kernel<float, 8, true, false, false>);
    if (g.owned == 5) return launch(lines_kernel<float, 5, true, false, false>);
    launch(lines_kernel<float, 4, true, false, false>);
}

}  // namespace gleam::kernels::cu
