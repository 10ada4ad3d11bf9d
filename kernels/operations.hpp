// Every operation that touches numbers, once. A backend derives from Operations and implements the do_... half; the public half
// checks shapes, types and devices, then calls it, so that a wrong call is the same clear ShapeError on every device.
// A new operation is one entry here, and the compiler finds each backend that lacks it.
//
// Shapes (docs/concepts.md):   N batch, T time, C coil, Z Y X space, K channel
//   image  complex [N, T, 1, Z, Y, X]        k-space, coil images  complex [N, T, C, Z, Y, X]
//   maps   complex [N, T or 1, C, Z, Y, X]   mask                  real    [N, T or 1, 1, Z, Y, X]
//   network tensors                          real [N, D, H, W, K]  (channels-last)
//   convolution weights                      real [K_out, K_in, kd, kh, kw]
// Real and complex types of one call agree in precision. Outputs come last, except the arena that lends scratch memory.
// An operation that adds to its output ends in _acc. All reductions run in an order that does not depend on the thread count.
#pragma once

#include <span>

#include "core/arena.hpp"
#include "core/tensor.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels {

class Operations {
public:
    virtual ~Operations() = default;

    virtual Device device() const = 0;
    virtual Allocator& allocator() = 0;

    // While planning, operations check their arguments and book their scratch memory, but touch no numbers.
    bool planning() const { return planning_; }
    void set_planning(bool on) { planning_ = on; }

    // ---- memory and vectors (any shape, all alike) -------------------------------------------------------------------
    void copy(const Tensor& x, const Tensor& out);
    void fill_zero(const Tensor& out);
    // out = a x + b y
    void linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out);
    void add_acc(const Tensor& x, const Tensor& out);
    // out[n] = Re <x_n, y_n>, accumulated in double; out is f64 [N]
    void dot(const Tensor& x, const Tensor& y, const Tensor& out);

    // ---- conjugate gradient: per-sample scalars stay on the device (f64 [N]); 0/0 counts as 0 -------------------------
    // alpha = rho / pq;  x += alpha p;  r -= alpha q
    void cg_advance_acc(const Tensor& rho, const Tensor& pq, const Tensor& p, const Tensor& q, const Tensor& x, const Tensor& r);
    // p = r + (rho_new / rho) p
    void cg_direction(const Tensor& rho_new, const Tensor& rho, const Tensor& r, const Tensor& p);

    // ---- coils, mask, Fourier ----------------------------------------------------------------------------------------
    // out_c = S_c x
    void coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out);
    // out = sum_c conj(S_c) y_c: the adjoint of coil_expand
    void coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out);
    // y_c *= mask, in place
    void mask_multiply(const Tensor& mask, const Tensor& y);
    // Centred orthonormal FFT in place over the last `rank` axes (2 or 3), any sizes: fftshift F ifftshift / sqrt(n).
    void fft(FftDirection direction, int rank, const Tensor& x, Arena& workspace);
    // The mask as sense_normal wants it: ifftshift(mask^2) / n over the last `rank` axes (docs/adr/002-normal-operator.md).
    void normal_mask(const Tensor& mask, int rank, const Tensor& out);
    // out = alpha A^H A x + beta x + gamma b with A = mask F maps; one pass per coil, no shifts. out may be b but not x.
    void sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                      const Tensor& out, Arena& workspace);

    // ---- convolution (cross-correlation, stride 1) ---------------------------------------------------------------------
    // y = w * x (+ bias), reading `padding` zeros around x; D_y = D_x + 2 padding - kd + 1 and so on. bias: [K_out] or null.
    void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                     Arena& workspace);
    // dx = gradient by x: the adjoint of convolution without bias
    void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, const Tensor& dx, Arena& workspace);
    // dweights += gradient by the weights; dbias += sum of dy when given
    void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                 const Tensor* dbias, Arena& workspace);

    // ---- border and activation -----------------------------------------------------------------------------------------
    // out [N, D+2d, H+2h, W+2w, K] = x (after ReLU if asked) with its border
    void border(const Tensor& x, const Border& border, const Tensor& out);
    // dx = adjoint of border(): the border folded back, masked where `bordered` (the forward output; null without ReLU) is not
    // positive. With `accumulate`, dx += instead.
    void border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate, const Tensor& dx);

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

private:
    virtual void do_copy(const Tensor& x, const Tensor& out) = 0;
    virtual void do_fill_zero(const Tensor& out) = 0;
    virtual void do_linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) = 0;
    virtual void do_dot(const Tensor& x, const Tensor& y, const Tensor& out) = 0;
    virtual void do_cg_advance_acc(const Tensor& rho, const Tensor& pq, const Tensor& p, const Tensor& q, const Tensor& x,
                                   const Tensor& r) = 0;
    virtual void do_cg_direction(const Tensor& rho_new, const Tensor& rho, const Tensor& r, const Tensor& p) = 0;
    virtual void do_coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) = 0;
    virtual void do_coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) = 0;
    virtual void do_mask_multiply(const Tensor& mask, const Tensor& y) = 0;
    virtual void do_normal_mask(const Tensor& mask, int rank, const Tensor& out) = 0;
    virtual void do_border(const Tensor& x, const Border& border, const Tensor& out) = 0;
    virtual void do_border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                                   const Tensor& dx) = 0;
    virtual void do_clip(double limit, const Tensor& gradient, const Tensor& norm) = 0;
    virtual void do_optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                                   std::span<const Tensor> moments) = 0;
    // These book scratch memory: they are called while planning too, and must return right after their acquire() then.
    virtual void do_loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient,
                             const Tensor& value, Arena& workspace) = 0;
    virtual void do_fft(FftDirection direction, int rank, const Tensor& x, Arena& workspace) = 0;
    virtual void do_sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank,
                                 const NormalTerms& terms, const Tensor& out, Arena& workspace) = 0;
    virtual void do_convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding,
                                const Tensor& y, Arena& workspace) = 0;
    virtual void do_convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, const Tensor& dx,
                                     Arena& workspace) = 0;
    virtual void do_convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                            const Tensor* dbias, Arena& workspace) = 0;

    bool planning_ = false;
};

}  // namespace gleam::kernels
