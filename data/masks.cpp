#include "data/masks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/philox.hpp"
#include "data/poisson_disc.hpp"

namespace gleam::data {
namespace {

constexpr std::pair<MaskKind, const char*> kinds[] = {
    {MaskKind::poisson, "poisson"}, {MaskKind::random_1d, "random_1d"}, {MaskKind::equispaced_1d, "equispaced_1d"}};

void check(const MaskOptions& options, std::int64_t height, std::int64_t width) {
    if (height < 1 || width < 1 || height > 16384 || width > 16384)
        throw ConfigError("mask", fmt::format("a size of {} x {} points", height, width), "each side must be 1 to 16384");
    if (!(options.acceleration >= 1) || !std::isfinite(options.acceleration))
        throw ConfigError("mask.acceleration", fmt::format("is {}", options.acceleration), "it must be 1 or more");
    if (options.calibration < 0)
        throw ConfigError("mask.calibration", fmt::format("is {}", options.calibration), "it must be 0 or more");
    if (!(options.tolerance > 0))
        throw ConfigError("mask.tolerance", fmt::format("is {}", options.tolerance), "it must be above 0");
    if (options.offset && options.kind != MaskKind::equispaced_1d)
        throw ConfigError("mask.offset", "only the kind equispaced_1d has it", "remove it");
}

std::vector<std::uint8_t> central_lines(std::int64_t width, std::int64_t calibration) {
    std::vector<std::uint8_t> lines(static_cast<std::size_t>(width));
    const std::int64_t count = std::min(calibration, width);
    std::fill_n(lines.begin() + central_begin(width, count), count, std::uint8_t{1});
    return lines;
}

std::vector<std::uint8_t> random_lines(const MaskOptions& options, std::int64_t width, Philox& random) {
    auto lines = central_lines(width, options.calibration);
    const std::int64_t central = std::min<std::int64_t>(options.calibration, width);
    const auto wanted = static_cast<std::int64_t>(static_cast<double>(width) / options.acceleration + 0.5);
    const std::int64_t total = std::max<std::int64_t>(wanted, 1);
    if (central > total)
        throw ConfigError("mask",
                          fmt::format("{} calibration lines of {} allow an acceleration of {:.3g} at most, not {:g}", central,
                                      width, static_cast<double>(width) / static_cast<double>(central), options.acceleration),
                          "lower mask.calibration or mask.acceleration");
    // Selection sampling: every set of the wanted size is equally likely.
    std::int64_t left = width - central, wanting = total - central;
    for (auto& line : lines) {
        if (line) continue;
        if (random.below(static_cast<std::uint32_t>(left)) < static_cast<std::uint64_t>(wanting)) line = 1, --wanting;
        --left;
    }
    return lines;
}

std::vector<std::uint8_t> equispaced_lines(const MaskOptions& options, std::int64_t width, Philox& random) {
    const double spacing = options.acceleration;
    if (spacing != std::floor(spacing) || spacing > static_cast<double>(width))
        throw ConfigError("mask.acceleration", fmt::format("is {:g}", spacing),
                          fmt::format("equispaced_1d takes it as its line spacing: a whole number up to the width, {}", width));
    const auto step = static_cast<std::int64_t>(spacing);
    if (options.offset && (*options.offset < 0 || *options.offset >= step))
        throw ConfigError("mask.offset", fmt::format("is {}", *options.offset), fmt::format("it must be 0 to {}", step - 1));
    if (options.calibration >= width)
        throw ConfigError("mask.calibration", fmt::format("{} lines are all of the {} there are", options.calibration, width),
                          "lower it, or ask for an acceleration of 1");
    auto lines = central_lines(width, options.calibration);
    const std::int64_t first = options.offset ? *options.offset : random.below(static_cast<std::uint32_t>(step));
    for (std::int64_t x = first; x < width; x += step) lines[static_cast<std::size_t>(x)] = 1;
    return lines;
}

}  // namespace

std::string name_of(MaskKind kind) {
    for (const auto& [value, name] : kinds)
        if (value == kind) return name;
    return "?";
}

MaskKind mask_kind(std::string_view name) {
    for (const auto& [value, text] : kinds)
        if (text == name) return value;
    throw ConfigError("mask.kind", fmt::format("'{}' is not known", name), "use poisson, random_1d or equispaced_1d");
}

Mask make_mask(const MaskOptions& options, std::int64_t height, std::int64_t width, std::uint32_t epoch, std::uint32_t sample,
               std::uint32_t frame) {
    check(options, height, width);
    Mask mask;
    mask.values = RealArray(Shape{height, width});
    mask.requested = options.acceleration;
    Philox random(options.seed, Purpose::mask, epoch, sample, frame);
    if (options.acceleration == 1) {
        std::fill(mask.values.values.begin(), mask.values.values.end(), 1.0F);
    } else if (options.kind == MaskKind::poisson) {
        const PoissonDisc disc = poisson_disc_mask(options, height, width, random);
        std::copy(disc.mask.begin(), disc.mask.end(), mask.values.values.begin());
        mask.slope = disc.slope;
    } else {
        const auto lines =
            options.kind == MaskKind::random_1d ? random_lines(options, width, random) : equispaced_lines(options, width, random);
        for (std::int64_t y = 0; y < height; ++y) std::copy(lines.begin(), lines.end(), mask.values.slice(y));
    }
    const auto sampled = std::count(mask.values.values.begin(), mask.values.values.end(), 1.0F);
    mask.actual = static_cast<double>(mask.values.elements()) / static_cast<double>(sampled);
    return mask;
}

}  // namespace gleam::data
