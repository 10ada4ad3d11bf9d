#include <algorithm>
#include <cmath>
#include <limits>

#include "greedy/report/charts.hpp"
#include "greedy/report/svg.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy::report;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

std::string labels(const std::vector<Tick>& ticks) {
    std::string out;
    for (const Tick& t : ticks) out += (out.empty() ? "" : " ") + t.label;
    return out;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Ticks lie at nice numbers inside the axis") {
    CHECK(labels(linear_ticks(0, 10, 5)) == "0 2 4 6 8 10");
    CHECK(labels(linear_ticks(30.9, 38.2, 6)) == "31 32 33 34 35 36 37 38");
    CHECK(labels(linear_ticks(0.11, 0.52, 4)) == "0.2 0.3 0.4 0.5");
    CHECK(labels(linear_ticks(-1, 1, 4)) == "−1.0 −0.5 0.0 0.5 1.0");
    CHECK(labels(linear_ticks(0, 6000, 6)) == "0 1,000 2,000 3,000 4,000 5,000 6,000");
    CHECK(labels(log_ticks(0.009, 0.6)) == "0.01 0.02 0.05 0.1 0.2 0.5");
    CHECK(labels(log_ticks(1e-6, 1)) == "10⁻⁶ 10⁻⁵ 10⁻⁴ 0.001 0.01 0.1 1");
    CHECK(labels(log_ticks(0.02, 0.03)) == labels(linear_ticks(0.02, 0.03, 5)));
}

TEST_CASE("Axes that cannot be have no ticks, and none hangs") {
    CHECK(linear_ticks(1, 1, 5).empty());
    CHECK(linear_ticks(0, inf, 5).empty());
    CHECK(linear_ticks(not_a_number, 1, 5).empty());
    CHECK(linear_ticks(-1e308, 1e308, 5).empty());
    CHECK(linear_ticks(1e16, 1e16 + 4, 5).size() <= 100);
    CHECK(log_ticks(0, 1).empty());
    CHECK(log_ticks(1e-300, 1e300).size() <= 12);
}

TEST_CASE("A range ignores what is not finite and never has extent zero") {
    ValueRange range;
    range.add(not_a_number), range.add(inf);
    CHECK(range.empty);
    CHECK(range.padded(0.1).low < range.padded(0.1).high);
    range.add(5);
    CHECK(range.padded(0.05).low < 5);
    CHECK(range.padded(0.05).high > 5);
    range.add(15);
    CHECK(range.padded(0.1).high == Approx(16));
}

TEST_CASE("Labels are moved apart, keep their order and stay inside") {
    const auto placed = spread({50, 51, 10, 52}, 14, 0, 100);
    CHECK(placed[2] == Approx(10));
    CHECK(placed[1] - placed[0] == Approx(14));
    CHECK(placed[3] - placed[1] == Approx(14));
    CHECK((placed[0] + placed[1] + placed[3]) / 3 == Approx(51));
    const auto low = spread({99, 98, 100}, 14, 0, 100);
    CHECK(low[2] == Approx(100));
    CHECK(low[1] == Approx(72));
    CHECK(spread({}, 14, 0, 100).empty());
}

TEST_CASE("Long names are cut between characters") {
    CHECK(shortened("greedy", 100) == "greedy");
    CHECK(shortened("abcdefghij", 35) == "abcd…");
    CHECK(shortened("µµµµµµµµµµ", 35) == "µµµµ…");
    CHECK(shortened("abc", 1) == "…");
}

TEST_CASE("The running mean averages, skips gaps and keeps the length") {
    const auto mean = running_mean({1, 2, 3, 4, 5}, 3);
    CHECK(mean == std::vector<double>{1, 2, 3, 4, 4.5});
    const auto gaps = running_mean({not_a_number, not_a_number, not_a_number, 4, inf, 8}, 3);
    CHECK(std::isnan(gaps[1]));
    CHECK(gaps[3] == 4);
    CHECK(gaps[4] == 6);
    CHECK(running_mean({}, 3).empty());
}

TEST_CASE("A line chart draws every curve once, breaks at gaps and names the axes") {
    LineChart chart;
    chart.title = "Title", chart.description = "What <is> shown", chart.x_label = "step", chart.y_label = "loss";
    chart.curves = {{"one", "red", 0, {0, 1, 2, 3}, {1, 2, not_a_number, 3}}, {"two", "blue", 1, {5}, {2}}};
    chart.levels = {{"baseline", 1.5}, {"unknown", not_a_number}};
    const std::string svg = draw_lines(chart);
    for (const char* part : {">one<", ">two<", ">baseline<", ">step<", ">loss<", "What &lt;is&gt; shown", "class=\"level\""})
        CHECK(holds(svg, part));
    CHECK_FALSE(holds(svg, ">unknown<"));
    CHECK_FALSE(holds(svg, "nan"));
    CHECK_FALSE(holds(svg, "inf"));
    const auto path = svg.find("class=\"curve\" style=\"stroke:red\" d=\"");
    REQUIRE(path != std::string::npos);
    const std::string d = svg.substr(path, svg.find("/>", path) - path);
    CHECK(std::count(d.begin(), d.end(), 'M') == 2);  // pen up at the gap
}

TEST_CASE("Charts of nothing, of one point and of values without a place are drawn") {
    LineChart chart;
    CHECK(holds(draw_lines(chart), "</svg>"));
    chart.log_y = true;
    chart.curves = {{"c", "red", 0, {1, 2, 3}, {0, -1, inf}}};
    CHECK_FALSE(holds(draw_lines(chart), ">c<"));  // no point, no name
    chart.curves = {{"c", "red", 0, {7}, {0.5}}};
    CHECK(holds(draw_lines(chart), ">c<"));
    CHECK(holds(draw_dots({"t", "d", "x", 500, 2, {{"row", "red", {not_a_number, inf}, not_a_number}}}), ">row<"));
    CHECK(holds(draw_memory({"t", "d", {"a"}, {"red"}, {{"run", {not_a_number}, {not_a_number}, not_a_number, not_a_number}}}),
                ">run<"));
    CHECK(holds(draw_times({{"run", "red", not_a_number, not_a_number, not_a_number}}, 500), ">run<"));
}

TEST_CASE("A long curve stays small but keeps its spikes") {
    LineChart chart;
    chart.smooth = true;
    Curve curve{"c", "red", 0, {}, {}};
    for (int i = 0; i < 100000; ++i) {
        curve.x.push_back(i);
        curve.y.push_back(i == 54321 ? 50.0 : 1.0 + 0.1 * (i % 7));
    }
    chart.curves = {curve};
    const std::string svg = draw_lines(chart);
    CHECK(svg.size() < 60000);
    chart.curves[0].y[54321] = 1;
    CHECK(svg != draw_lines(chart));
}

TEST_CASE("Memory bars are as long as the bytes say") {
    const double mib = 1048576;
    const std::string svg = draw_memory({"t",
                                         "d",
                                         {"params", "activations"},
                                         {"red", "blue"},
                                         {{"run", {10 * mib, 30 * mib}, {10 * mib, 30 * mib}, not_a_number, not_a_number}}});
    CHECK(holds(svg, "planned 40.0 MiB"));
    CHECK(holds(svg, "measured 40.0 MiB"));
    CHECK(holds(svg, "arenas, MiB"));
    auto width_after = [&](const std::string& colour) {
        const auto style = svg.find("fill:" + colour + "\"");
        const auto width = svg.rfind("width=\"", style);
        return std::stod(svg.substr(width + 7));
    };
    CHECK((width_after("blue") + 1) / (width_after("red") + 1) == Approx(3).epsilon(0.01));
}
