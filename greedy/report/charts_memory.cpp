// Bars: memory of each run, planned beside measured, and time per step.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "greedy/report/charts.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/svg.hpp"

namespace gleam::greedy::report {
namespace {

struct Unit {
    double bytes;
    const char* name;
};

Unit unit_of(double largest) {
    if (largest >= 2.0 * (1 << 30)) return {1 << 30, "GiB"};
    if (largest >= 2.0 * (1 << 20)) return {1 << 20, "MiB"};
    if (largest >= 2.0 * (1 << 10)) return {1 << 10, "KiB"};
    return {1, "B"};
}

double total(const std::vector<double>& parts) {
    double sum = 0;
    for (double v : parts) sum += std::isfinite(v) ? v : 0;
    return sum;
}

bool any(const std::vector<double>& parts) {
    return std::any_of(parts.begin(), parts.end(), [](double v) { return std::isfinite(v); });
}

Scale from_zero(double largest, double left, double right) { return Scale{0, largest > 0 ? largest : 1, left, right, false}; }

void draw_stack(Svg& svg, const MemoryChart& chart, const std::vector<double>& parts, const Scale& x, double unit, double top,
                double height, const std::string& what, bool faded) {
    double sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!std::isfinite(parts[i]) || parts[i] <= 0) continue;
        const double begin = x(sum / unit), end = x((sum + parts[i]) / unit);
        // A gap of a pixel keeps neighbours apart without relying on colour.
        svg.rect(begin, top, std::max(end - begin - 1, 0.6), height,
                 fmt::format("fill:{}{}", chart.colours[i], faded ? ";opacity:.55" : ""),
                 fmt::format("{}, {}: {}", chart.arenas[i], what, format_size(parts[i])));
        sum += parts[i];
    }
    svg.text(x(sum / unit) + 6, top + height / 2 + 4, any(parts) ? what + " " + format_size(sum) : what + " –", Anchor::start,
             "strong");
}

void draw_process(Svg& svg, const MemoryRow& row, const Scale& x, double unit, double top, double height) {
    const bool start = std::isfinite(row.process_start), peak = std::isfinite(row.process_peak);
    if (start) {
        svg.rect(x.from, top, x(row.process_start / unit) - x.from, height, "fill:var(--level);opacity:.45",
                 "process at start: " + format_size(row.process_start));
        svg.text(x.from + 6, top - 5, "start " + format_size(row.process_start));
    }
    if (!peak) return;
    const double from = start ? x(std::min(row.process_start, row.process_peak) / unit) + 1 : x.from;
    svg.rect(from, top, x(row.process_peak / unit) - from, height, "fill:var(--level)",
             "process at its peak: " + format_size(row.process_peak));
    svg.text(x(row.process_peak / unit) + 6, top + height / 2 + 4, "peak " + format_size(row.process_peak), Anchor::start,
             "strong");
}

}  // namespace

std::string draw_memory(const MemoryChart& chart) {
    double arenas = 0, process = 0, widest = 40;
    for (const MemoryRow& row : chart.rows) {
        arenas = std::max({arenas, total(row.planned), total(row.measured)});
        for (double v : {row.process_start, row.process_peak})
            if (std::isfinite(v)) process = std::max(process, v);
        widest = std::max(widest, text_width(row.label, true));
    }
    const double text_room = 126, left = std::min(widest + 16, chart.width * 0.25),
                 split = chart.width * (process > 0 ? 0.70 : 1.0);
    const double row_height = 66, bottom = 20 + row_height * static_cast<double>(chart.rows.size());
    const Unit unit = unit_of(arenas), process_unit = unit_of(process);
    const Scale x = from_zero(arenas / unit.bytes, left, split - text_room);
    const Scale px = from_zero(process / process_unit.bytes, split + 24, chart.width - text_room + 12);
    Svg svg(chart.width, bottom + 48, chart.title, chart.description);
    draw_x_axis(svg, x, linear_ticks(0, x.high, 7), 8, bottom, fmt::format("arenas, {}", unit.name), true);
    if (process > 0)
        draw_x_axis(svg, px, linear_ticks(0, px.high, 3), 8, bottom, fmt::format("process, {}", process_unit.name), true);
    for (std::size_t r = 0; r < chart.rows.size(); ++r) {
        const double top = 20 + row_height * static_cast<double>(r);
        svg.text(left - 12, top + 27, shortened(chart.rows[r].label, left - 14, true), Anchor::end, "name");
        draw_stack(svg, chart, chart.rows[r].planned, x, unit.bytes, top, 20, "planned", true);
        draw_stack(svg, chart, chart.rows[r].measured, x, unit.bytes, top + 23, 20, "measured", false);
        if (process > 0) draw_process(svg, chart.rows[r], px, process_unit.bytes, top + 12, 20);
    }
    return svg.finish();
}

std::string draw_times(const std::vector<TimeRow>& rows, double width) {
    double longest = 0, widest = 40;
    for (const TimeRow& row : rows) {
        for (double v : {row.p10, row.median, row.p90})
            if (std::isfinite(v)) longest = std::max(longest, v);
        widest = std::max(widest, text_width(row.label, true));
    }
    const bool milliseconds = longest < 1;
    const double factor = milliseconds ? 1e3 : 1;
    const double left = std::min(widest + 16, width * 0.3), bottom = 8 + 34 * static_cast<double>(rows.size());
    const Scale x = from_zero(longest * factor * 1.02, left, width - 90);
    Svg svg(width, bottom + 48, "Time per training step",
            "One row per run: median, and the range from the 10th to the 90th percentile.");
    draw_x_axis(svg, x, linear_ticks(0, x.high, 8), 8, bottom, milliseconds ? "time per step, ms" : "time per step, s", true);
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const TimeRow& row = rows[r];
        const double middle = 8 + 34 * (static_cast<double>(r) + 0.5);
        svg.text(left - 12, middle + 4, shortened(row.label, left - 14, true), Anchor::end, "name");
        const double high = std::isfinite(row.p90) ? row.p90 : row.median;
        if (std::isfinite(row.p10) && std::isfinite(row.p90))
            svg.rect(x(row.p10 * factor), middle - 5, x(row.p90 * factor) - x(row.p10 * factor), 10,
                     "fill:" + row.colour + ";opacity:.35");
        if (!std::isfinite(row.median)) continue;
        svg.marker(0, x(row.median * factor), middle, 11, row.colour, "halo",
                   row.label + ": median " + format_seconds(row.median));
        svg.text(x(high * factor) + 12, middle + 4, format_seconds(row.median), Anchor::start, "strong");
    }
    return svg.finish();
}

}  // namespace gleam::greedy::report
