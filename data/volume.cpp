#include "data/volume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "data/checks.hpp"

namespace gleam::data {
namespace {

// Averages along rows of length `n` to length `m`, each new pixel the mean over the `factor` >= 1 old ones under it; what reaches
// beyond the old row counts as zero. The row is centred: both centres stay where they are.
void shrink_row(const float* in, std::int64_t n, std::int64_t stride_in, float* out, std::int64_t m, std::int64_t stride_out,
                double factor) {
    const double left =
        (static_cast<double>(n) - static_cast<double>(m) * factor) / 2;  // where the new row begins on the old one
    for (std::int64_t j = 0; j < m; ++j) {
        const double from = left + static_cast<double>(j) * factor, to = from + factor;
        double sum = 0;
        const auto last = std::min(n, static_cast<std::int64_t>(std::ceil(to)));
        for (auto i = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(from))); i < last; ++i) {
            const double overlap = std::min(to, static_cast<double>(i + 1)) - std::max(from, static_cast<double>(i));
            sum += std::max(overlap, 0.0) * static_cast<double>(in[i * stride_in]);
        }
        out[j * stride_out] = static_cast<float>(sum / factor);
    }
}

RealArray shrink(const RealArray& image, double factor) {
    const std::int64_t h = image.shape[0], w = image.shape[1];
    auto reduced = [&](std::int64_t n) { return std::max<std::int64_t>(1, std::llround(static_cast<double>(n) / factor)); };
    RealArray rows(Shape{h, reduced(w)}), out(Shape{reduced(h), reduced(w)});
    const std::int64_t nw = out.shape[1];
    for (std::int64_t y = 0; y < h; ++y) shrink_row(image.data() + y * w, w, 1, rows.data() + y * nw, nw, 1, factor);
    for (std::int64_t x = 0; x < nw; ++x) shrink_row(rows.data() + x, h, nw, out.data() + x, out.shape[0], nw, factor);
    return out;
}

void require_volume(const RealArray& volume, int axis) {
    if (volume.shape.rank() != 3 || volume.empty())
        throw DataError("volume", "is " + volume.shape.str() + ", not [z, y, x]", "give one 3D image");
    if (axis < 0 || axis > 2) throw DataError("volume", fmt::format("has no axis {}", axis), "choose 0 (z), 1 (y) or 2 (x)");
}

}  // namespace

RealArray take_slice(const RealArray& volume, int axis, std::int64_t index) {
    require_volume(volume, axis);
    const Shape& n = volume.shape;
    if (index < 0 || index >= n[axis])
        throw DataError("volume", fmt::format("has no slice {} across axis {} of {}", index, axis, n.str()),
                        fmt::format("choose one from 0 to {}", n[axis] - 1));
    const int rows = axis == 0 ? 1 : 0, columns = axis == 2 ? 1 : 2;
    const std::int64_t strides[] = {n[1] * n[2], n[2], 1};
    RealArray image(Shape{n[rows], n[columns]});
    for (std::int64_t r = 0; r < n[rows]; ++r)
        for (std::int64_t c = 0; c < n[columns]; ++c)
            image[r * n[columns] + c] = volume[index * strides[axis] + r * strides[rows] + c * strides[columns]];
    return image;
}

std::vector<std::int64_t> slices_with_signal(const RealArray& volume, int axis, double least) {
    require_volume(volume, axis);
    require_finite("volume", volume);
    std::vector<double> energy;
    for (std::int64_t i = 0; i < volume.shape[axis]; ++i) {
        double sum = 0;
        for (float v : take_slice(volume, axis, i).values) sum += static_cast<double>(v) * static_cast<double>(v);
        energy.push_back(sum);
    }
    const double most = *std::max_element(energy.begin(), energy.end());
    if (most == 0) throw DataError("volume", "is zero everywhere", "give an image that shows something");
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < energy.size(); ++i)
        if (energy[i] >= least * most) chosen.push_back(static_cast<std::int64_t>(i));
    return chosen;
}

RealArray fit_to_matrix(const RealArray& image, std::int64_t height, std::int64_t width, Fit fit) {
    if (height < 1 || width < 1)
        throw ConfigError("matrix", fmt::format("{} x {} has no pixels", height, width), "give positive sizes");
    if (image.shape.rank() != 2 || image.empty())
        throw DataError("image", "is " + image.shape.str() + ", not [y, x]", "give one slice");
    require_finite("image", image);
    const double factor = std::max({1.0, static_cast<double>(image.shape[0]) / static_cast<double>(height),
                                    static_cast<double>(image.shape[1]) / static_cast<double>(width)});
    if (fit == Fit::shrink && factor > 1) return fit_to_matrix(shrink(image, factor), height, width, Fit::crop);

    RealArray out(Shape{height, width});
    const std::int64_t h = image.shape[0], w = image.shape[1];
    const std::int64_t shift_y = height / 2 - h / 2, shift_x = width / 2 - w / 2;
    for (std::int64_t y = std::max<std::int64_t>(0, shift_y); y < std::min(height, h + shift_y); ++y)
        for (std::int64_t x = std::max<std::int64_t>(0, shift_x); x < std::min(width, w + shift_x); ++x)
            out[y * width + x] = std::max(0.0f, image[(y - shift_y) * w + x - shift_x]);
    return out;
}

}  // namespace gleam::data
