#include "kernels/operations.hpp"

#include <string>

#include "core/error.hpp"

namespace gleam::kernels {
namespace {

void require(bool good, const char* operation, const std::string& what) {
    if (!good) throw ShapeError(operation, what);
}

// Same device and precision as `ref`; `complex` says which kind of number.
void require_kind(const char* operation, const char* name, const Tensor& t, bool complex, const Tensor& ref) {
    require(is_complex(t.dtype) == complex, operation, std::string(name) + (complex ? " must be complex" : " must be real"));
    require(real_of(t.dtype) == real_of(ref.dtype), operation, std::string(name) + " has another precision than the others");
    require(t.device == ref.device, operation, std::string(name) + " lives on another device");
}

void require_like(const char* operation, const char* name, const Tensor& t, const Tensor& ref) {
    require(t.dtype == ref.dtype && t.device == ref.device && t.shape == ref.shape, operation,
            std::string(name) + " is " + name_of(t.dtype) + t.shape.str() + ", expected " + name_of(ref.dtype) + ref.shape.str());
}

void require_scalars(const char* operation, const Tensor& t, const Tensor& x) {
    require(t.dtype == DType::f64 && (t.shape == Shape{x.shape[0]} || t.shape == Shape{1}) && t.device == x.device, operation,
            "scalars must be f64 [" + std::to_string(x.shape[0]) + "] or [1]");
}

// A scalar that may also be a parameter.
void require_numerator(const char* operation, const Tensor& t, const Tensor& x) {
    require(!is_complex(t.dtype) && (t.shape == Shape{x.shape[0]} || t.shape == Shape{1}) && t.device == x.device, operation,
            "the numerator must be real [" + std::to_string(x.shape[0]) + "] or [1]");
}

// image [N,T,1,Z,Y,X(,E)], coils [N,T,C,Z,Y,X], maps [N,T|1,C,Z,Y,X(,E)]
void require_coils(const char* operation, const Tensor& image, const Tensor& maps, const Tensor& coils) {
    require_kind(operation, "image", image, true, coils);
    require_kind(operation, "maps", maps, true, coils);
    const int axes = image.shape.rank();
    require((axes == 6 || axes == 7) && maps.shape.rank() == axes && coils.shape.rank() == 6, operation,
            "needs six axes, and a seventh of image and maps for several map sets");
    require(axes == 6 || image.shape[6] == maps.shape[6], operation, "image and maps differ in the number of map sets");
    for (int axis : {0, 3, 4, 5})
        require(image.shape[axis] == coils.shape[axis] && maps.shape[axis] == coils.shape[axis], operation,
                "image " + image.shape.str() + ", maps " + maps.shape.str() + " and coils " + coils.shape.str() + " do not fit");
    require(image.shape[2] == 1 && image.shape[1] == coils.shape[1], operation,
            "image must have one coil and the frames of the coils");
    require(maps.shape[2] == coils.shape[2], operation, "maps and coils differ in the number of coils");
    require(maps.shape[1] == coils.shape[1] || maps.shape[1] == 1, operation, "maps must have one frame or all of them");
}

// mask [N,T|1,1,Z|1,Y|1,X|1] for k-space of shape `y`
void require_mask(const char* operation, const Tensor& mask, const Shape& y) {
    bool fits = mask.shape.rank() == 6 && mask.shape[2] == 1 && mask.shape[0] == y[0];
    for (int axis : {1, 3, 4, 5}) fits = fits && (mask.shape[axis] == 1 || mask.shape[axis] == y[axis]);
    require(fits, operation, "mask " + mask.shape.str() + " does not fit k-space " + y.str());
}

void require_rank(const char* operation, int rank, const Tensor& x) {
    require((rank == 2 || rank == 3) && x.shape.rank() >= rank, operation, "transforms the last two or three axes");
}

// x [N,D,H,W,K] and its statistics [N,K]
void require_statistics(const char* operation, const Tensor& x, const Tensor& statistics) {
    require(!is_complex(x.dtype) && x.shape.rank() == 5, operation, "needs real numbers and five axes");
    require(statistics.dtype == DType::f64 && statistics.shape == Shape{x.shape[0], x.shape[4]}, operation,
            "statistics must be f64 [samples, channels]");
}

// x [N,D,H,W,I], weights [O,I,kd,kh,kw], y [N,D',H',W',O], with as many channels as `ops` wants or the weights have
void require_convolution(const Operations& ops, const char* operation, const Tensor& x, const Tensor& weights,
                         const Padding& padding, const Tensor& y) {
    for (const Tensor* t : {&x, &y})
        require(t->dtype == weights.dtype || (t->dtype == DType::bf16 && weights.dtype == DType::f32), operation,
                std::string("weights are ") + name_of(weights.dtype) + ", x or y " + name_of(t->dtype));
    require(!is_complex(weights.dtype) && weights.dtype != DType::bf16, operation, "weights must be f32 or f64");
    require(x.device == y.device && x.device == weights.device, operation, "tensors are on different devices");
    require(x.shape.rank() == 5 && weights.shape.rank() == 5 && y.shape.rank() == 5, operation, "needs five axes");
    const auto channels = [&](const Tensor& t, std::int64_t n) {
        return t.shape[4] == n || t.shape[4] == ops.channels(t.dtype, n);
    };
    bool fits = x.shape[0] == y.shape[0] && channels(x, weights.shape[1]) && channels(y, weights.shape[0]);
    for (int i = 0; i < 3; ++i) {
        const int pad = padding[static_cast<std::size_t>(i)];
        fits = fits && pad >= 0 && pad < weights.shape[2 + i] && y.shape[1 + i] > 0 &&
               y.shape[1 + i] == x.shape[1 + i] + 2 * pad - weights.shape[2 + i] + 1;
    }
    require(fits, operation,
            "x " + x.shape.str() + ", weights " + weights.shape.str() + " and y " + y.shape.str() + " do not fit");
}

// matrices [pairs, points], vectors [C, points], values [points]
void require_eigenvectors(const char* operation, const Tensor& matrices, const Tensor& vectors, const Tensor& values) {
    require_kind(operation, "values", values, false, values);
    require_kind(operation, "matrices", matrices, true, values);
    require_kind(operation, "vectors", vectors, true, values);
    require(matrices.shape.rank() == 2 && vectors.shape.rank() == 2 && values.shape.rank() == 1, operation,
            "needs matrices [pairs, points], vectors [coils, points] and values [points]");
    const std::int64_t coils = vectors.shape[0], points = values.shape[0];
    require(coils > 0 && matrices.shape == Shape{coils * (coils + 1) / 2, points} && vectors.shape[1] == points, operation,
            "matrices " + matrices.shape.str() + ", vectors " + vectors.shape.str() + " and values " + values.shape.str() +
                " do not fit");
}

void require_border(const char* operation, const Tensor& x, const Border& border, const Tensor& out) {
    require_kind(operation, "x", x, false, out);
    require(x.shape.rank() == 5 && out.shape.rank() == 5, operation, "needs five axes");
    bool fits = x.shape[0] == out.shape[0] && x.shape[4] == out.shape[4];
    for (int i = 0; i < 3; ++i) {
        const int width = border.width[static_cast<std::size_t>(i)];
        fits = fits && width >= 0 && out.shape[1 + i] == x.shape[1 + i] + 2 * width;
        require(border.mode[static_cast<std::size_t>(i)] != BorderMode::reflect || width < x.shape[1 + i], operation,
                "a reflected border of " + std::to_string(width) + " needs more than that many elements, got " + x.shape.str());
    }
    require(fits, operation, "x " + x.shape.str() + " with its border is not " + out.shape.str());
}

// The signs of x
void require_signs(const char* operation, const Tensor& x, const Tensor& signs) {
    require(!is_complex(x.dtype), operation, "needs real numbers");
    require_like(operation, "signs", signs, Tensor{nullptr, DType::u32, Shape{sign_words(x.elements())}, x.device});
}

double reals(const Tensor& t) { return static_cast<double>(t.elements()) * (is_complex(t.dtype) ? 2 : 1); }

constexpr WorkKind vectors = WorkKind::vectors, sense = WorkKind::sense, conv = WorkKind::convolution;

}  // namespace

void Operations::note(WorkKind kind, const char* operation, double flops, std::initializer_list<const Tensor*> operands) {
    if (!planning_ && observer_) observer_(operation);
    if (!planning_ || !work_) return;
    double bytes = 0;
    for (const Tensor* t : operands)
        if (t) bytes += static_cast<double>(t->bytes());
    work_->add(kind, operation, flops, bytes);
}

void Operations::copy(const Tensor& x, const Tensor& out) {
    require(
        is_complex(out.dtype) == is_complex(x.dtype) && out.shape == x.shape, "copy",
        std::string("output is ") + name_of(out.dtype) + out.shape.str() + ", cannot hold " + name_of(x.dtype) + x.shape.str());
    note(vectors, "copy", 0, {&x, &out});
    if (!planning_) do_copy(x, out);
}

void Operations::fill_zero(const Tensor& out) {
    note(vectors, "fill_zero", 0, {&out});
    if (!planning_) do_fill_zero(out);
}

void Operations::linear_combination(double a, const Tensor& x, double b, const Tensor& y, const Tensor& out) {
    require_like("linear_combination", "y", y, x);
    require_like("linear_combination", "output", out, x);
    note(vectors, "linear_combination", 3 * reals(x), {&x, b != 0 ? &y : nullptr, &out});
    if (!planning_) do_linear_combination(a, x, b, y, out);
}

void Operations::add_acc(const Tensor& x, const Tensor& out) { linear_combination(1, x, 1, out, out); }

void Operations::dot(const Tensor& x, const Tensor& y, const Tensor& out) {
    require_like("dot", "y", y, x);
    require_scalars("dot", out, x);
    note(vectors, "dot", 2 * reals(x), {&x, &y});
    if (!planning_) do_dot(x, y, out);
}

void Operations::add_quotient(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& x, const Tensor* y,
                              const Tensor& out) {
    if (y) require_like("add_quotient", "y", *y, x);
    require_like("add_quotient", "output", out, x);
    require_numerator("add_quotient", numerator, x);
    if (denominator) require_scalars("add_quotient", *denominator, x);
    note(vectors, "add_quotient", 2 * reals(x), {&x, y, &out});
    if (!planning_) do_add_quotient(factor, numerator, denominator, x, y, out);
}

void Operations::add_quotient_scalars_acc(double factor, const Tensor& numerator, const Tensor* denominator, const Tensor& t,
                                          const Tensor* d_numerator, const Tensor* d_denominator) {
    constexpr const char* name = "add_quotient_scalars_acc";
    require(t.dtype == DType::f64 && t.shape == numerator.shape, name,
            "the inner product must be f64, shaped like the numerator");
    if (denominator) require_like(name, "denominator", *denominator, t);
    if (d_numerator) require_like(name, "gradient of the numerator", *d_numerator, numerator);
    if (d_denominator) require_like(name, "gradient of the denominator", *d_denominator, t);
    require(denominator || !d_denominator, name, "gradient of an absent denominator");
    note(vectors, name, 4 * reals(t), {&numerator, denominator, &t, d_numerator, d_denominator});
    if (!planning_) do_add_quotient_scalars_acc(factor, numerator, denominator, t, d_numerator, d_denominator);
}

void Operations::drop_below(double limit, const Tensor& reference, const Tensor& x) {
    require_scalars("drop_below", x, x);
    require_like("drop_below", "reference", reference, x);
    note(vectors, "drop_below", 2 * reals(x), {&reference, &x, &x});
    if (!planning_) do_drop_below(limit, reference, x);
}

void Operations::coil_expand(const Tensor& x, const Tensor& maps, const Tensor& out) {
    require_coils("coil_expand", x, maps, out);
    note(sense, "coil_expand", 4 * reals(x) * static_cast<double>(maps.shape[2]), {&x, &maps, &out});
    if (!planning_) do_coil_expand(x, maps, out);
}

void Operations::coil_combine(const Tensor& y, const Tensor& maps, const Tensor& out) {
    require_coils("coil_combine", out, maps, y);
    note(sense, "coil_combine", 4 * reals(out) * static_cast<double>(maps.shape[2]), {&y, &maps, &out});
    if (!planning_) do_coil_combine(y, maps, out);
}

void Operations::mask_multiply(const Tensor& mask, const Tensor& y) {
    require_kind("mask_multiply", "mask", mask, false, y);
    require_mask("mask_multiply", mask, y.shape);
    note(sense, "mask_multiply", reals(y), {&mask, &y, &y});
    if (!planning_) do_mask_multiply(mask, y);
}

void Operations::fft(FftDirection direction, const Fourier& fourier, const Tensor& x, Arena& workspace) {
    require(is_complex(x.dtype), "fft", "needs complex numbers");
    require_rank("fft", fourier.rank, x);
    note(sense, "fft", fourier_flops(x.shape, fourier.rank, x.shape), {&x, &x});
    do_fft(direction, fourier, x, workspace);
}

void Operations::normal_mask(const Tensor& mask, const Fourier& fourier, const Tensor& out) {
    require(!is_complex(mask.dtype), "normal_mask", "mask must be real");
    require_like("normal_mask", "output", out, mask);
    require_rank("normal_mask", fourier.rank, mask);
    note(sense, "normal_mask", 2 * reals(mask), {&mask, &out});
    if (!planning_) do_normal_mask(mask, fourier, out);
}

void Operations::sense_normal(const Tensor& x, const Tensor& maps, const Tensor& normal_mask, int rank, const NormalTerms& terms,
                              const Tensor& out, Arena& workspace) {
    require_like("sense_normal", "output", out, x);
    Tensor coils = x;  // only its shape is used
    if (x.shape.rank() >= 6 && maps.shape.rank() >= 6)
        coils.shape = {x.shape[0], x.shape[1], maps.shape[2], x.shape[3], x.shape[4], x.shape[5]};
    require_coils("sense_normal", x, maps, coils);
    require_kind("sense_normal", "mask", normal_mask, false, x);
    require_mask("sense_normal", normal_mask, coils.shape);
    require_rank("sense_normal", rank, x);
    require(terms.b || terms.gamma == 0, "sense_normal", "gamma without b");
    if (terms.b) require_like("sense_normal", "b", *terms.b, x);
    if (terms.active) require_scalars("sense_normal", *terms.active, x);
    require(!terms.beta_factor || (terms.beta_factor->dtype == real_of(x.dtype) && terms.beta_factor->elements() == 1),
            "sense_normal", "the factor of beta must be one real number");
    require(planning_ || (x.data != out.data && !(terms.b && terms.b->data == out.data)), "sense_normal",
            "output must be neither x nor b");
    note(sense, "sense_normal", normal_flops(coils.shape, x.shape, rank, normal_mask.shape),
         {&x, &maps, &normal_mask, terms.b, &out});
    do_sense_normal(x, maps, normal_mask, rank, terms, out, workspace);
}

void Operations::wavelet(WaveletDirection direction, int rank, const std::array<std::int64_t, 3>& shift, const Tensor& x,
                         Arena& workspace) {
    require(is_complex(x.dtype), "wavelet", "needs complex numbers");
    require(x.shape.rank() == 6 || x.shape.rank() == 7, "wavelet", "needs six or seven axes, not " + x.shape.str());
    require_rank("wavelet", rank, x);
    for (std::int64_t s : shift) require(s >= 0, "wavelet", "a shift is negative");
    note(sense, "wavelet", wavelet_flops(x.shape, rank), {&x, &x});
    do_wavelet(direction, rank, shift, x, workspace);
}

void Operations::soft_threshold(double threshold, const Tensor& x) {
    require(is_complex(x.dtype), "soft_threshold", "needs complex numbers");
    require(threshold >= 0, "soft_threshold", "the threshold is negative");
    note(sense, "soft_threshold", 5 * reals(x), {&x, &x});
    if (!planning_) do_soft_threshold(threshold, x);
}

void Operations::leading_eigenvectors(int iterations, const Tensor& matrices, const Tensor& vectors, const Tensor& values) {
    require_eigenvectors("leading_eigenvectors", matrices, vectors, values);
    require(iterations > 0, "leading_eigenvectors", "needs at least one iteration");
    note(sense, "leading_eigenvectors", eigenvector_flops(vectors.shape, iterations), {&matrices, &vectors, &values});
    if (!planning_) do_leading_eigenvectors(iterations, matrices, vectors, values);
}

void Operations::deflate(const Tensor& vectors, const Tensor& values, const Tensor& matrices) {
    require_eigenvectors("deflate", matrices, vectors, values);
    note(sense, "deflate", 5 * reals(matrices), {&vectors, &values, &matrices, &matrices});
    if (!planning_) do_deflate(vectors, values, matrices);
}

void Operations::convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y,
                             Arena& workspace) {
    require_convolution(*this, "convolution", x, weights, padding, y);
    if (bias) require_like("convolution", "bias", *bias, Tensor{nullptr, weights.dtype, Shape{weights.shape[0]}, y.device});
    note(conv, "convolution", convolution_flops(weights.shape, y.shape), {&x, &weights, bias, &y});
    do_convolution(x, weights, bias, padding, y, workspace);
}

void Operations::convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                                  const Tensor& dx, Arena& workspace) {
    require_convolution(*this, "convolution_data", dx, weights, padding, dy);
    note(conv, "convolution_data", convolution_flops(weights.shape, dy.shape), {&dy, &weights, &dx});
    do_convolution_data(dy, weights, padding, slope, dx, workspace);
}

void Operations::convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                         const Tensor* dbias, Arena& workspace) {
    require_convolution(*this, "convolution_weights_acc", x, dweights, padding, dy);
    if (dbias)
        require_like("convolution_weights_acc", "dbias", *dbias,
                     Tensor{nullptr, dweights.dtype, Shape{dweights.shape[0]}, dy.device});
    note(conv, "convolution_weights_acc", convolution_flops(dweights.shape, dy.shape),
         {&x, &dy, &dweights, &dweights, dbias, dbias});
    do_convolution_weights_acc(x, dy, padding, dweights, dbias, workspace);
}

void Operations::border(const Tensor& x, const Border& border, const Tensor& out) {
    require_border("border", x, border, out);
    note(WorkKind::border, "border", border.activates() ? reals(out) : 0, {&x, &out});
    if (!planning_) do_border(x, border, out);
}

void Operations::add_border(const Tensor& a, const Tensor& b, const Border& border, const Tensor& sum, const Tensor& out) {
    require_like("add_border", "b", b, a);
    require_like("add_border", "sum", sum, a);
    require_border("add_border", sum, border, out);
    note(WorkKind::border, "add_border", reals(a) + (border.activates() ? reals(out) : 0), {&a, &b, &sum, &out});
    if (!planning_) do_add_border(a, b, border, sum, out);
}

void Operations::border_adjoint(const Tensor& dout, const Tensor* bordered, const Border& border, bool accumulate,
                                const Tensor& dx) {
    require_border("border_adjoint", dx, border, dout);
    require(!border.activates() || bordered, "border_adjoint", "the activation needs the forward output");
    if (bordered) require_like("border_adjoint", "bordered", *bordered, dout);
    note(WorkKind::border, "border_adjoint", reals(dout),
         {&dout, border.activates() ? bordered : nullptr, accumulate ? &dx : nullptr, &dx});
    if (!planning_) do_border_adjoint(dout, border.activates() ? bordered : nullptr, border, accumulate, dx);
}

void Operations::activate(const Tensor& x, double slope, const Tensor& out, const Tensor* signs) {
    require_like("activate", "output", out, x);
    if (signs) require_signs("activate", x, *signs);
    note(WorkKind::border, "activate", reals(x), {&x, &out, signs});
    if (!planning_) do_activate(x, slope, out, signs);
}

void Operations::activate_adjoint(const Tensor& dout, const Tensor& signs, double slope, const Tensor& dx) {
    require_like("activate_adjoint", "dx", dx, dout);
    require_signs("activate_adjoint", dout, signs);
    note(WorkKind::border, "activate_adjoint", reals(dout), {&dout, &signs, &dx});
    if (!planning_) do_activate_adjoint(dout, signs, slope, dx);
}

void Operations::normalize(const Tensor& x, double epsilon, const Tensor& out, const Tensor& inverse_deviation) {
    require_like("normalize", "output", out, x);
    require_statistics("normalize", x, inverse_deviation);
    note(WorkKind::border, "normalize", 5 * reals(x), {&x, &out, &inverse_deviation});
    if (!planning_) do_normalize(x, epsilon, out, inverse_deviation);
}

void Operations::normalize_adjoint(const Tensor& dout, const Tensor& out, const Tensor& inverse_deviation, const Tensor& dx) {
    require_like("normalize_adjoint", "forward output", out, dout);
    require_like("normalize_adjoint", "dx", dx, dout);
    require_statistics("normalize_adjoint", dout, inverse_deviation);
    note(WorkKind::border, "normalize_adjoint", 8 * reals(dout), {&dout, &out, &inverse_deviation, &dx});
    if (!planning_) do_normalize_adjoint(dout, out, inverse_deviation, dx);
}

void Operations::loss_acc(const LossTerm& term, const Tensor& x, const Tensor& target, const Tensor* gradient,
                          const Tensor& value, Arena& workspace) {
    require(is_complex(x.dtype), "loss_acc", "needs complex images");
    require_like("loss_acc", "target", target, x);
    if (gradient) require_like("loss_acc", "gradient", *gradient, x);
    require(value.dtype == DType::f64 && value.elements() == 1 && value.device == x.device, "loss_acc", "value must be f64 [1]");
    if (term.kind == LossKind::ssim)
        require((x.shape.rank() == 6 || x.shape.rank() == 7) && x.shape[2] == 1, "loss_acc",
                "ssim needs images [N, T, 1, Z, Y, X] or [N, T, 1, Z, Y, X, E], got " + x.shape.str());
    note(WorkKind::loss, "loss_acc", loss_flops(term.kind, static_cast<double>(x.elements()), gradient),
         {&x, &target, gradient, gradient});
    do_loss_acc(term, x, target, gradient, value, workspace);
}

void Operations::clip(double limit, const Tensor& gradient, const Tensor& norm) {
    require(!is_complex(gradient.dtype), "clip", "gradients must be real");
    require(norm.dtype == DType::f64 && norm.elements() == 1 && norm.device == gradient.device, "clip", "norm must be f64 [1]");
    note(WorkKind::optimizer, "clip", 3 * reals(gradient), {&gradient, &gradient});
    if (!planning_) do_clip(limit, gradient, norm);
}

void Operations::optimizer_step(const OptimizerTerms& terms, const Tensor& gradient, const Tensor& values,
                                std::span<const Tensor> moments) {
    require(!is_complex(values.dtype), "optimizer_step", "parameters must be real");
    require(static_cast<int>(moments.size()) == terms.moments(), "optimizer_step",
            "needs " + std::to_string(terms.moments()) + " moments, got " + std::to_string(moments.size()));
    require_like("optimizer_step", "gradient", gradient, values);
    for (const Tensor& m : moments) require_like("optimizer_step", "moment", m, values);
    const Tensor *m = moments.empty() ? nullptr : &moments[0], *v = moments.size() < 2 ? nullptr : &moments[1];
    note(WorkKind::optimizer, "optimizer_step", optimizer_flops(terms, reals(values)), {&gradient, &values, &values, m, m, v, v});
    if (!planning_) do_optimizer_step(terms, gradient, values, moments);
}

void Operations::random(const char* operation, const RandomStream& stream, const RandomTerms& terms, const Tensor& out) {
    require(out.dtype != DType::bf16, operation, "needs numbers in single or double precision");
    require(reals(out) <= 17179869184.0, operation, "a stream has 2^34 numbers");
    note(vectors, operation, random_flops(terms.distribution, reals(out)), {&out});
    if (!planning_) do_random(stream, terms, out);
}

void Operations::random_uniform(const RandomStream& stream, double low, double high, const Tensor& out) {
    require(low <= high, "random_uniform", "the upper end lies below the lower one");
    random("random_uniform", stream, {Distribution::uniform, low, high - low}, out);
}

void Operations::random_normal(const RandomStream& stream, double mean, double deviation, const Tensor& out) {
    require(deviation >= 0, "random_normal", "the deviation is negative");
    random("random_normal", stream, {Distribution::normal, mean, deviation}, out);
}

}  // namespace gleam::kernels
