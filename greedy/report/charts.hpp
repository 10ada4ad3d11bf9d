// The charts of the report. Each returns one <svg>; legends are lists beside it.
#pragma once

#include <string>
#include <vector>

namespace gleam::greedy::report {

// Points in the order of x; y may hold NaN and infinities (gaps).
struct Curve {
    std::string label;   // written beside its last point
    std::string colour;  // CSS
    std::size_t shape = 0;
    std::vector<double> x, y;
    double highlight_x = -1;  // the point at this x is marked (best); none when negative
};

// A dashed horizontal line.
struct Level {
    std::string label;
    double y;
};

struct LineChart {
    std::string title, description, x_label, y_label;
    double width = 1120, height = 400;
    std::vector<Curve> curves;
    std::vector<Level> levels;
    bool log_y = false;
    bool smooth = false;       // the running mean over the faint raw curve; otherwise the curve with markers
    int decimals = 2;          // of values in tooltips
    double low = 0, high = 0;  // the y axis, when low < high; otherwise from the data
};
std::string draw_lines(const LineChart& chart);

// Running mean over `window` values around each, of those that are finite; NaN where there are none.
std::vector<double> running_mean(const std::vector<double>& values, std::size_t window);
// How many values `draw_lines` averages out of n.
std::size_t smoothing_window(std::size_t n);

// For each method a row of dots, one per slice, and its mean as an upright line.
struct DotRow {
    std::string label, colour;
    std::vector<double> values;
    double mean;
};
struct DotChart {
    std::string title, description, x_label;
    double width = 550;
    int decimals = 2;
    std::vector<DotRow> rows;
};
std::string draw_dots(const DotChart& chart);

// Memory of one run in bytes; NaN where not known.
struct MemoryRow {
    std::string label;
    std::vector<double> planned, measured;  // one entry per name in MemoryChart::arenas
    double process_start, process_peak;
};
struct MemoryChart {
    std::string title, description;
    std::vector<std::string> arenas, colours;
    std::vector<MemoryRow> rows;
    double width = 1120;
};
std::string draw_memory(const MemoryChart& chart);

// Time per step: the median as a dot on the bar from the 10th to the 90th percentile, seconds from 0.
struct TimeRow {
    std::string label, colour;
    double p10, median, p90;
};
std::string draw_times(const std::vector<TimeRow>& rows, double width);

// What each of some rows did when, from `low` to `high` seconds; what lies outside is cut off.
struct TimelineBar {
    double begin, end;
    std::string colour, tooltip, label;  // the label where there is room
};
struct TimelineRow {
    std::string label;
    std::vector<TimelineBar> bars;
};
struct TimelineChart {
    std::string title, description;
    double low = 0, high = 0;
    double width = 1120;
    std::vector<TimelineRow> rows;
};
std::string draw_timeline(const TimelineChart& chart);

// "<li>" entries for the legend.
std::string legend_line(const std::string& colour, std::size_t shape, const std::string& text, bool with_marker);
std::string legend_dashed(const std::string& text);
std::string legend_box(const std::string& colour, const std::string& text);

}  // namespace gleam::greedy::report
