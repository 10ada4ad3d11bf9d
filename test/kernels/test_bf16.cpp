#include <limits>

#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"

using namespace gleam;
using namespace gleam::kernels;
using namespace gleam::test;

namespace {

Array<float> widened(const Array<Bf16>& a) {
    Array<float> wide(a.shape);
    std::copy(a.values.begin(), a.values.end(), wide.values.begin());
    return wide;
}

// Whether `stored` is `exact`, rounded once.
bool is_rounded(const Array<Bf16>& stored, const Array<float>& exact) {
    for (std::int64_t i = 0; i < exact.elements(); ++i)
        if (stored[i].bits != Bf16(exact[i]).bits) return false;
    return true;
}

}  // namespace

TEST_CASE("bf16 rounds to the nearest number, ties to even, and keeps what is not finite") {
    for (float exact : {0.0F, 1.0F, -2.5F, 3.140625F, 1e30F, -1e-30F}) {
        const float near = Bf16(exact);
        CHECK(std::abs(near - exact) <= std::abs(exact) / 256);
    }
    CHECK(static_cast<float>(Bf16(1.0F + 1.0F / 256)) == 1.0F);               // between 1 and 1 + 1/128: even is below
    CHECK(static_cast<float>(Bf16(1.0F + 3.0F / 256)) == 1.0F + 4.0F / 256);  // even is above
    CHECK(static_cast<float>(Bf16(1.0F + 1.1F / 256)) == 1.0F + 2.0F / 256);
    CHECK(std::isinf(static_cast<float>(Bf16(std::numeric_limits<float>::infinity()))));
    CHECK(std::isinf(static_cast<float>(Bf16(std::numeric_limits<float>::max()))));
    CHECK(std::isnan(static_cast<float>(Bf16(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(static_cast<float>(Bf16(std::bit_cast<float>(0x7fffffffU)))));
}

TEST_CASE("Borders, sums and normalisation of bf16 numbers are those of floats, rounded once") {
    Bench b;
    const Shape shape{2, 1, 5, 7, 19}, bordered{2, 1, 7, 9, 19};
    const auto x = random_array<Bf16>(shape, 1), y = random_array<Bf16>(shape, 2), d = random_array<Bf16>(bordered, 3);
    const auto xf = widened(x), yf = widened(y), df = widened(d);
    Array<Bf16> out(shape), wide(bordered);
    Array<float> outf(shape), widef(bordered);
    Array<double> deviation(Shape{2, 19});
    const Tensor wide_view = wide.view(), widef_view = widef.view();

    b.ops->linear_combination(0.5, x.view(), -3, y.view(), out.view());
    b.ops->linear_combination(0.5, xf.view(), -3, yf.view(), outf.view());
    CHECK(is_rounded(out, outf));

    const Border border{on_every_axis(BorderMode::reflect), {0, 1, 1}, 0.25};
    b.ops->border(x.view(), border, wide.view());
    b.ops->border(xf.view(), border, widef.view());
    CHECK(is_rounded(wide, widef));
    b.ops->border_adjoint(d.view(), &wide_view, border, false, out.view());
    b.ops->border_adjoint(df.view(), &widef_view, border, false, outf.view());
    CHECK(is_rounded(out, outf));

    b.ops->normalize(x.view(), 1e-5, out.view(), deviation.view());
    b.ops->normalize(xf.view(), 1e-5, outf.view(), deviation.view());
    CHECK(is_rounded(out, outf));
    outf = widened(out);
    b.ops->normalize_adjoint(y.view(), out.view(), deviation.view(), out.view());
    b.ops->normalize_adjoint(yf.view(), outf.view(), deviation.view(), outf.view());
    CHECK(is_rounded(out, outf));

    b.ops->copy(x.view(), outf.view());
    CHECK(outf.values == xf.values);
    b.ops->copy(yf.view(), out.view());
    CHECK(is_rounded(out, yf));
}
