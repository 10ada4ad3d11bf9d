// The wavelet transform and the shrinkage of its coefficients.
#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using Complex = std::complex<double>;
using kernels::WaveletDirection;

// Daubechies 1988, table 1, N = 4
const double taps[] = {0.230377813308896501,  0.714846570552915647, 0.630880767929858908, -0.027983769416859854,
                       -0.187034811719093084, 0.030841381835560764, 0.032883011666885200, -0.010597401785069032};

struct WaveletSizes {
    Shape shape;
    int rank;
    std::array<std::int64_t, 3> shift;

    std::string text() const {
        return fmt::format("{}, rank {}, shift {} {} {}", shape.str(), rank, shift[0], shift[1], shift[2]);
    }
};

// An image of one sample, frame and set as a function of its pixel.
struct Image {
    std::array<std::int64_t, 3> sides;
    std::vector<Complex> pixels;

    Complex& at(const std::array<std::int64_t, 3>& p) {
        return pixels[static_cast<std::size_t>((p[0] * sides[1] + p[1]) * sides[2] + p[2])];
    }
};

std::vector<Complex> analysed(const std::vector<Complex>& line) {
    const std::size_t even = line.size() / 2 * 2;
    std::vector<Complex> out = line;
    for (std::size_t k = 0; k < even / 2; ++k) {
        out[k] = out[even / 2 + k] = 0;
        for (std::size_t t = 0; t < 8; ++t) {
            out[k] += taps[t] * line[(2 * k + t) % even];
            out[even / 2 + k] += (t % 2 ? -1 : 1) * taps[7 - t] * line[(2 * k + t) % even];
        }
    }
    return out;
}

// From finest to coarsest level, axis by axis: of the image rotated to begin at `shift` along the axes that are transformed.
void transform(const WaveletSizes& s, Image& image) {
    Image rotated = image;
    std::array<std::int64_t, 3> p;
    for (p[0] = 0; p[0] < image.sides[0]; ++p[0])
        for (p[1] = 0; p[1] < image.sides[1]; ++p[1])
            for (p[2] = 0; p[2] < image.sides[2]; ++p[2]) {
                std::array<std::int64_t, 3> from = p;
                for (auto a = static_cast<std::size_t>(3 - s.rank); a < 3; ++a)
                    if (image.sides[a] / 2 >= 8) from[a] = (p[a] + s.shift[a]) % image.sides[a];
                rotated.at(p) = image.at(from);
            }
    image = rotated;
    auto box = image.sides;
    for (bool more = true; more;) {
        more = false;
        auto next = box;
        for (auto axis = static_cast<std::size_t>(3 - s.rank); axis < 3; ++axis) {
            if (box[axis] / 2 < 8) continue;
            more = true;
            next[axis] = box[axis] / 2;
            auto others = box;
            others[axis] = 1;
            for (p[0] = 0; p[0] < others[0]; ++p[0])
                for (p[1] = 0; p[1] < others[1]; ++p[1])
                    for (p[2] = 0; p[2] < others[2]; ++p[2]) {
                        std::vector<Complex> line;
                        auto q = p;
                        for (q[axis] = 0; q[axis] < box[axis]; ++q[axis]) line.push_back(image.at(q));
                        line = analysed(line);
                        for (q[axis] = 0; q[axis] < box[axis]; ++q[axis]) image.at(q) = line[static_cast<std::size_t>(q[axis])];
                    }
        }
        box = next;
    }
}

// The transform is in place: what it gets and gives is an output.
OperationCase wavelet(const WaveletSizes& s, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("wavelet, {}, {}", s.text(), name_of(c)), {{c, s.shape}}, {{c, s.shape, Fill::unset}}};
    row.run = [s](Call& k) {
        k.ops.copy(k.in[0], k.out[0]);
        k.ops.wavelet(WaveletDirection::forward, s.rank, s.shift, k.out[0], k.workspace);
    };
    row.reference = [s](const Values& in, Values& out) {
        const std::int64_t sets = s.shape.rank() == 7 ? s.shape[6] : 1, depth = s.rank == 3 ? s.shape[3] : 1;
        const std::int64_t pixels = depth * s.shape[4] * s.shape[5];
        for (std::int64_t i = 0; i < s.shape.elements() / pixels / sets; ++i)
            for (std::int64_t e = 0; e < sets; ++e) {
                Image image{{depth, s.shape[4], s.shape[5]}, {}};
                for (std::int64_t p = 0; p < pixels; ++p) image.pixels.push_back(in[0].complex((i * pixels + p) * sets + e));
                transform(s, image);
                for (std::int64_t p = 0; p < pixels; ++p)
                    out[0].set((i * pixels + p) * sets + e, image.pixels[static_cast<std::size_t>(p)]);
            }
    };
    row.tolerance = rounding_of(real);
    // Orthonormal: the inverse is the adjoint.
    row.adjoint = [s](Call& k, const Tensor& y, const Tensor& x) {
        k.ops.copy(y, x);
        k.ops.wavelet(WaveletDirection::inverse, s.rank, s.shift, x, k.workspace);
    };
    return row;
}

OperationCase round_trip(const WaveletSizes& s, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("wavelet and back, {}, {}", s.text(), name_of(c)), {}, {{c, s.shape}}};
    row.run = [s](Call& k) {
        for (auto direction : {WaveletDirection::forward, WaveletDirection::inverse})
            k.ops.wavelet(direction, s.rank, s.shift, k.out[0], k.workspace);
    };
    row.reference = [](const Values&, Values&) {};  // what was there before
    row.tolerance = 2 * rounding_of(real);
    return row;
}

OperationCase soft_threshold(const Shape& shape, double threshold, DType real) {
    const DType c = complex_of(real);
    OperationCase row{fmt::format("soft_threshold {}, {}, {}", threshold, shape.str(), name_of(c)), {}, {{c, shape}}};
    row.run = [threshold](Call& k) { k.ops.soft_threshold(threshold, k.out[0]); };
    row.reference = [threshold](const Values&, Values& out) {
        for (std::int64_t i = 0; i < out[0].shape.elements(); ++i) {
            const Complex v = out[0].complex(i);
            out[0].set(i, std::abs(v) > threshold ? std::polar(std::abs(v) - threshold, std::arg(v)) : 0);
        }
    };
    row.tolerance = rounding_of(real);
    return row;
}

}  // namespace

std::vector<OperationCase> wavelet_cases() {
    const WaveletSizes sizes[] = {
        {{1, 1, 1, 1, 32, 48}, 2, {0, 0, 0}},    {{1, 1, 1, 1, 33, 47}, 2, {0, 5, 46}},   {{2, 3, 1, 1, 17, 40}, 2, {0, 16, 7}},
        {{1, 1, 1, 3, 20, 31}, 2, {2, 1, 30}},   {{1, 2, 1, 18, 16, 23}, 3, {17, 3, 22}}, {{2, 1, 1, 5, 37, 16}, 3, {4, 30, 15}},
        {{1, 1, 1, 1, 1, 1}, 3, {0, 0, 0}},      {{1, 1, 1, 1, 15, 70}, 2, {0, 3, 69}},   {{1, 2, 1, 1, 16, 19, 2}, 2, {0, 9, 4}},
        {{1, 1, 1, 17, 9, 33, 3}, 3, {1, 0, 8}}, {{1, 1, 1, 1, 66, 65}, 2, {0, 37, 400}},
    };
    std::vector<OperationCase> rows;
    for (DType real : {DType::f32, DType::f64}) {
        for (const WaveletSizes& s : sizes) {
            rows.push_back(wavelet(s, real));
            rows.push_back(round_trip(s, real));
        }
        rows.push_back(soft_threshold({1}, 0.5, real));
        rows.push_back(soft_threshold({3, 401}, 0.7, real));
        rows.push_back(soft_threshold({1, 1, 1, 1, 8, 16}, 0, real));
    }
    return rows;
}

}  // namespace gleam::test
