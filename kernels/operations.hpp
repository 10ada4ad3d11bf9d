// Every operation that touches numbers, once. A backend derives from Operations and implements the do_... half; the public half
// checks shapes, types and devices, then calls it, so that a wrong call is the same clear ShapeError on every device.
// A new operation is one entry here, and the compiler finds each backend that lacks it.
//
// Shapes (docs/concepts.md):   N batch, T time, C coil, Z Y X space, K channel
//   image  complex [N, T, 1, Z, Y, X]        k-space, coil images  complex [N, T, C, Z, Y, X]
//   maps   complex [N, T or 1, C, Z, Y, X]   mask                  real    [N, T or 1, 1, Z or 1, Y or 1, X or 1]
// With several map sets, image and maps have one more, fastest axis E, as long as there are sets. An axis of length 1 of the mask
// says that the mask is constant along it.
//   network tensors                          real [N, D, H, W, K]  (channels-last)
//   convolution weights                      real [K_out, K_in, kd, kh, kw]
// Real and complex types of one call agree in precision. Outputs come last, except the arena that lends scratch memory.
// An operation that adds to its output ends in _acc. All reductions run in an order that does not depend on the thread count.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "core/arena.hpp"
#include "core/tensor.hpp"
#include "kernels/work.hpp"

namespace gleam::kernels {

// What a device has recorded of some work. Whoever owns the tensors in it owns it.
class Recording {
public:
    virtual ~Recording() = default;
};

// A point in the work of a device.
class Event {
public:
    virtual ~Event() = default;
};

class Operations {
public:
    virtual ~Operations() = default;

    virtual Device device() const = 0;
    virtual Allocator& allocator() = 0;

    // Returns when every operation before is done; until then, results may not be there yet on a device other than the CPU.
    virtual void synchronize() {}
    // Makes `event` the point behind every operation so far; null stays null where these are done when they return.
    virtual void mark(std::unique_ptr<Event>& event) { event = nullptr; }
    // Operations from here on wait until another object's, on the same device, have come to that point; the host does not wait.
    virtual void wait_for(const Event&) {}
    // The device's own name of the queue that operations go through (CUDA: cudaStream_t); null where there is none.
    virtual void* queue() { return nullptr; }
    // How often the host has waited for the device, in copies to and from it and in synchronize().
    virtual std::int64_t waits() const { return 0; }

    // Whether convolutions may round numbers to 10 bits after the point (TF32) where the device is faster at that.
    bool tf32() const { return tf32_; }
    void set_tf32(bool on) { tf32_ = on; }

    // Bytes of memory that the device has; 0: the host's.
    virtual std::size_t total_memory() const { return 0; }

    // Runs `work`, or does once more on the device what `recording` holds of it, which is empty the first time: for a stretch of
    // work that is the same every time (same tensors, same terms, nothing of the host's). A device that has no use for that, and
    // all others until set_repeating(true), run it.
    void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& work) {
        if (!repeating_ || planning_ || observer_) return work();
        do_repeat(recording, work);
    }
    void set_repeating(bool on) { repeating_ = on; }

    // As how many channels this device wants n features of a network stored, in this type; those beyond hold zeros.
    virtual std::int64_t channels(DType, std::int64_t features) const { return features; }

    // While planning, operations check their arguments and book their scratch memory, but touch no numbers.
    bool planning() const { return planning_; }
    void set_planning(bool on) { planning_ = on; }
    // While planning, notes in `log` how much work each operation is; null: does not.
    void set_work_log(WorkLog* log) { work_ = log; }
    // Has `observer` called with the name of every operation before it starts, unless planning; empty: has it not.
    using Observer = std::function<void(const char* operation)>;
    void set_observer(Observer observer) { observer_ = std::move(observer); }

    // ---- memory and vectors (any shape, all alike) -------------------------------------------------------------------
    // out = x; of the same kind, of either precision
    void copy(const Tensor& x, const Tensor& out);
    void fill_zero(const Tensor& out);
    // out = a x + b y
    void linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out);
    void add_acc(const Tensor& x, const Tensor& out);

    // ---- scalars that stay on the device: [N], one per sample, or [1] for the whole batch; f64, a parameter may be f32 ---
    // out = Re <x, y>, accumulated in double
    void dot(const Tensor& x, const Tensor& y, const Tensor& out);
    // out = y + factor (numerator / denominator) x. A null denominator is 1, a null y is 0, 0/0 counts as 0. out may be x or y.
    void add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x, const Tensor* y,
                      const Tensor& out);
    // The gradients of add_quotient by its scalars, from t = <gradient of out, x>: d_numerator += factor t / denominator,
    // d_denominator -= factor t numerator / denominator^2. Null gradients are left out.
    void add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& t,
                                  const Tensor* d_numerator, const Tensor* d_denominator);
    // x = 0 where x <= limit reference
    void drop_below(double limit, const Tensor& reference, const Tensor& x);

    // ---- coils, mask, Fourier ----------------------------------------------------------------------------------------
    // out_c = sum_e S_ce x_e
    void coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out);
    // out_e = sum_c conj(S_ce) y_c: the adjoint of coil_expand
    void coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out);
    // y_c *= mask, in place
    void mask_multiply(const Tensor& mask, const Tensor& y);
    // Orthonormal FFT in place, any sizes: F / sqrt(n), or fftshift F ifftshift / sqrt(n) when centred.
    void fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace);
    // The mask as sense_normal wants it: ifftshift(mask^2) / n, with n the elements of the transformed axes along which the mask
    // is not constant (docs/adr/002-normal-operator.md).
    void normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out);
    // out = alpha A^H A x + beta x + gamma b with A = mask F maps; one pass per coil, no shifts, and no transform along axes
    // where the mask is constant, since it would be undone at once. out is neither x nor b.
    void sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                      const Tensor& out, Arena& workspace);

    // ---- wavelets ------------------------------------------------------------------------------------------------------
    // Orthonormal transform (db4, periodic, as many levels as kernels/device/wavelet.hpp says) in place over the last `rank` (2
    // or 3) of the axes z, y, x of x [N, T, 1, Z, Y, X] or, with several images per pixel, [N, T, 1, Z, Y, X, E]; any sizes.
    // Forward: of the image rotated to begin at pixel `shift` (z, y, x) along the axes that are long enough for a level; inverse:
    // undoes it, for the same shift.
    void wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                 Arena& workspace);
    // x = max(1 - threshold / |x|, 0) x per complex element, in place
    void soft_threshold(double threshold, const Tensor& x);

    // ---- calibration: the eigenvector of the largest eigenvalue of a Hermitian positive semidefinite matrix at every point ----
    // By power iteration, each point by itself: from the matrix's column of the largest diagonal entry (the first of equal ones),
    // until the distance to the eigenvector, estimated from the last two steps, is small (still_moves() in
    // kernels/device/eigenvectors.hpp: 2e-5 in single, 1e-12 in double precision), at most `iterations` times.
    // matrices complex [pairs, points], the lower triangle: entry (c, d), d <= c, is pair c (c + 1) / 2 + d.
    // vectors complex [C, points], of unit norm and any phase, 0 where the matrix is. values real [points].
    void leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values);
    // matrices -= value v v^H, in place: the other eigenvectors are left.
    void deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices);

    // ---- convolution (cross-correlation, stride 1) ---------------------------------------------------------------------
    // x and y may be bf16, each by itself, where weights, bias and their gradients are f32: numbers are rounded when they are
    // stored and, on the way, before they are multiplied. An image may have channels(...) channels where the weights have fewer:
    // those beyond must be finite, do not count, and are written as zeros.
    // y = w * x (+ bias), reading `padding` zeros around x; D_y = D_x + 2 padding - kd + 1 and so on. bias: [K_out] or
    // null.
    void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                     Arena& workspace);
    // dx = gradient by x: the adjoint of convolution without bias. With `slope`, dx holds x on entry, as an activation left it,
    // and the gradient is times the slope where x is not positive: the adjoint of both, in place of x.
    void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                          const Tensor& dx, Arena& workspace);
    // dweights += gradient by the weights; dbias += sum of dy when given
    void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                 const Tensor* dbias, Arena& workspace);

    // ---- border and activation -----------------------------------------------------------------------------------------
    // out [N, D+2d, H+2h, W+2w, K] = x (after its activation if any) with its border
    void border(const Tensor& x, const Border& border, const Tensor& out);
    // sum = a + b and out = border(sum) in one pass; sum may be a or b
    void add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out);
    // dx = adjoint of border(): the border folded back, times the slope where `bordered` (the forward output; null without
    // activation) is not positive. With `accumulate`, dx += instead.
    void border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate, const Tensor& dx);
    // out = max(x, 0) + slope min(x, 0); `signs` (u32 [sign_words(elements)]; null: none) = which x are positive. out may be x.
    void activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs);
    // dx = dout, times the slope where, by the signs that activate() wrote, x was not positive. dx may be dout.
    void activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx);
    // Instance normalisation: out = (x - mean) / sqrt(variance + epsilon) over the pixels of each sample and channel;
    // inverse_deviation (f64 [N, K]) keeps 1 / sqrt(...) for the adjoint. out may be x.
    void normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation);
    // dx = inverse_deviation (dout - mean(dout) - out mean(dout out)), with the forward output `out`. dx may be dout.
    void normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation, const Tensor& dx);

    // ---- loss and optimiser ----------------------------------------------------------------------------------------------
    // value (f64 [1]) += weight L(x, target);  gradient += weight dL/dx when given. Images of any shape, except for ssim: images
    // as above, or [N, T, 1, Z, Y, X, E].
    void loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                  Arena& workspace);
    // norm (f64 [1]) = l2 norm of a flat gradient, which is then shortened to `limit` where it is longer.
    void clip(double limit, const Tensor& gradient, const Tensor& norm);
    // One update of a flat parameter buffer and its terms.moments() moments, which have its size and start at zero.
    void optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                        std::span<const Tensor> moments);

    // ---- random numbers ---------------------------------------------------------------------------------------------------
    // out = the first numbers of a stream, in order, as Philox::uniform(low, high) gives them: to the bit, rounded to the type of
    // out. Parts of complex numbers are numbers of their own. Number i depends on the stream and on i alone. At most 2^34
    // numbers.
    void random_uniform(const RandomStream& stream, double low, double high, const Tensor& out);
    // The same for mean + deviation Philox::normal(); to rounding.
    void random_normal(const RandomStream& stream, double mean, double deviation, const Tensor& out);

private:
    virtual void do_repeat(std::unique_ptr<Recording>&, const std::function<void()>& work) { work(); }
    virtual void do_copy(const Tensor& x, const Tensor& out) = 0;
    virtual void do_fill_zero(const Tensor& out) = 0;
    virtual void do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) = 0;
    virtual void do_dot(const Tensor& x, const Tensor& y, const Tensor& out) = 0;
    virtual void do_add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x,
                                 const Tensor* y, const Tensor& out) = 0;
    virtual void do_add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& t,
                                             const Tensor* d_numerator, const Tensor* d_denominator) = 0;
    virtual void do_drop_below(double limit, const Tensor& reference, const Tensor& x) = 0;
    virtual void do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) = 0;
    virtual void do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) = 0;
    virtual void do_mask_multiply(const Tensor& mask, const Tensor& y) = 0;
    virtual void do_normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) = 0;
    virtual void do_soft_threshold(double threshold, const Tensor& x) = 0;
    virtual void do_leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) = 0;
    virtual void do_deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) = 0;
    virtual void do_border(const Tensor& x, const Border& border, const Tensor& out) = 0;
    virtual void do_add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) = 0;
    virtual void do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                                   const Tensor& dx) = 0;
    virtual void do_activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) = 0;
    virtual void do_activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) = 0;
    virtual void do_clip(double limit, const Tensor& gradient, const Tensor& norm) = 0;
    virtual void do_normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) = 0;
    virtual void do_normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation,
                                      const Tensor& dx) = 0;
    virtual void do_optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                                   std::span<const Tensor> moments) = 0;
    virtual void do_random(const RandomStream& stream, const RandomTerms& terms, const Tensor& out) = 0;
    // These book scratch memory: they are called while planning too, and must return right after their acquire() then.
    virtual void do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient,
                             const Tensor& value, Arena& workspace) = 0;
    virtual void do_fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) = 0;
    virtual void do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                 const NormalTerms& terms, const Tensor& out, Arena& workspace) = 0;
    virtual void do_wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                            Arena& workspace) = 0;
    virtual void do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                const Tensor& y, Arena& workspace) = 0;
    virtual void do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                                     const Tensor& dx, Arena& workspace) = 0;
    virtual void do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                            const Tensor* dbias, Arena& workspace) = 0;

    void random(const char* operation, const RandomStream& stream, const RandomTerms& terms, const Tensor& out);

    // Tells the observer of an operation, and notes that it takes so many floating-point operations and moves the bytes of these
    // operands.
    void note(WorkKind kind, const char* operation, double flops, std::initializer_list<const Tensor*> operands);

    bool tf32_ = false, repeating_ = false;
    bool planning_ = false;
    WorkLog* work_ = nullptr;
    Observer observer_;
};

}  // namespace gleam::kernels
