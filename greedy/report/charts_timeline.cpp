// Bars along an axis of time: what the ranks of a pipeline did when.
#include <algorithm>
#include <cmath>

#include "greedy/report/charts.hpp"
#include "greedy/report/svg.hpp"

namespace gleam::greedy::report {
namespace {

constexpr double row_height = 28, bar_height = 22;

struct Axis {
    double factor;  // from seconds
    const char* unit;
};

Axis axis_of(double seconds) {
    if (seconds < 2e-3) return {1e6, "µs"};
    if (seconds < 2) return {1e3, "ms"};
    return {1, "s"};
}

void draw_bar(Svg& svg, const TimelineBar& bar, const TimelineChart& chart, const Scale& x, double factor, double top) {
    const double begin = std::max(bar.begin, chart.low), end = std::min(bar.end, chart.high);
    if (!(begin < end)) return;
    const double from = x((begin - chart.low) * factor), to = x((end - chart.low) * factor);
    const double gap = to - from > 3 ? 1 : 0;  // keeps neighbours apart without relying on colour
    const double width = std::max(to - from - gap, 0.5);
    svg.rect(from, top, width, bar_height, "fill:" + bar.colour, bar.tooltip);
    if (!bar.label.empty() && text_width(bar.label, true) + 4 <= width)
        svg.text(from + width / 2, top + bar_height / 2 + 4, bar.label, Anchor::middle, "on");
}

}  // namespace

std::string draw_timeline(const TimelineChart& chart) {
    const double extent = chart.high > chart.low ? chart.high - chart.low : 1;
    const Axis axis = axis_of(extent);
    double widest = 40;
    for (const TimelineRow& row : chart.rows) widest = std::max(widest, text_width(row.label, true));
    const double left = std::min(widest + 16, chart.width * 0.3), right = chart.width - 20;
    const double top = 8, bottom = top + row_height * static_cast<double>(chart.rows.size());
    const Scale x{0, extent * axis.factor, left, right, false};
    Svg svg(chart.width, bottom + 48, chart.title, chart.description);
    draw_x_axis(svg, x, linear_ticks(0, x.high, 10), top, bottom, std::string("time, ") + axis.unit, true);
    for (std::size_t r = 0; r < chart.rows.size(); ++r) {
        const double row_top = top + row_height * static_cast<double>(r) + (row_height - bar_height) / 2;
        svg.text(left - 12, row_top + bar_height / 2 + 4, shortened(chart.rows[r].label, left - 14, true), Anchor::end, "name");
        for (const TimelineBar& bar : chart.rows[r].bars) draw_bar(svg, bar, chart, x, axis.factor, row_top);
    }
    return svg.finish();
}

}  // namespace gleam::greedy::report
