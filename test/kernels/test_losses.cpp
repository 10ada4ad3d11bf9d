#include <limits>

#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

using Complex = std::complex<double>;
using Image = Array<Complex>;

constexpr LossKind all_losses[] = {LossKind::l1, LossKind::l2, LossKind::magnitude_l1, LossKind::ssim, LossKind::perpendicular};

// Weighted sum of losses, and its gradient when asked for.
template <class T>
double loss_of(const std::vector<LossTerm>& terms, const Array<std::complex<T>>& x, const Array<std::complex<T>>& t,
               Array<std::complex<T>>* gradient = nullptr) {
    Bench b;
    Array<double> value(Shape{1});
    if (gradient) *gradient = Array<std::complex<T>>(x.shape);
    for (const LossTerm& term : terms) {
        const Tensor g = gradient ? gradient->view() : Tensor{};
        b.ops->loss_acc(term, x.view(), t.view(), gradient ? &g : nullptr, value.view(), b.workspace);
    }
    return value[0];
}

// The loss of a single pixel.
double loss_at(LossKind kind, Complex x, Complex t) {
    Image a(Shape{1, 1, 1, 1, 1, 1}), b(a.shape);
    a[0] = x, b[0] = t;
    return loss_of<double>({{kind, 1}}, a, b);
}

// |numeric - analytic| / |analytic| of the derivative along a random direction, by four-point differences.
double gradient_error(const std::vector<LossTerm>& terms, Image x, const Image& t) {
    Image gradient(x.shape);
    loss_of(terms, x, t, &gradient);
    const auto direction = random_array<Complex>(x.shape, 9);
    const double h = 1e-5;
    const auto at = [&](double distance) {
        Image moved = x;
        for (std::int64_t i = 0; i < x.elements(); ++i) moved[i] += distance * direction[i];
        return loss_of(terms, moved, t);
    };
    const double numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    const double analytic = inner(direction, gradient).real();
    return std::abs(numeric - analytic) / std::abs(analytic);
}

}  // namespace

TEST_CASE("Every loss, and a mix of them, has the gradient of its finite differences") {
    // Also planes with an inner axis, several frames and slices, and sides below the window of structural similarity.
    for (const Shape& shape : {Shape{1, 1, 1, 1, 14, 17}, Shape{2, 1, 1, 1, 12, 5}, Shape{1, 2, 1, 2, 3, 13},
                               Shape{2, 1, 1, 2, 11, 12, 3}, Shape{1, 1, 1, 1, 1, 2}}) {
        const auto x = random_array<Complex>(shape, 1), t = random_array<Complex>(shape, 2);
        INFO(shape.str());
        for (const LossKind kind : all_losses) {
            INFO(static_cast<int>(kind));
            CHECK(gradient_error({{kind, 0.7}}, x, t) < 1e-6);
        }
        CHECK(gradient_error({{LossKind::l1, 0.5}, {LossKind::ssim, 2}, {LossKind::perpendicular, 0.1}}, x, t) < 1e-6);
    }
}

TEST_CASE("The gradient of a loss by each part of each pixel is that of finite differences") {
    const auto x = random_array<Complex>(Shape{1, 1, 1, 1, 4, 13}, 3), t = random_array<Complex>(x.shape, 4);
    const double h = 1e-6;
    for (const LossKind kind : all_losses) {
        Image gradient(x.shape);
        loss_of<double>({{kind, 1}}, x, t, &gradient);
        for (std::int64_t i = 0; i < x.elements(); i += 5)
            for (const Complex direction : {Complex(1, 0), Complex(0, 1)}) {
                Image up = x, down = x;
                up[i] += h * direction, down[i] -= h * direction;
                const double numeric = (loss_of<double>({{kind, 1}}, up, t) - loss_of<double>({{kind, 1}}, down, t)) / (2 * h);
                CHECK((std::conj(direction) * gradient[i]).real() == Approx(numeric).epsilon(1e-5).margin(1e-8));
            }
    }
}

TEST_CASE("Losses of single pixels have the values of their definitions") {
    const Complex x(3, 4), t(0, 2);
    CHECK(loss_at(LossKind::l1, x, t) == Approx(std::sqrt(13.0)));
    CHECK(loss_at(LossKind::l2, x, t) == Approx(13));
    CHECK(loss_at(LossKind::magnitude_l1, x, t) == Approx(3));
    // |3 * 2 - 4 * 0| / 5 = 1.2; the phases differ by less than a right angle
    CHECK(loss_at(LossKind::perpendicular, x, t) == Approx(1.2 + 3));
    CHECK(loss_at(LossKind::perpendicular, x, -t) == Approx(2 * 2 - 1.2 + 3));
    CHECK(loss_at(LossKind::perpendicular, Complex(1, 0), Complex(0, 1)) == Approx(1));   // a right angle
    CHECK(loss_at(LossKind::perpendicular, Complex(-1, 0), Complex(1, 0)) == Approx(2));  // opposed
    // One pixel has no variance: only the luminance is left.
    const double c1 = 0.02 * 0.02;
    CHECK(loss_at(LossKind::ssim, x, t) == Approx(1 - (2 * 5 * 2 + c1) / (25 + 4 + c1)));
    for (const LossKind kind : all_losses) CHECK(loss_at(kind, x, x) == Approx(0).margin(1e-15));
}

TEST_CASE("The perpendicular loss has no jump where the phases differ by a right angle") {
    for (const double magnitude : {0.3, 1.0, 5.0}) {
        const Complex t(0.6, 0.8), across = magnitude * Complex(-0.8, 0.6);
        const double before = loss_at(LossKind::perpendicular, across * std::polar(1.0, -1e-7), t);
        CHECK(loss_at(LossKind::perpendicular, across * std::polar(1.0, 1e-7), t) == Approx(before).epsilon(1e-6));
    }
}

TEST_CASE("Losses add their value and gradient, times a weight, to what is there") {
    Bench b;
    const auto x = random_array<Complex>(Shape{2, 1, 1, 1, 12, 11}, 1), t = random_array<Complex>(x.shape, 2);
    for (const LossKind kind : all_losses) {
        Image once(x.shape), twice(x.shape);
        const double value = loss_of<double>({{kind, 1}}, x, t, &once);
        CHECK(loss_of<double>({{kind, 0.5}, {kind, 1.5}}, x, t, &twice) == Approx(2 * value));
        for (auto& g : once.values) g *= 2;
        CHECK(relative_error(twice, once) < 1e-14);
    }
}

TEST_CASE("Single precision agrees with double for every loss") {
    const auto x = random_array<std::complex<float>>(Shape{2, 1, 1, 1, 16, 20}, 1),
               t = random_array<std::complex<float>>(x.shape, 2);
    Image x64(x.shape), t64(x.shape);
    std::copy(x.values.begin(), x.values.end(), x64.values.begin());
    std::copy(t.values.begin(), t.values.end(), t64.values.begin());
    for (const LossKind kind : all_losses) {
        Array<std::complex<float>> gradient(x.shape);
        Image gradient64(x.shape), widened(x.shape);
        const double value = loss_of<float>({{kind, 1}}, x, t, &gradient);
        CHECK(value == Approx(loss_of<double>({{kind, 1}}, x64, t64, &gradient64)).epsilon(1e-5));
        std::copy(gradient.values.begin(), gradient.values.end(), widened.values.begin());
        CHECK(relative_error(widened, gradient64) < 1e-5);
    }
}

TEST_CASE("Zero pixels, equal pixels and an empty target give finite losses and gradients") {
    auto x = random_array<Complex>(Shape{1, 1, 1, 1, 12, 12}, 1), t = random_array<Complex>(x.shape, 2);
    x[4] = t[4], x[7] = 0, t[9] = 0, x[11] = t[11] = 0;
    const Image zero(x.shape);
    for (const LossKind kind : all_losses)
        for (const auto& [image, target] : {std::pair{x, t}, {zero, t}, {x, zero}, {zero, zero}}) {
            Image gradient(x.shape);
            CHECK(std::isfinite(loss_of<double>({{kind, 1}}, image, target, &gradient)));
            CHECK(std::isfinite(norm(gradient)));
        }
    Image gradient(x.shape);
    loss_of<double>({{LossKind::l1, 1}}, x, t, &gradient);
    CHECK(gradient[4] == Complex(0));
    CHECK(loss_of<double>({{LossKind::ssim, 1}}, zero, zero) == 0);
    CHECK(loss_of<double>({{LossKind::ssim, 1}}, x, zero) == 1);
}

TEST_CASE("A pixel that is not a number makes every loss not a number") {
    auto x = random_array<Complex>(Shape{1, 1, 1, 1, 12, 12}, 1), t = random_array<Complex>(x.shape, 2);
    x[30] = std::numeric_limits<double>::quiet_NaN();
    for (const LossKind kind : all_losses) CHECK(std::isnan(loss_of<double>({{kind, 1}}, x, t)));
    CHECK(std::isnan(loss_of<double>({{LossKind::ssim, 1}}, x, Image(x.shape))));
}

TEST_CASE("Structural similarity takes the peak of each sample, and planes of an inner axis apart") {
    auto x = random_array<Complex>(Shape{2, 1, 1, 1, 13, 12}, 1), t = random_array<Complex>(x.shape, 2);
    for (std::int64_t i = 0; i < t.elements() / 2; ++i) x[i] *= 100.0, t[i] *= 100.0;
    const std::int64_t pixels = 13 * 12;
    const auto part = [&](const Image& all, std::int64_t n) {
        Image one(Shape{1, 1, 1, 1, 13, 12});
        std::copy_n(all.data() + n * pixels, pixels, one.data());
        return one;
    };
    const std::vector<LossTerm> ssim{{LossKind::ssim, 1}};
    const double mean = (loss_of(ssim, part(x, 0), part(t, 0)) + loss_of(ssim, part(x, 1), part(t, 1))) / 2;
    CHECK(loss_of(ssim, x, t) == Approx(mean).epsilon(1e-12));
    // The same two planes, of one peak, as frames and interleaved.
    Image frames(Shape{1, 2, 1, 1, 13, 12}), frames_t = frames, inner(Shape{1, 1, 1, 1, 13, 12, 2}), inner_t = inner;
    for (std::int64_t n = 0; n < 2; ++n)
        for (std::int64_t i = 0; i < pixels; ++i) {
            inner[2 * i + n] = frames[n * pixels + i] = x[n * pixels + i];
            inner_t[2 * i + n] = frames_t[n * pixels + i] = t[n * pixels + i];
        }
    Image gradient, inner_gradient;
    CHECK(loss_of(ssim, frames, frames_t, &gradient) == Approx(loss_of(ssim, inner, inner_t, &inner_gradient)).epsilon(1e-13));
    for (std::int64_t i = 0; i < pixels; ++i) CHECK(inner_gradient[2 * i + 1] == gradient[pixels + i]);
    CHECK_THROWS_AS(loss_of(ssim, Image(Shape{4, 4}), Image(Shape{4, 4})), ShapeError);
}

TEST_CASE("Losses and their gradients have the same bits for every number of threads") {
    const auto x = random_array<Complex>(Shape{1, 1, 1, 1, 150, 170}, 1), t = random_array<Complex>(x.shape, 2);
    for (const LossKind kind : all_losses) {
        Image reference, again;
        const double value = loss_of<double>({{kind, 1}}, x, t, &reference);
        for (int threads : {1, 2, 3}) {
            set_thread_count(threads);
            CHECK(loss_of<double>({{kind, 1}}, x, t, &again) == value);
            CHECK(again.values == reference.values);
        }
        set_thread_count(0);
    }
}
