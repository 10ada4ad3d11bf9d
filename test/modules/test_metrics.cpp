#include <cmath>
#include <limits>
#include <string>

#include "modules/metrics.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::modules;

namespace {

struct Pair {
    ComplexArray image, target;
};

ComplexArray zeros(std::int64_t height, std::int64_t width) { return ComplexArray(Shape{height, width}); }

// The images of metrics_golden.py: the same formula, rounded to float at the same place.
Pair example(std::int64_t height, std::int64_t width, const std::string& kind) {
    using Complex = std::complex<double>;
    std::vector<Complex> target, image;
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const double bar = (x / 5 + y / 7) % 2 == 0 ? 1.0 : 0.25;
            target.emplace_back(bar * (0.6 + 0.01 * static_cast<double>(x)), (0.3 - 0.02 * static_cast<double>(y)) * bar);
        }
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const double noise = static_cast<double>((x * 7919 + y * 104729 + x * y * 31) % 1009) / 1009.0 - 0.5;
            const double other = static_cast<double>((x * 6007 + y * 15485 + x * y * 17) % 997) / 997.0 - 0.5;
            auto at = [&](std::int64_t column) { return target[static_cast<std::size_t>(y * width + (column + width) % width)]; };
            if (kind == "noise") image.push_back(at(x) + Complex(0.2 * noise, 0.2 * other));
            if (kind == "phase") image.push_back(at(x) * Complex(0.8, 0.6));
            if (kind == "blur") image.push_back(0.5 * at(x) + 0.25 * at(x - 1) + 0.25 * at(x + 1));
            if (kind == "unrelated") image.push_back(Complex(3 * noise, 3 * other));
        }
    Pair pair{zeros(height, width), zeros(height, width)};
    for (std::int64_t i = 0; i < height * width; ++i) {
        pair.image[i] = std::complex<float>(image[static_cast<std::size_t>(i)]);
        pair.target[i] = std::complex<float>(target[static_cast<std::size_t>(i)]);
    }
    return pair;
}

struct Golden {
    std::int64_t height, width;
    std::string kind;
    Scores expected;
};

}  // namespace

TEST_CASE("The loss by structural similarity is 1 - the score, at every size") {
    test::Bench b;
    for (const auto& [height, width, kind] :
         {std::tuple{24, 31, "noise"}, {33, 64, "blur"}, {11, 11, "unrelated"}, {9, 26, "noise"}, {3, 4, "blur"}}) {
        const Pair pair = example(height, width, kind);
        Array<double> loss(Shape{1});
        const Shape shape{1, 1, 1, 1, height, width};
        b.ops->loss_acc({kernels::LossKind::ssim, 1}, pair.image.view(shape), pair.target.view(shape), nullptr, loss.view(),
                        b.workspace);
        CHECK(loss[0] == Approx(1 - score(pair.image, pair.target).ssim).epsilon(1e-12));
    }
}

TEST_CASE("Scores agree with scikit-image to ten digits") {
    const std::vector<Golden> cases{
        // Printed by metrics_golden.py (scikit-image's structural_similarity).
        {24, 31, "noise", {21.1980153727, 0.971081831471, 0.147189101018, 24.078316454, 0.105647834285}},
        {40, 17, "phase", {8.56891140511, 1, 0.632455529426, 0, 0}},
        {33, 64, "blur", {21.1429094614, 0.927449705052, 0.160406726522, 21.1528720699, 0.160222847456}},
        {20, 20, "unrelated", {-4.65423052866, 0.0833939003455, 2.66580405191, -0.916457795485, 1.73356283217}},
        {11, 11, "noise", {18.5375621756, 0.948506269935, 0.179657148475, 20.8626525416, 0.1374643187}},
        // Smaller than the window: the mirroring rule, by SciPy's gaussian_filter.
        {9, 26, "noise", {20.3423776577, 0.963346028322, 0.148864158161, 22.7441985472, 0.112901341254}},
        {3, 4, "blur", {39.8847059958, 0.947225862538, 0.0104596839695, 40.7040916379, 0.00951807846661}},
        {1, 15, "noise", {18.7326160154, 0.955056627681, 0.151425163848, 21.6883002882, 0.107749146475}},
    };
    for (const auto& c : cases) {
        INFO(c.kind << " " << c.height << " x " << c.width);
        const Pair pair = example(c.height, c.width, c.kind);
        const Scores s = score(pair.image, pair.target);
        CHECK(s.psnr == Approx(c.expected.psnr).epsilon(1e-10));
        CHECK(s.ssim == Approx(c.expected.ssim).epsilon(1e-10));
        CHECK(s.nrmse == Approx(c.expected.nrmse).epsilon(1e-10));
        if (c.kind == "phase") {  // magnitudes are equal but for rounding to float
            CHECK(s.psnr_magnitude > 120);
            CHECK(s.nrmse_magnitude < 1e-6);
            continue;
        }
        CHECK(s.psnr_magnitude == Approx(c.expected.psnr_magnitude).epsilon(1e-10));
        CHECK(s.nrmse_magnitude == Approx(c.expected.nrmse_magnitude).epsilon(1e-10));
    }
}

TEST_CASE("Scores do not depend on a common scale of image and target") {
    Pair pair = example(30, 22, "noise");
    const Scores before = score(pair.image, pair.target);
    for (auto* array : {&pair.image, &pair.target})
        for (auto& v : array->values) v *= 1024.0f;
    const Scores after = score(pair.image, pair.target);
    CHECK(after.psnr == Approx(before.psnr).epsilon(1e-12));
    CHECK(after.ssim == Approx(before.ssim).epsilon(1e-12));
    CHECK(after.nrmse == Approx(before.nrmse).epsilon(1e-12));
}

TEST_CASE("An image identical to its target has infinite PSNR, SSIM 1 and NRMSE 0") {
    const Pair pair = example(16, 16, "noise");
    const Scores s = score(pair.target, pair.target);
    CHECK(s.psnr == std::numeric_limits<double>::infinity());
    CHECK(s.psnr_magnitude == std::numeric_limits<double>::infinity());
    CHECK(s.nrmse == 0);
    CHECK(s.nrmse_magnitude == 0);
    CHECK(s.ssim == Approx(1).epsilon(1e-12));
    const Scores nothing = score(zeros(16, 16), zeros(16, 16));
    CHECK(nothing.psnr == std::numeric_limits<double>::infinity());
    CHECK(nothing.nrmse == 0);
    CHECK(nothing.ssim == 1);
}

TEST_CASE("A target without signal gives the worst scores, not NaN") {
    const Pair pair = example(16, 16, "noise");
    const Scores s = score(pair.image, zeros(16, 16));
    CHECK(s.psnr == -std::numeric_limits<double>::infinity());
    CHECK(s.psnr_magnitude == -std::numeric_limits<double>::infinity());
    CHECK(s.nrmse == std::numeric_limits<double>::infinity());
    CHECK(s.ssim == 0);
    const Scores empty_image = score(zeros(16, 16), pair.target);
    CHECK(empty_image.nrmse == Approx(1));
    CHECK(empty_image.ssim < 0.01);
}

TEST_CASE("One NaN or infinity anywhere makes every score NaN") {
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        for (bool in_target : {false, true}) {
            Pair pair = example(16, 20, "noise");
            (in_target ? pair.target : pair.image)[7] = {0.5f, bad};
            const Scores s = score(pair.image, pair.target);
            for (double v : {s.psnr, s.ssim, s.nrmse, s.psnr_magnitude, s.nrmse_magnitude}) CHECK(std::isnan(v));
        }
}

TEST_CASE("Scoring refuses shapes that differ or hold no image") {
    CHECK_THROWS_WITH(score(zeros(8, 9), zeros(9, 8)), ContainsSubstring("[8, 9]") && ContainsSubstring("differ"));
    const ComplexArray line(Shape{8}), none(Shape{2, 0, 8});
    CHECK_THROWS_AS(score(line, line), ShapeError);
    CHECK_THROWS_AS(score(none, none), ShapeError);
    CHECK_THROWS_AS(score(zeros(0, 8), zeros(0, 8)), ShapeError);
    Pair pair = example(12, 13, "blur");
    const Scores flat = score(pair.image, pair.target);
    for (const Shape& shape : {Shape{1, 1, 12, 13}, Shape{1, 1, 1, 1, 12, 13}, Shape{1, 1, 1, 1, 12, 13, 1}}) {
        pair.image.shape = pair.target.shape = shape;
        const Scores s = score(pair.image, pair.target);
        CHECK(s.psnr == flat.psnr);
        CHECK(s.ssim == flat.ssim);
        CHECK(s.nrmse == flat.nrmse);
    }
}

TEST_CASE("A volume, a series and several sets are scored whole, with the mean SSIM of their planes on one dynamic range") {
    const std::int64_t h = 14, w = 19, n = h * w;
    const std::vector<Pair> parts{example(h, w, "noise"), example(h, w, "blur"), example(h, w, "unrelated")};
    const std::vector<float> gains{1, 0.5F, 0};  // the last target is empty, which alone would be an edge case
    Pair planes{ComplexArray(Shape{1, 3, 1, 1, h, w}), ComplexArray(Shape{1, 3, 1, 1, h, w})};
    double error = 0, energy = 0, peak = 0;
    for (std::int64_t p = 0; p < 3; ++p)
        for (std::int64_t i = 0; i < n; ++i) {
            const auto image = parts[std::size_t(p)].image[i] * 0.7F,
                       target = parts[std::size_t(p)].target[i] * gains[std::size_t(p)];
            planes.image[p * n + i] = image, planes.target[p * n + i] = target;
            error += std::norm(std::complex<double>(image) - std::complex<double>(target));
            energy += std::norm(std::complex<double>(target));
            peak = std::max(peak, std::abs(std::complex<double>(target)));
        }
    const Scores series = score(planes.image, planes.target);
    CHECK(series.psnr == Approx(20 * std::log10(peak / std::sqrt(error / double(3 * n)))).epsilon(1e-12));
    CHECK(series.nrmse == Approx(std::sqrt(error / energy)).epsilon(1e-12));

    // SSIM of one plane with the peak of all: a block with that peak far from the scored pixels would change the plane, so two
    // planes at a time: the first, which has the peak, and another one.
    const auto pair_of = [&](std::int64_t other) {
        Pair two{ComplexArray(Shape{2, h, w}), ComplexArray(Shape{2, h, w})};
        for (std::int64_t i = 0; i < n; ++i) {
            two.image[i] = planes.image[i], two.target[i] = planes.target[i];
            two.image[n + i] = planes.image[other * n + i], two.target[n + i] = planes.target[other * n + i];
        }
        return score(two.image, two.target).ssim;
    };
    Pair first{zeros(h, w), zeros(h, w)};
    std::copy_n(planes.image.data(), n, first.image.data());
    std::copy_n(planes.target.data(), n, first.target.data());
    const double alone = score(first.image, first.target).ssim;
    CHECK(series.ssim == Approx((2 * pair_of(1) + 2 * pair_of(2) - alone) / 3).epsilon(1e-12));
    CHECK(pair_of(0) == Approx(alone).epsilon(1e-12));
    CHECK(pair_of(2) < alone);
    CHECK(pair_of(2) > 0.5 * alone - 0.1);

    planes.image.shape = planes.target.shape = Shape{1, 1, 1, 3, h, w};
    CHECK(score(planes.image, planes.target).ssim == series.ssim);
    Pair sets{ComplexArray(Shape{1, 1, 1, 1, h, w, 3}), ComplexArray(Shape{1, 1, 1, 1, h, w, 3})};
    for (std::int64_t i = 0; i < 3 * n; ++i)
        sets.image[i] = planes.image[i % 3 * n + i / 3], sets.target[i] = planes.target[i % 3 * n + i / 3];
    const Scores together = score(sets.image, sets.target);
    CHECK(together.ssim == Approx(series.ssim).epsilon(1e-12));
    CHECK(together.psnr == Approx(series.psnr).epsilon(1e-12));
}

TEST_CASE("The spread of values is their mean and sample standard deviation") {
    const std::vector<double> values{2, 4, 4, 4, 5, 5, 7, 9};
    const Spread s = spread(values);
    CHECK(s.mean == Approx(5));
    CHECK(s.deviation == Approx(std::sqrt(32.0 / 7)));
    CHECK(s.count == 8);
    CHECK(s.left_out == 0);
    CHECK(s.str() == "5.00 ± 2.14");

    const std::vector<double> one{3.5};
    CHECK(spread(one).mean == 3.5);
    CHECK(spread(one).deviation == 0);
    CHECK(std::isnan(spread(std::vector<double>{}).mean));

    const double inf = std::numeric_limits<double>::infinity();
    const Spread gaps = spread(std::vector<double>{1, inf, 3, std::nan("")});
    CHECK(gaps.mean == 2);
    CHECK(gaps.left_out == 2);
    CHECK(gaps.str(1) == "2.0 ± 1.4 (2 of 4 left out)");

    std::vector<double> far;  // no cancellation
    for (int i = 0; i < 1000; ++i) far.push_back(1e9 + i % 2);
    CHECK(spread(far).deviation == Approx(0.50025).epsilon(1e-4));
}
