// The normal operator of SENSE for any mask:
//
//   out_e = alpha sum_c conj(S_ce) F^-1 (mask' F (sum_f S_cf x_f)) + beta x_e + gamma b_e
//
// No shifts and no scales: both live in the mask, and axes along which it is constant are not transformed
// (docs/adr/002-normal-operator.md). So there are three ways.
//   No axis    one kernel: out_e = alpha mask' sum_c conj(S_ce) sum_f S_cf x_f + ...
//   One axis   sense_lines.cu, where its length suits
//   Others     expand, transform, multiply by the mask, transform back, combine with the terms (coil.cu, fourier.cu, and the
//              library). As many (sample, frame) entries go through at a time as keep their coil images within a fixed budget;
//              the order of sums does not depend on it.
//
// Threads here  no axis: one per pixel, over all coils in order (blockIdx.y: plane, blockIdx.z: sample and frame).
// Bytes         per pixel and coil, complex64, one map set: no axis 8; others: expand 16, mask 16, combine 16, and 32 for each
//               axis that the library transforms. Besides, 8 to 32 per pixel for x, b and the output.
// Limits        none on sizes beyond the library's; less than 2^31 entries.
#include <algorithm>

#include "kernels/cu/coil_launches.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cu/sense_lines.hpp"
#include "kernels/cu/simt.hpp"

namespace gleam::kernels::cu {
namespace {

using device::Complex;
using device::conjugate_product;

// Bytes of coil images at a time: what stays in the second-level cache of an H200 (50 MB) from one kernel to the next.
constexpr std::int64_t budget = std::int64_t{32} << 20;
constexpr unsigned threads = 128;

template <class T>
__global__ void __launch_bounds__(threads, 1)
    constant_mask_kernel(CoilPixels p, MaskPixels m, std::int64_t planes, std::int64_t plane, NormalWeights<T> terms,
                         const T* beta_factor, const double* active, const Complex<T>* x, const Complex<T>* maps, const T* mask,
                         const Complex<T>* b, Complex<T>* out) {
    const NormalWeights<T> weights = terms.scaled(beta_factor);
    for (std::int64_t i = blockIdx.z; i < p.entries; i += gridDim.z) {
        const bool computed = p.computed(active, i);
        const Complex<T>*image = x + p.image(i), *map = maps + p.map(i);
        const T* const factors = mask + m.entry(i);
        for (std::int64_t z = blockIdx.y; z < planes; z += gridDim.y)
            for (std::int64_t within : simt::Range(plane)) {
                const std::int64_t pixel = z * plane + within;
                for (std::int64_t e = 0; e < p.sets; ++e) {
                    const std::int64_t at = pixel * p.sets + e;
                    Complex<T> sum{0, 0};
                    for (std::int64_t c = 0; computed && c < p.coils; ++c) {
                        const Complex<T>* s = map + (c * p.pixels + pixel) * p.sets;
                        Complex<T> coil{0, 0};
                        for (std::int64_t f = 0; f < p.sets; ++f) coil += s[f] * image[pixel * p.sets + f];
                        sum += conjugate_product(s[e], coil);
                    }
                    sum = factors[z * m.sz] * sum;
                    if (computed) sum = b ? weights(sum, image[at], b[p.image(i) + at]) : weights(sum, image[at]);
                    out[p.image(i) + at] = sum;
                }
            }
    }
}

void sense_normal_by_pixels(Stream stream, const CoilPixels& p, const Tensor& x, const Tensor& maps, const Tensor& mask,
                            const NormalTerms& terms, const Tensor& out) {
    with_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = Complex<T>;
        const std::int64_t planes = x.shape[3], plane = x.shape[4] * x.shape[5];
        simt::launch(
            constant_mask_kernel<T>, {"sense_pixels", {blocks_for(plane, threads), turns(planes), turns(p.entries)}, {threads}},
            stream, p, MaskPixels(mask.shape, p.frames), planes, plane,
            NormalWeights<T>{T(terms.alpha), T(terms.beta), T(terms.gamma)}, optional_data<const T>(terms.beta_factor),
            optional_data<const double>(terms.active), device_data<const C>(x), device_data<const C>(maps),
            device_data<const T>(mask), optional_data<const C>(terms.gamma != 0 ? terms.b : nullptr), device_data<C>(out));
    });
}

std::int64_t aligned(std::int64_t bytes) {
    constexpr std::int64_t step = memory_alignment;
    return (bytes + step - 1) / step * step;
}

// Hands out a block, piece after piece.
class Pieces final : public Allocator {
public:
    Pieces(void* block, std::int64_t bytes) : next_(static_cast<char*>(block)), left_(bytes) {}

private:
    void* do_allocate(std::size_t bytes) override {
        const std::int64_t taken = aligned(static_cast<std::int64_t>(bytes));
        if (taken > left_) return nullptr;
        left_ -= taken;
        next_ += taken;
        return next_ - taken;
    }
    void do_release(void*) noexcept override {}

    char* next_;
    std::int64_t left_;
};

// The general way, for some entries at a time. All scratch memory is one block, so that an operation takes as many blocks as it
// has booked, whatever its mask and its number of samples.
class General {
public:
    General(GpuBackend& backend, const CoilPixels& p, const Tensor& x, const Tensor& mask, int rank)
        : backend_(backend), pixels_(p), x_(x), mask_(mask) {
        batch_.extent = {rank == 3 ? x.shape[3] : 1, x.shape[4], x.shape[5]};
        batch_.axes = {rank == 3 && mask.shape[3] > 1, mask.shape[4] > 1, mask.shape[5] > 1};
        // Groups of nearly one size, so that the library meets few.
        const std::int64_t most = std::max<std::int64_t>(1, budget / coil_bytes(1));
        const std::int64_t groups = (p.entries + most - 1) / most;
        group_ = (p.entries + groups - 1) / groups;
    }

    // Of scratch memory: coil images, and what the library wants for them.
    std::int64_t bytes() const { return aligned(coil_bytes(group_)) + library_bytes(); }

    void run(void* scratch, std::int64_t bytes, const Tensor& maps, const NormalTerms& terms, const Tensor& out) const {
        const std::int64_t images = aligned(coil_bytes(group_));
        const auto transform = [&](FftDirection direction, const FourierBatch& batch, const Tensor& coils) {
            Pieces pieces(static_cast<char*>(scratch) + images, bytes - images);
            Arena workspace("transform of coil images");
            workspace.serve_on_demand(pieces);
            backend_.fourier(direction, batch, coils, workspace, false);
        };
        for (std::int64_t first = 0; first < pixels_.entries; first += group_) {
            const CoilPixels p = pixels_.part(first, std::min(group_, pixels_.entries - first));
            const FourierBatch batch = batch_of(p.entries);
            const Tensor coils = coils_of(p.entries, scratch);
            expand_coils(backend_.stream(), p, x_, maps, terms.active, coils);
            transform(FftDirection::forward, batch, coils);
            mask_coils(backend_.stream(), p, mask_, {x_.shape[3], x_.shape[4], x_.shape[5]}, terms.active, coils);
            transform(FftDirection::inverse, batch, coils);
            combine_coils(backend_.stream(), p, coils, maps, terms, x_, out);
        }
    }

private:
    std::int64_t numbers(std::int64_t entries) const { return entries * pixels_.coils * pixels_.pixels; }
    std::int64_t coil_bytes(std::int64_t entries) const {
        return numbers(entries) * static_cast<std::int64_t>(size_of(x_.dtype));
    }
    Tensor coils_of(std::int64_t entries, void* data) const { return {data, x_.dtype, Shape{numbers(entries)}, x_.device}; }
    FourierBatch batch_of(std::int64_t entries) const {
        FourierBatch batch = batch_;
        batch.count = numbers(entries) / (batch.extent[0] * batch.extent[1] * batch.extent[2]);
        return batch;
    }
    // What the library wants for a whole group and for the last one, which may be smaller and another plan.
    std::int64_t library_bytes() const {
        const std::int64_t last = pixels_.entries - (pixels_.entries - 1) / group_ * group_;
        std::int64_t most = 0;
        for (const std::int64_t entries : {group_, last})
            for (const FftDirection direction : {FftDirection::forward, FftDirection::inverse})
                most = std::max(most, library_bytes(direction, entries));
        return most;
    }
    std::int64_t library_bytes(FftDirection direction, std::int64_t entries) const {
        Arena booking("transform of coil images");
        ArenaProgram program;
        booking.book(program);
        backend_.fourier(direction, batch_of(entries), coils_of(entries, nullptr), booking, true);
        booking.finish_booking();
        std::int64_t sum = 0;
        for (const ArenaProgram::Block& block : program.blocks()) sum += aligned(static_cast<std::int64_t>(block.bytes));
        return sum;
    }

    GpuBackend& backend_;
    const CoilPixels& pixels_;
    const Tensor &x_, &mask_;
    FourierBatch batch_;
    std::int64_t group_;
};

}  // namespace

void GpuOperations::do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                    const NormalTerms& terms, const Tensor& out, Arena& workspace) {
    CoilPixels pixels({x.shape[0], x.shape[1], maps.shape[2], x.shape[3], x.shape[4], x.shape[5]}, maps.shape);
    pixels.one_active = !terms.active || terms.active->elements() == 1;
    const auto constant = [&](const Tensor& mask) {
        return mask.shape[4] == 1 && mask.shape[5] == 1 && (rank == 2 || mask.shape[3] == 1);
    };
    const auto bytes_for = [&](const Tensor& mask) -> std::int64_t {
        if (x.elements() == 0 || constant(mask) || are_lines(x, maps, mask, rank)) return 0;
        return General(*backend_, pixels, x, mask, rank).bytes();
    };
    std::int64_t bytes = bytes_for(normal_mask);
    // Plans are made with the largest mask and hold for all that vary along no further axes.
    for (unsigned axes = 1; planning() && axes < 8; ++axes) {
        Tensor mask = normal_mask;
        for (int axis = 0; axis < 3; ++axis)
            if (axes >> axis & 1U) mask.shape[3 + axis] = 1;
        bytes = std::max(bytes, bytes_for(mask));
    }
    const Lease scratch = workspace.acquire("sense_normal", static_cast<std::size_t>(bytes));
    if (planning() || x.elements() == 0) return;
    if (constant(normal_mask)) return sense_normal_by_pixels(stream(), pixels, x, maps, normal_mask, terms, out);
    if (are_lines(x, maps, normal_mask, rank)) return sense_normal_by_lines(stream(), x, maps, normal_mask, rank, terms, out);
    General(*backend_, pixels, x, normal_mask, rank).run(scratch.data(), bytes, maps, terms, out);
}

}  // namespace gleam::kernels::cu
