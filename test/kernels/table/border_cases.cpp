// Borders with activations, and their adjoint.
#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::Border;
using kernels::BorderMode;

struct BorderSizes {
    Shape x;
    Border border;

    Shape wide() const {
        Shape s = x;
        for (int i = 0; i < 3; ++i) s[1 + i] += 2 * border.width[static_cast<std::size_t>(i)];
        return s;
    }
    std::string text(DType t) const {
        std::string modes;
        for (BorderMode m : border.mode) modes += "zmpc"[static_cast<int>(m)];
        return fmt::format("{}, {} {} {} {} slope {}, {}", x.str(), modes, border.width[0], border.width[1], border.width[2],
                           border.slope, name_of(t));
    }

    // The element that place i of an axis shows, found by walking there from the nearest element; -1: a zero.
    std::int64_t source(int axis, std::int64_t i) const {
        const BorderMode mode = border.mode[static_cast<std::size_t>(axis)];
        const std::int64_t n = x[1 + axis];
        std::int64_t at = 0, step = 1;
        const std::int64_t place = i - border.width[static_cast<std::size_t>(axis)];
        for (std::int64_t k = 0; k != place; k += place > 0 ? 1 : -1) {
            if (place < 0 && k == 0) step = mode == BorderMode::reflect ? 1 : -1;
            at += step;
            if (at >= 0 && at < n) continue;
            if (mode == BorderMode::zero) return -1;
            if (mode == BorderMode::replicate) at -= step;
            if (mode == BorderMode::circular) at = at < 0 ? n - 1 : 0;
            if (mode == BorderMode::reflect) at -= 2 * step, step = -step;
        }
        return at;
    }

    // Calls f(index in the tensor with its border, index in x or -1)
    template <class F>
    void for_each(F&& f) const {
        const Shape o = wide();
        std::int64_t at = 0;
        for (std::int64_t n = 0; n < o[0]; ++n)
            for (std::int64_t d = 0; d < o[1]; ++d)
                for (std::int64_t h = 0; h < o[2]; ++h)
                    for (std::int64_t w = 0; w < o[3]; ++w)
                        for (std::int64_t k = 0; k < o[4]; ++k, ++at) {
                            const std::int64_t sd = source(0, d), sh = source(1, h), sw = source(2, w);
                            const bool zero = sd < 0 || sh < 0 || sw < 0;
                            f(at, zero ? -1 : (((n * x[1] + sd) * x[2] + sh) * x[3] + sw) * x[4] + k);
                        }
    }
    double activated(double v) const { return v > 0 ? v : border.slope * v; }
    // Index of an element of x in the tensor with its border.
    std::int64_t own_place(std::int64_t i) const {
        const Shape o = wide();
        const std::int64_t k = i % x[4], w = i / x[4] % x[3], h = i / x[4] / x[3] % x[2], d = i / x[4] / x[3] / x[2] % x[1];
        const auto& b = border.width;
        const std::int64_t n = i / x[4] / x[3] / x[2] / x[1];
        return (((n * o[1] + d + b[0]) * o[2] + h + b[1]) * o[3] + w + b[2]) * x[4] + k;
    }
};

std::vector<BorderSizes> border_sizes() {
    using kernels::on_every_axis;
    std::vector<BorderSizes> all;
    for (BorderMode mode : {BorderMode::zero, BorderMode::reflect, BorderMode::replicate, BorderMode::circular}) {
        all.push_back({{2, 1, 5, 7, 3}, {on_every_axis(mode), {0, 1, 1}, 0}});
        all.push_back({{1, 1, 6, 5, 17}, {on_every_axis(mode), {0, 2, 2}}});
        all.push_back({{1, 3, 4, 9, 8}, {on_every_axis(mode), {1, 1, 2}, 0.125}});
        all.push_back({{1, 1, 1, 4, 2}, {on_every_axis(mode), {0, 0, 1}}});
        all.push_back({{1, 1, 3, 3, 6}, {on_every_axis(mode), {0, 2, 2}, 0}});
    }
    all.push_back({{1, 1, 2, 70, 32}, {on_every_axis(BorderMode::reflect), {0, 1, 1}, 0}});  // rows of several blocks
    all.push_back({{1, 1, 1, 1, 1}, {on_every_axis(BorderMode::replicate), {1, 1, 1}, 0.5}});
    all.push_back({{1, 2, 3, 2, 4}, {on_every_axis(BorderMode::circular), {0, 1, 5}}});  // wider than the image
    all.push_back({{1, 1, 4, 5, 100}, {on_every_axis(BorderMode::reflect), {0, 0, 0}, 0}});
    all.push_back({{1, 2, 3, 4, 4}, {{BorderMode::circular, BorderMode::zero, BorderMode::replicate}, {1, 1, 1}, 0.5}});
    all.push_back({{1, 2, 3, 4, 5}, {{BorderMode::zero, BorderMode::reflect, BorderMode::zero}, {1, 1, 1}, 0}});
    return all;
}

OperationCase border(const BorderSizes& s, DType t) {
    OperationCase row{fmt::format("border, {}", s.text(t)), {{t, s.x}}, {{t, s.wide(), Fill::unset}}};
    row.run = [s](Call& k) { k.ops.border(k.in[0], s.border, k.out[0]); };
    row.reference = [s](const Values& in, Values& out) {
        s.for_each([&](std::int64_t at, std::int64_t from) { out[0][at] = from < 0 ? 0 : s.activated(in[0][from]); });
    };
    row.tolerance = rounding_of(t);
    if (!s.border.activates())
        row.adjoint = [s](Call& k, const Tensor& y, const Tensor& x) { k.ops.border_adjoint(y, nullptr, s.border, false, x); };
    return row;
}

// `in_place`: the sum takes the place of b.
OperationCase add_border(const BorderSizes& s, DType t, bool in_place) {
    OperationCase row{fmt::format("add_border{}, {}", in_place ? " in place" : "", s.text(t)),
                      {{t, s.x}, {t, s.x}},
                      {{t, s.x, in_place ? Fill::normal : Fill::unset}, {t, s.wide(), Fill::unset}}};
    row.run = [s, in_place](Call& k) { k.ops.add_border(k.in[0], in_place ? k.out[0] : k.in[1], s.border, k.out[0], k.out[1]); };
    row.reference = [s, t, in_place](const Values& in, Values& out) {
        const Value b = in_place ? out[0] : in[1];
        // What is bordered is the sum as it is stored.
        const auto stored = [&](double v) { return t == DType::bf16 ? double(Bf16(static_cast<float>(v))) : v; };
        for (std::int64_t i = 0; i < s.x.elements(); ++i) out[0][i] = stored(in[0][i] + b[i]);
        s.for_each([&](std::int64_t at, std::int64_t from) { out[1][at] = from < 0 ? 0 : s.activated(out[0][from]); });
    };
    row.tolerance = rounding_of(t);
    return row;
}

OperationCase border_adjoint(const BorderSizes& s, DType t, bool accumulate) {
    OperationCase row{fmt::format("border_adjoint{}, {}", accumulate ? " accumulating" : "", s.text(t)),
                      {{t, s.wide()}, {t, s.wide()}},
                      {{t, s.x, accumulate ? Fill::normal : Fill::unset}}};
    row.run = [s, accumulate](Call& k) { k.ops.border_adjoint(k.in[0], &k.in[1], s.border, accumulate, k.out[0]); };
    row.reference = [s, accumulate](const Values& in, Values& out) {
        std::vector<double> sums(out[0].numbers.size(), 0.0);
        s.for_each([&](std::int64_t at, std::int64_t to) {
            if (to >= 0) sums[static_cast<std::size_t>(to)] += in[0][at];
        });
        for (std::int64_t i = 0; i < s.x.elements(); ++i) {
            const double gate = s.border.activates() && !(in[1][s.own_place(i)] > 0) ? s.border.slope : 1;
            out[0][i] = gate * sums[static_cast<std::size_t>(i)] + (accumulate ? out[0][i] : 0);
        }
    };
    row.tolerance = rounding_of(t);
    return row;
}

}  // namespace

std::vector<OperationCase> border_cases() {
    std::vector<OperationCase> rows;
    for (DType t : {DType::f32, DType::f64, DType::bf16})
        for (const BorderSizes& s : border_sizes()) {
            rows.push_back(border(s, t));
            rows.push_back(add_border(s, t, false));
            rows.push_back(add_border(s, t, true));
            rows.push_back(border_adjoint(s, t, false));
            rows.push_back(border_adjoint(s, t, true));
        }
    return rows;
}

}  // namespace gleam::test
