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

}  // namespace

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

TEST_CASE("Structural similarity refuses what has no planes") {
    CHECK_THROWS_AS(loss_of<double>({{LossKind::ssim, 1}}, Image(Shape{4, 4}), Image(Shape{4, 4})), ShapeError);
}
