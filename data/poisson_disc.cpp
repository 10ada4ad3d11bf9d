// Results must be equal to the bit on every machine: no libm but sqrt, and no contraction (see CMakeLists.txt).
#include "data/poisson_disc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

namespace gleam::data {
namespace {

constexpr int search_limit = 20;                           // masks drawn in one search, at most
constexpr double relative_limit = 0.10;                    // a mask further than this from the acceleration asked for is refused
constexpr std::uint64_t reference_seed = 0x676C65616DULL;  // of the order for which a slope is searched in advance

// Distance of point i from the central `count` points of an axis of n, in units of the axis' end.
float axis_distance(std::int64_t n, std::int64_t count, std::int64_t i) {
    const float half = 0.5F * static_cast<float>(n), box = 0.5F * static_cast<float>(std::min(count, n));
    const float distance = std::max(std::abs(static_cast<float>(i) - static_cast<float>(n / 2)) - box, 0.0F);
    return half > box ? distance / (half - box) : 0.0F;
}

// The grid with all that does not depend on the slope.
struct Grid {
    Grid(std::int64_t height_, std::int64_t width_, std::int64_t calibration_)
        : height(height_), width(width_), calibration(calibration_), r(static_cast<std::size_t>(height_ * width_)) {
        std::vector<float> along_x(static_cast<std::size_t>(width));
        for (std::int64_t x = 0; x < width; ++x) along_x[static_cast<std::size_t>(x)] = axis_distance(width, calibration, x);
        for (std::int64_t y = 0; y < height; ++y) {
            const float dy = axis_distance(height, calibration, y);
            for (std::int64_t x = 0; x < width; ++x) {
                const float dx = along_x[static_cast<std::size_t>(x)];
                r[index(y, x)] = std::sqrt(dx * dx + dy * dy);
            }
        }
    }

    std::size_t index(std::int64_t y, std::int64_t x) const { return static_cast<std::size_t>(y * width + x); }

    // How fast r can change from one point to the next.
    float steepness() const {
        float steepest = 0;
        for (std::int64_t n : {height, width})
            if (n > 1) steepest = std::max(steepest, axis_distance(n, calibration, 0) - axis_distance(n, calibration, 1));
        return steepest * 1.01F;  // covers rounding
    }

    std::int64_t height, width, calibration;
    std::vector<float> r;
};

// The points to visit, outside the calibration box and inside the ellipse, in random order.
std::vector<std::uint32_t> random_order(const Grid& grid, Philox& random) {
    std::vector<std::uint32_t> order;
    order.reserve(grid.r.size());
    const std::int64_t rows = std::min(grid.calibration, grid.height), columns = std::min(grid.calibration, grid.width);
    const std::int64_t top = central_begin(grid.height, rows), left = central_begin(grid.width, columns);
    for (std::int64_t y = 0; y < grid.height; ++y)
        for (std::int64_t x = 0; x < grid.width; ++x) {
            const bool calibrates = y >= top && y < top + rows && x >= left && x < left + columns;
            if (!calibrates && grid.r[grid.index(y, x)] < 1) order.push_back(static_cast<std::uint32_t>(grid.index(y, x)));
        }
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
    return order;
}

class Sampler {
public:
    Sampler(const Grid& grid, Philox& random)
        : grid_(grid), order_(random_order(grid, random)), square_(grid.r.size()), struck_(grid.r.size()), mask_(grid.r.size()) {
        const std::int64_t rows = std::min(grid.calibration, grid.height), columns = std::min(grid.calibration, grid.width);
        box_ = {central_begin(grid.height, rows), rows, central_begin(grid.width, columns), columns};
    }

    // points / samples with this slope; at most `limit` samples.
    double draw(float slope, std::int64_t limit = std::numeric_limits<std::int64_t>::max()) {
        for (std::size_t i = 0; i < square_.size(); ++i) {
            const float radius = 1 + slope * grid_.r[i];
            square_[i] = radius * radius;
        }
        std::fill(struck_.begin(), struck_.end(), std::uint8_t{0});
        std::fill(mask_.begin(), mask_.end(), std::uint8_t{0});
        const float growth = slope * grid_.steepness();
        std::int64_t samples = box_[1] * box_[3];
        for (std::uint32_t point : order_) {
            if (samples >= limit) break;
            if (struck_[point]) continue;
            mask_[point] = 1;
            ++samples;
            strike(point, growth, 1 + slope);
        }
        for (std::int64_t y = box_[0]; y < box_[0] + box_[1]; ++y)
            std::fill_n(mask_.begin() + static_cast<std::ptrdiff_t>(grid_.index(y, box_[2])), box_[3], std::uint8_t{1});
        return static_cast<double>(grid_.r.size()) / static_cast<double>(std::max<std::int64_t>(samples, 1));
    }

    const std::vector<std::uint8_t>& mask() const { return mask_; }

private:
    // Strikes out all points nearer to `point` than the radius of either; no radius is above `largest`.
    void strike(std::uint32_t point, float growth, float largest) {
        const float own = square_[point];
        // A point at distance d has at most this radius plus growth * d; it reaches back when that is at least d.
        const float reach = growth < 0.9F ? std::min(std::sqrt(own) / (1 - growth), largest) : largest;
        const std::int64_t window = static_cast<std::int64_t>(reach) + 1;
        const std::int64_t y0 = point / grid_.width, x0 = point % grid_.width;
        const std::int64_t left = std::max<std::int64_t>(x0 - window, 0), right = std::min(x0 + window + 1, grid_.width);
        for (std::int64_t y = std::max<std::int64_t>(y0 - window, 0); y < std::min(y0 + window + 1, grid_.height); ++y) {
            const auto dy2 = static_cast<std::int32_t>((y - y0) * (y - y0));
            const float* square = square_.data() + y * grid_.width;
            std::uint8_t* struck = struck_.data() + y * grid_.width;
            for (auto x = static_cast<std::int32_t>(left); x < static_cast<std::int32_t>(right); ++x) {
                const auto dx = x - static_cast<std::int32_t>(x0);
                struck[x] |= static_cast<std::uint8_t>(static_cast<float>(dx * dx + dy2) < std::max(own, square[x]));
            }
        }
    }

    const Grid& grid_;
    std::vector<std::uint32_t> order_;
    std::vector<float> square_;  // squared local radius
    std::vector<std::uint8_t> struck_, mask_;
    std::array<std::int64_t, 4> box_{};  // top, rows, left, columns of the calibration box
};

// The mask closest to the acceleration asked for. Slopes between `low` (too many samples) and `high` (too few) are bisected;
// before both are known, the search walks from `start` in growing steps.
PoissonDisc search(Sampler& sampler, const MaskOptions& options, float start, float step, float largest) {
    PoissonDisc best;
    float low = 0, high = largest;
    bool low_known = false, high_known = false;
    float slope = start;
    for (int i = 0; i < search_limit; ++i) {
        const double acceleration = sampler.draw(slope);
        const double off = std::abs(acceleration - options.acceleration);
        if (i == 0 || off < std::abs(best.acceleration - options.acceleration)) best = {slope, acceleration, sampler.mask()};
        if (off <= options.tolerance) break;
        if (acceleration < options.acceleration) {
            if (slope >= largest) break;
            low = slope, low_known = true;
        } else {
            if (slope <= 0) break;
            high = slope, high_known = true;
        }
        if (low_known && high_known) {
            slope = 0.5F * (low + high);
            if (high - low < 1e-3F) break;
        } else {
            slope = low_known ? std::min(low + step, largest) : std::max(high - step, 0.0F);
            step *= 2;
        }
    }
    // On small grids no slope may do: a few samples less than the last slope with too many gives.
    if (low_known && high_known && std::abs(best.acceleration - options.acceleration) > options.tolerance) {
        const auto limit = static_cast<std::int64_t>(static_cast<double>(sampler.mask().size()) / options.acceleration + 0.5);
        const double acceleration = sampler.draw(low, limit);
        best = {low, acceleration, sampler.mask()};
    }
    return best;
}

float largest_slope(std::int64_t height, std::int64_t width) { return static_cast<float>(std::max(height, width)); }

// The slope for a reference order: from here the search for any other order is short. Kept for all masks of the same kind; who
// computes it, and whether it is computed twice by two threads, makes no difference to its value.
float reference_slope(const MaskOptions& options, const Grid& grid) {
    using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, double, double>;
    static std::mutex mutex;
    static std::map<Key, float> known;
    const Key key{grid.height, grid.width, grid.calibration, options.acceleration, options.tolerance};
    {
        const std::lock_guard lock(mutex);
        if (const auto found = known.find(key); found != known.end()) return found->second;
    }
    Philox random(reference_seed, Purpose::mask);
    Sampler sampler(grid, random);
    const float largest = largest_slope(grid.height, grid.width);
    const float slope = search(sampler, options, std::min(4.0F, largest), 1.0F, largest).slope;
    const std::lock_guard lock(mutex);
    if (known.size() >= 1024) known.clear();
    known[key] = slope;
    return slope;
}

}  // namespace

PoissonDisc poisson_disc_mask(const MaskOptions& options, std::int64_t height, std::int64_t width, Philox& random) {
    const Grid grid(height, width, options.calibration);
    const float start = reference_slope(options, grid);
    Sampler sampler(grid, random);
    const PoissonDisc found = search(sampler, options, start, std::max(0.01F * start, 0.001F), largest_slope(height, width));
    const double off = std::abs(found.acceleration - options.acceleration);
    if (off > std::max(options.tolerance, relative_limit * options.acceleration))
        throw ConfigError(
            "mask",
            fmt::format("a Poisson-disc mask of {} x {} points with {} x {} for calibration has no acceleration of {:g}; "
                        "the closest found is {:.3g}",
                        height, width, options.calibration, options.calibration, options.acceleration, found.acceleration),
            found.acceleration < options.acceleration ? "lower mask.calibration or mask.acceleration"
                                                      : "raise mask.acceleration");
    return found;
}

}  // namespace gleam::data
