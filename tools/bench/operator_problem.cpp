#include "tools/bench/operator_problem.hpp"

#include <cmath>
#include <numbers>

#include "core/philox.hpp"

namespace gleam::bench {
namespace {

using C = std::complex<float>;
using Complex = std::complex<double>;

constexpr modules::ConjugateGradientOptions solver{10, 0.05};

double transform_flop(const OperatorSize& s, double points) {
    return 5 * static_cast<double>(s.pixels() * s.transforms()) * std::log2(points);
}

double norm(const ComplexArray& a) {
    double sum = 0;
    for (const C& v : a.values) sum += std::norm(Complex(v));
    return std::sqrt(sum);
}

double difference(const ComplexArray& a, const ComplexArray& b) {
    double sum = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += std::norm(Complex(a[i]) - Complex(b[i]));
    return std::sqrt(sum);
}

Complex inner(const ComplexArray& a, const ComplexArray& b) {
    Complex sum = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) sum += std::conj(Complex(a[i])) * Complex(b[i]);
    return sum;
}

// exp(-2 pi i (k - n/2)(r - n/2) / n) for all r: one row of the centred transform of length n.
std::vector<Complex> centred_row(std::int64_t k, std::int64_t n) {
    std::vector<Complex> row;
    for (std::int64_t r = 0; r < n; ++r)
        row.push_back(
            std::polar(1.0, -2 * std::numbers::pi * static_cast<double>((k - n / 2) * (r - n / 2) % n) / static_cast<double>(n)));
    return row;
}

// (F S x)(t, c, kz, ky, kx)
Complex transformed(const OperatorProblem& p, const std::array<std::int64_t, 5>& at) {
    const OperatorSize& s = p.size;
    const auto ez = centred_row(at[2], s.depth), ey = centred_row(at[3], s.height), ex = centred_row(at[4], s.width);
    const C *image = p.image.data() + at[0] * s.pixels(), *map = p.maps.data() + at[1] * s.pixels();
    Complex sum = 0;
    for (std::int64_t z = 0; z < s.depth; ++z)
        for (std::int64_t y = 0; y < s.height; ++y) {
            Complex row = 0;
            for (std::int64_t x = 0; x < s.width; ++x, ++image, ++map)
                row += ex[static_cast<std::size_t>(x)] * Complex(*image) * Complex(*map);
            sum += ez[static_cast<std::size_t>(z)] * ey[static_cast<std::size_t>(y)] * row;
        }
    return sum / std::sqrt(static_cast<double>(s.pixels()));
}

}  // namespace

OperatorProblem::OperatorProblem(const OperatorSize& s, bool of_lines, kernels::Operations& ops)
    : size(s),
      lines(of_lines),
      maps(Shape{1, 1, s.coils, s.depth, s.height, s.width}),
      image(Shape{1, s.frames, 1, s.depth, s.height, s.width}),
      out(image.shape),
      kspace(Shape{1, s.frames, s.coils, s.depth, s.height, s.width}),
      mask(Shape{1, s.frames, 1, s.depth, of_lines ? 1 : s.height, s.width}),
      folded(mask.shape) {
    Philox random(1, Purpose::test);
    for (ComplexArray* a : {&maps, &image})
        for (C& v : a->values) v = C(static_cast<float>(random.normal()), static_cast<float>(random.normal()));
    for (std::int64_t i = 0; i < s.pixels(); ++i) {
        float sum = 0;
        for (std::int64_t c = 0; c < s.coils; ++c) sum += std::norm(maps[c * s.pixels() + i]);
        for (std::int64_t c = 0; c < s.coils; ++c) maps[c * s.pixels() + i] /= std::sqrt(sum);
    }
    for (float& m : mask.values) m = random.uniform() < 0.25 ? 1.0F : 0.0F;
    ops.normal_mask(mask.view(), s.rank(), folded.view());
}

void OperatorProblem::forward(kernels::Operations& ops, Arena& workspace) const {
    modules::sense_forward(ops, image.view(), maps.view(), mask.view(), size.rank(), kspace.view(), workspace);
}

void OperatorProblem::adjoint(kernels::Operations& ops, Arena& workspace) const {
    modules::sense_adjoint(ops, kspace.view(), maps.view(), mask.view(), size.rank(), out.view(), workspace);
}

void OperatorProblem::normal(kernels::Operations& ops, Arena& workspace) const {
    sense().normal(ops, image.view(), {}, out.view(), workspace);
}

void OperatorProblem::solve(kernels::Operations& ops, Arena& workspace) const {
    modules::cg_sense(ops, sense(), image.view(), solver, out.view(), workspace);
}

Work OperatorProblem::forward_work() const {
    const std::size_t bytes = maps.view().bytes() + image.view().bytes() + mask.view().bytes() + kspace.view().bytes();
    return {transform_flop(size, static_cast<double>(size.pixels())) + 8 * static_cast<double>(kspace.elements()),
            static_cast<double>(bytes)};
}

Work OperatorProblem::normal_work() const {
    const std::size_t bytes = maps.view().bytes() + 2 * image.view().bytes() + folded.view().bytes();
    const std::int64_t transformed_points = lines ? size.pixels() / size.height : size.pixels();
    return {2 * transform_flop(size, static_cast<double>(transformed_points)) + 16 * static_cast<double>(kspace.elements()),
            static_cast<double>(bytes)};
}

double OperatorProblem::forward_error(kernels::Operations& ops, Arena& workspace) const {
    forward(ops, workspace);
    const double typical = norm(image) / std::sqrt(static_cast<double>(kspace.elements()));
    Philox random(2, Purpose::test);
    double worst = 0;
    for (int i = 0; i < 8; ++i) {
        const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random.uniform() * static_cast<double>(n)); };
        const std::array<std::int64_t, 5> at{below(size.frames), below(size.coils), below(size.depth), below(size.height),
                                             below(size.width)};
        const std::int64_t in_mask = ((at[0] * size.depth + at[2]) * mask.shape[4] + (lines ? 0 : at[3])) * size.width + at[4];
        const std::int64_t in_kspace =
            (((at[0] * size.coils + at[1]) * size.depth + at[2]) * size.height + at[3]) * size.width + at[4];
        const Complex expected = static_cast<double>(mask[in_mask]) * transformed(*this, at);
        worst = std::max(worst, std::abs(Complex(kspace[in_kspace]) - expected) / typical);
    }
    return worst;
}

double OperatorProblem::adjoint_error(kernels::Operations& ops, Arena& workspace) const {
    forward(ops, workspace);
    ComplexArray of_image = kspace, random_kspace = kspace;
    Philox random(3, Purpose::test);
    for (C& v : random_kspace.values) v = C(static_cast<float>(random.normal()), static_cast<float>(random.normal()));
    std::copy(random_kspace.values.begin(), random_kspace.values.end(), const_cast<C*>(kspace.data()));
    adjoint(ops, workspace);
    const Complex there = inner(of_image, random_kspace), back = inner(image, out);
    return std::abs(there - back) / (norm(of_image) * norm(random_kspace));
}

double OperatorProblem::normal_error(kernels::Operations& ops, Arena& workspace) const {
    forward(ops, workspace);
    adjoint(ops, workspace);
    const ComplexArray expected = out;
    normal(ops, workspace);
    return difference(out, expected) / norm(expected);
}

double OperatorProblem::residual(kernels::Operations& ops, Arena& workspace) const {
    solve(ops, workspace);
    const ComplexArray solution = out;
    ComplexArray product(image.shape);
    const kernels::NormalTerms terms{1, solver.lambda, 0, nullptr, nullptr, nullptr};
    sense().normal(ops, solution.view(), terms, product.view(), workspace);
    return difference(product, image) / norm(image);
}

BareTransforms::BareTransforms(const OperatorSize& size) : size_(size) {
    const auto values = static_cast<std::size_t>(size.pixels() * size.transforms());
    data_ = fftwf_alloc_complex(values);
    const int n[] = {static_cast<int>(size.depth), static_cast<int>(size.height), static_cast<int>(size.width)};
    const int* axes = n + 3 - size.rank();
    forward_ = fftwf_plan_dft(size.rank(), axes, data_, data_, FFTW_FORWARD, FFTW_MEASURE);
    inverse_ = fftwf_plan_dft(size.rank(), axes, data_, data_, FFTW_BACKWARD, FFTW_MEASURE);
    for (std::size_t i = 0; i < values; ++i) data_[i][0] = data_[i][1] = 0;
}

BareTransforms::~BareTransforms() {
    fftwf_destroy_plan(forward_);
    fftwf_destroy_plan(inverse_);
    fftwf_free(data_);
}

void BareTransforms::run() {
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < size_.transforms(); ++i) {
        fftwf_complex* one = data_ + i * size_.pixels();
        fftwf_execute_dft(forward_, one, one);
        fftwf_execute_dft(inverse_, one, one);
    }
}

Work BareTransforms::work() const { return {2 * transform_flop(size_, static_cast<double>(size_.pixels())), 0}; }

}  // namespace gleam::bench
