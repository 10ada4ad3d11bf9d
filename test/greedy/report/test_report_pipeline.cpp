// The report's picture of a pipeline.
#include "greedy/report/charts.hpp"
#include "greedy/report/report_content.hpp"
#include "greedy/report/report_sections.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy;
using namespace gleam::greedy::report;

namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

// A rank that begins step s at s + rank seconds, waits for a quarter of a second and computes for half a one.
RankTimes make_rank(std::int64_t rank, std::int64_t steps) {
    RankTimes r{rank, 0, 2 * rank + 1, 2 * rank + 2, static_cast<double>(steps), {}, {}};
    for (std::int64_t s = 1; s <= steps; ++s) {
        const double at = static_cast<double>(s + rank);
        r.spans.push_back({s, rank == 0 ? SpanKind::data : SpanKind::wait, at, at + 0.25});
        r.spans.push_back({s, SpanKind::compute, at + 0.25, at + 0.75});
    }
    r.totals[static_cast<std::size_t>(rank == 0 ? SpanKind::data : SpanKind::wait)] = 0.25 * static_cast<double>(steps);
    r.totals[static_cast<std::size_t>(SpanKind::compute)] = (rank == 1 ? 0.6 : 0.5) * static_cast<double>(steps);
    return r;
}

ReportContent make_content(std::int64_t ranks, std::int64_t steps) {
    ReportContent content;
    content.runs.resize(1);
    content.runs[0].name = "a <pipeline>";
    for (std::int64_t r = 0; r < ranks; ++r) content.runs[0].pipeline.push_back(make_rank(r, steps));
    return content;
}

}  // namespace

TEST_CASE("The pipeline has a row for every rank and a bar for every span, with what it is") {
    const std::string section = pipeline_section(make_content(3, 10));
    CHECK(count(section, "<svg ") == 1);
    CHECK(count(section, "<rect ") == 3 * 2 * 10);
    for (const char* row : {"rank 0, modules 1–2</text>", "rank 1, modules 3–4</text>", "rank 2, modules 5–6</text>"})
        CHECK(count(section, row) == 1);
    CHECK(count(section, "<title>rank 2, step 7, compute: 500 ms</title>") == 1);
    CHECK(count(section, "<title>rank 0, step 7, data: 250 ms</title>") == 1);
    CHECK(count(section, ">10</text>") >= 3);  // the step, on three bars
    CHECK_THAT(section, ContainsSubstring("a &lt;pipeline&gt;") && ContainsSubstring("time, s"));
}

TEST_CASE("A step that was interrupted has its number once, on its longest bar") {
    ReportContent content = make_content(2, 2);
    content.runs[0].pipeline[0].spans.push_back({2, SpanKind::room, 2.75, 3});
    content.runs[0].pipeline[0].spans.push_back({2, SpanKind::compute, 3, 4});
    const std::string section = pipeline_section(content);
    CHECK(count(section, "class=\"on\">2</text>") == 2);
    CHECK(count(section, "<title>rank 0, step 2, compute: 1.00 s</title></rect>\n<text") == 1);
    CHECK(count(section, "<title>rank 0, step 2, compute: 500 ms</title></rect>\n<text") == 0);
}

TEST_CASE("Of a long run the first and the last steps are drawn") {
    const std::string section = pipeline_section(make_content(2, 72));
    CHECK(count(section, "<svg ") == 2);
    for (const char* step : {"step 1,", "step 8,", "step 57,", "step 72,"}) CHECK(count(section, step) == 2 * 2);
    for (const char* step : {"step 9,", "step 56,"}) CHECK_FALSE(holds(section, step));
}

TEST_CASE("A long wait before the first step and a long validation behind the last one take no room") {
    ReportContent content = make_content(2, 3);
    auto& ranks = content.runs[0].pipeline;
    ranks[1].spans.insert(ranks[1].spans.begin(), {1, SpanKind::wait, -1000, 2});
    ranks[1].spans.push_back({3, SpanKind::validate, 5, 5000});
    const std::string section = pipeline_section(content);
    CHECK_FALSE(holds(section, "1,000</text>"));
    CHECK_FALSE(holds(section, "validate: 1.39 h"));
    CHECK(holds(section, "step 3, compute"));
}

TEST_CASE("The table has the share of every kind of time, and the efficiency is that of the rank that computes longest") {
    const std::string section = pipeline_section(make_content(2, 10));
    CHECK_THAT(section, ContainsSubstring("Efficiency: 60.0 %. Rank 1 computes longest, for 6.00 s of 10.0 s."));
    CHECK_THAT(section, ContainsSubstring("<th scope=\"row\">rank 0, modules 1–2</th><td>25.0 %</td><td>0.0 %</td><td>0.0 "
                                          "%</td><td>50.0 %</td><td>0.0 %</td><td>0.0 %</td><td>0.0 %</td><td>25.0 "
                                          "%</td><td>10.0 s</td>"));
}

TEST_CASE("Replicas are named where there are several") {
    ReportContent content = make_content(2, 3);
    CHECK_FALSE(holds(pipeline_section(content), "replica 0"));
    content.runs[0].pipeline[1].replica = 1;
    content.runs[0].pipeline[1].last_module = content.runs[0].pipeline[1].first_module;
    CHECK(holds(pipeline_section(content), "rank 1, replica 1, module 3"));
}

TEST_CASE("Runs without a timeline, and runs of one rank, have no such section") {
    CHECK(pipeline_section({}).empty());
    CHECK(pipeline_section(make_content(0, 3)).empty());
    CHECK(pipeline_section(make_content(1, 3)).empty());
    CHECK_FALSE(holds(render_html(make_content(1, 3)), "#pipeline"));
    const std::string page = render_html(make_content(2, 3));
    CHECK(count(page, "href=\"#pipeline\"") == 1);
    CHECK(count(page, "<section id=\"pipeline\">") == 1);
}

TEST_CASE("Timelines of nothing, of infinite length and of unknown totals are drawn as far as they can be") {
    ReportContent content = make_content(2, 0);
    CHECK(holds(pipeline_section(content), "No steps were recorded."));
    content = make_content(2, 2);
    auto& ranks = content.runs[0].pipeline;
    ranks[0].spans.push_back({3, SpanKind::compute, -1e308, 1e308});
    ranks[0].spans.push_back({INT64_MAX, SpanKind::compute, 0, 1});
    ranks[0].totals.fill(not_known);
    ranks[1].seconds = not_known;
    const std::string section = pipeline_section(content);
    for (const char* word : {">nan", "\"nan", "\"inf", "\"-inf", "-nan"}) CHECK_FALSE(holds(section, word));
}

TEST_CASE("The unit of the axis follows its length") {
    TimelineChart chart;
    chart.rows = {{"row", {{0, 1, "red", "", ""}}}};
    for (const auto& [length, unit] : {std::pair<double, const char*>{1e-3, "µs"}, {0.5, "ms"}, {60, "s"}}) {
        chart.high = length;
        CHECK_THAT(draw_timeline(chart), ContainsSubstring(std::string("time, ") + unit + "<"));
    }
}
