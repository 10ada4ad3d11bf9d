#include "greedy/report/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "greedy/report/html.hpp"
#include "greedy/report/svg.hpp"

namespace gleam::greedy::report {
namespace {

using Points = std::vector<std::pair<double, double>>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double label_distance = 14;

Points place(const std::vector<double>& xs, const std::vector<double>& ys, const Scale& x, const Scale& y) {
    Points points;
    for (std::size_t i = 0; i < std::min(xs.size(), ys.size()); ++i)
        points.emplace_back(x.has(xs[i]) ? x(xs[i]) : nan, y.has(ys[i]) ? y(ys[i]) : nan);
    return points;
}

// At most two points (lowest and highest) per pixel column of a long curve: it looks the same and the page stays small.
Points thinned(const Points& points, std::size_t limit) {
    if (points.size() <= limit) return points;
    const std::size_t stride = (2 * points.size() + limit - 1) / limit;
    Points out;
    for (std::size_t i = 0; i < points.size(); i += stride) {
        const auto first = points.begin() + static_cast<std::ptrdiff_t>(i);
        const auto last = points.begin() + static_cast<std::ptrdiff_t>(std::min(i + stride, points.size()));
        auto lowest = last, highest = last;
        for (auto p = first; p != last; ++p) {
            if (!std::isfinite(p->second)) continue;
            if (lowest == last || p->second < lowest->second) lowest = p;
            if (highest == last || p->second > highest->second) highest = p;
        }
        if (lowest == last) {
            out.emplace_back(nan, nan);
            continue;
        }
        out.push_back(*std::min(lowest, highest));
        if (lowest != highest) out.push_back(*std::max(lowest, highest));
    }
    return out;
}

Points strided(const Points& points, std::size_t limit) {
    const std::size_t stride = std::max<std::size_t>(1, points.size() / limit);
    Points out;
    for (std::size_t i = 0; i < points.size(); i += stride) out.push_back(points[i]);
    if (!points.empty() && (points.size() - 1) % stride != 0) out.push_back(points.back());
    return out;
}

std::size_t finite_count(const Points& points) {
    return static_cast<std::size_t>(std::count_if(
        points.begin(), points.end(), [](const auto& p) { return std::isfinite(p.first) && std::isfinite(p.second); }));
}

struct EndLabel {
    std::string text, colour;
    double x, y;
};

// Names beside the ends of their lines, moved apart where they would meet.
void draw_end_labels(Svg& svg, const std::vector<EndLabel>& labels, double right, double width, double top, double bottom) {
    std::vector<double> wanted;
    for (const EndLabel& l : labels) wanted.push_back(l.y);
    const std::vector<double> at = spread(wanted, label_distance, top + 4, bottom);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (std::abs(at[i] - wanted[i]) > 3 || labels[i].x < right - 12)
            svg.path({{labels[i].x + 5, wanted[i]}, {right + 4, wanted[i]}, {right + 13, at[i]}}, "leader", "");
        svg.line(right + 14, at[i], right + 24, at[i], labels[i].colour.empty() ? "level" : "curve",
                 labels[i].colour.empty() ? "" : "stroke:" + labels[i].colour);
        svg.text(right + 29, at[i] + 4, shortened(labels[i].text, width - right - 30), Anchor::start, "strong");
    }
}

// Room for the names at the right.
double label_room(const LineChart& chart) {
    double widest = 0;
    for (const Curve& c : chart.curves) widest = std::max(widest, text_width(c.label));
    for (const Level& l : chart.levels) widest = std::max(widest, text_width(l.label));
    return std::clamp(widest + 32, 40.0, chart.width * 0.35);
}

Scale y_scale(const LineChart& chart, double top, double bottom) {
    Scale y{0, 1, bottom, top, chart.log_y};
    if (chart.low < chart.high) {
        y.low = chart.low, y.high = chart.high;
        return y;
    }
    ValueRange range;
    auto add = [&](double v) {
        if (y.has(v)) range.add(chart.log_y ? std::log(v) : v);
    };
    for (const Curve& c : chart.curves)
        for (double v : c.y) add(v);
    for (const Level& l : chart.levels) add(l.y);
    range = range.padded(0.05);
    y.low = chart.log_y ? std::exp(range.low) : range.low, y.high = chart.log_y ? std::exp(range.high) : range.high;
    return y;
}

void draw_markers(Svg& svg, const LineChart& chart, const Curve& curve, const Points& points) {
    const bool all = points.size() <= 80;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (!std::isfinite(points[i].first) || !std::isfinite(points[i].second)) continue;
        const bool marked = curve.x[i] == curve.highlight_x;
        if (!all && !marked) continue;
        const std::string tooltip = fmt::format("{}: {} at {} {}", curve.label, fixed(curve.y[i], chart.decimals), chart.x_label,
                                                fmt::format("{:g}", curve.x[i]));
        svg.marker(curve.shape, points[i].first, points[i].second, marked ? 13 : 7, curve.colour, marked ? "halo" : "", tooltip);
    }
}

// Draws one curve; returns where its last finite point is (NaN when it has none).
std::pair<double, double> draw_curve(Svg& svg, const LineChart& chart, const Curve& curve, const Scale& x, const Scale& y) {
    const Points points = place(curve.x, curve.y, x, y);
    const std::string stroke = "stroke:" + curve.colour;
    Points main = points;
    const std::size_t window = smoothing_window(points.size());
    if (chart.smooth && window > 1) {
        svg.path(thinned(points, 700), "raw", stroke);
        main = strided(place(curve.x, running_mean(curve.y, window), x, y), 350);
    } else if (chart.smooth) {
        main = thinned(points, 700);
    }
    svg.path(main, "curve", stroke);
    if (!chart.smooth || finite_count(points) < 2) draw_markers(svg, chart, curve, points);
    for (auto p = main.rbegin(); p != main.rend(); ++p)
        if (std::isfinite(p->first) && std::isfinite(p->second)) return *p;
    return {nan, nan};
}

}  // namespace

std::size_t smoothing_window(std::size_t n) { return n < 20 ? 1 : std::clamp<std::size_t>(n / 25, 3, 501) | 1u; }

std::vector<double> running_mean(const std::vector<double>& values, std::size_t window) {
    // Sums over a sliding window. At the start, where losses fall fast, it shrinks so that it stays centred; at the end it is cut
    // off.
    std::vector<double> sums{0};
    std::vector<std::size_t> counts{0};
    for (double v : values) {
        sums.push_back(sums.back() + (std::isfinite(v) ? v : 0));
        counts.push_back(counts.back() + (std::isfinite(v) ? 1 : 0));
    }
    std::vector<double> means;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t half = std::min(window / 2, i), begin = i - half, end = std::min(i + half + 1, values.size());
        const std::size_t n = counts[end] - counts[begin];
        means.push_back(n ? (sums[end] - sums[begin]) / static_cast<double>(n) : nan);
    }
    return means;
}

std::string draw_lines(const LineChart& chart) {
    const double left = 70, right = chart.width - label_room(chart), top = 12, bottom = chart.height - 50;
    ValueRange steps;
    for (const Curve& c : chart.curves)
        for (double v : c.x) steps.add(v);
    if (steps.empty || !(steps.high > steps.low)) steps = steps.padded(0);
    const Scale x{steps.low, steps.high, left, right, false}, y = y_scale(chart, top, bottom);
    Svg svg(chart.width, chart.height, chart.title, chart.description);
    draw_y_axis(svg, y, y.log ? log_ticks(y.low, y.high) : linear_ticks(y.low, y.high, 6), left, right, chart.y_label);
    draw_x_axis(svg, x, linear_ticks(x.low, x.high, chart.width > 800 ? 10 : 6), top, bottom, chart.x_label, false);
    std::vector<EndLabel> labels;
    for (const Level& level : chart.levels) {
        if (!y.has(level.y)) continue;
        svg.line(left, y(level.y), right, y(level.y), "level");
        labels.push_back({level.label, "", right, y(level.y)});
    }
    for (const Curve& curve : chart.curves) {
        const auto [end_x, end_y] = draw_curve(svg, chart, curve, x, y);
        if (std::isfinite(end_x)) labels.push_back({curve.label, curve.colour, end_x, end_y});
    }
    draw_end_labels(svg, labels, right, chart.width, top, bottom);
    return svg.finish();
}

std::string draw_dots(const DotChart& chart) {
    double widest = 60;
    ValueRange range;
    for (const DotRow& row : chart.rows) {
        widest = std::max(widest, text_width(row.label));
        range.add(row.mean);
        for (double v : row.values) range.add(v);
    }
    range = range.padded(0.05);
    const double left = std::min(widest + 14, chart.width * 0.4), right = chart.width - 16, row_height = 34;
    const double bottom = 8 + row_height * static_cast<double>(chart.rows.size());
    const Scale x{range.low, range.high, left, right, false};
    Svg svg(chart.width, bottom + 48, chart.title, chart.description);
    draw_x_axis(svg, x, linear_ticks(x.low, x.high, 6), 8, bottom, chart.x_label, true);
    for (std::size_t r = 0; r < chart.rows.size(); ++r) {
        const DotRow& row = chart.rows[r];
        const double middle = 8 + row_height * (static_cast<double>(r) + 0.5);
        svg.text(left - 10, middle + 4, shortened(row.label, left - 10), Anchor::end, "strong");
        for (std::size_t i = 0; i < row.values.size(); ++i) {
            if (!x.has(row.values[i])) continue;
            // A fixed pattern of small offsets, so that equal values do not hide one another.
            const double offset = 3.2 * (static_cast<double>((i * 3) % 5) - 2);
            svg.marker(0, x(row.values[i]), middle + offset, 6.5, row.colour, "dot",
                       fmt::format("{}: {}", row.label, fixed(row.values[i], chart.decimals)));
        }
        if (x.has(row.mean))
            svg.line(x(row.mean), middle - 12, x(row.mean), middle + 12, "curve", "stroke:" + row.colour + ";stroke-width:3");
    }
    return svg.finish();
}

std::string legend_line(const std::string& colour, std::size_t shape, const std::string& text, bool with_marker) {
    Svg svg(30, 12, text, "");
    svg.line(1, 6, 29, 6, "curve", "stroke:" + colour);
    if (with_marker) svg.marker(shape, 15, 6, 8, colour);
    return "<li>" + svg.finish() + escape_html(text) + "</li>\n";
}

std::string legend_dashed(const std::string& text) {
    Svg svg(30, 12, text, "");
    svg.line(1, 6, 29, 6, "level");
    return "<li>" + svg.finish() + escape_html(text) + "</li>\n";
}

std::string legend_box(const std::string& colour, const std::string& text) {
    return fmt::format("<li><span class=\"key\" style=\"background:{}\"></span>{}</li>\n", colour, escape_html(text));
}

}  // namespace gleam::greedy::report
