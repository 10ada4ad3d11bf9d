// Who computed what when: the ranks of a pipeline side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "greedy/report/charts.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/report_sections.hpp"

namespace gleam::greedy::report {
namespace {

constexpr std::int64_t last_steps_shown = 16;

struct Look {
    const char* colour;
    const char* meaning;
};

// In the order of SpanKind. What is not work is paler.
constexpr std::array<Look, span_kinds> looks{{
    {"var(--c1)", "waiting for data"},
    {"var(--rule)", "waiting for an image from the rank before"},
    {"var(--level)", "waiting for room towards the next rank"},
    {"var(--c0)", "computing; the number is the step"},
    {"var(--c4)", "averaging gradients over replicas"},
    {"var(--c3)", "validating"},
    {"var(--c5)", "saving"},
}};

std::string name_of(const Run& run, const RankTimes& rank) {
    const bool replicas = std::any_of(run.pipeline.begin(), run.pipeline.end(), [](const RankTimes& r) { return r.replica > 0; });
    const std::string modules = rank.first_module == rank.last_module
                                    ? fmt::format("module {}", rank.first_module)
                                    : fmt::format("modules {}–{}", rank.first_module, rank.last_module);
    return fmt::format("rank {}, {}{}", rank.rank, replicas ? fmt::format("replica {}, ", rank.replica) : "", modules);
}

// The number of every step, on the longest of the bars in which it was computed.
void label_steps(const std::vector<Timeline::Note>& spans, std::vector<TimelineBar>& bars) {
    std::map<std::int64_t, std::size_t> longest;
    const auto length = [&](std::size_t i) { return spans[i].end - spans[i].begin; };
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (spans[i].kind != SpanKind::compute) continue;
        const auto [at, added] = longest.emplace(spans[i].step, i);
        if (!added && length(i) > length(at->second)) at->second = i;
    }
    for (const auto& [step, i] : longest) bars[i].label = std::to_string(step);
}

// Steps `first` to `last`, from when the first rank has begun them until the last one has computed them: what lies before and
// behind, such as a long validation, would leave no room for them.
TimelineChart steps_chart(const Run& run, std::int64_t first, std::int64_t last) {
    TimelineChart chart;
    chart.title = fmt::format("Steps {} to {} of {}", first, last, run.name);
    chart.description = fmt::format("One row for each of {} ranks, with what it did when.", run.pipeline.size());
    chart.low = std::numeric_limits<double>::infinity(), chart.high = -chart.low;
    for (const RankTimes& rank : run.pipeline) {
        TimelineRow row{name_of(run, rank), {}};
        std::vector<Timeline::Note> drawn;
        for (const Timeline::Note& span : rank.spans) {
            if (span.step < first || span.step > last) continue;
            const auto kind = static_cast<std::size_t>(span.kind);
            const bool computes = span.kind == SpanKind::compute;
            if (computes || span.kind == SpanKind::data) chart.low = std::min(chart.low, span.begin);
            if (computes || span.kind == SpanKind::reduce) chart.high = std::max(chart.high, span.end);
            row.bars.push_back({span.begin, span.end, looks[kind].colour,
                                fmt::format("rank {}, step {}, {}: {}", rank.rank, span.step, span_kind_names()[kind],
                                            format_seconds(span.end - span.begin)),
                                ""});
            drawn.push_back(span);
        }
        label_steps(drawn, row.bars);
        chart.rows.push_back(std::move(row));
    }
    return chart;
}

std::string steps_figure(const Run& run, std::int64_t first, std::int64_t last, const std::string& caption) {
    const TimelineChart chart = steps_chart(run, first, last);
    if (!(chart.low < chart.high)) return "";
    return "<figure class=\"scroll\">" + draw_timeline(chart) + "<figcaption>" + caption + "</figcaption></figure>\n";
}

// The steps that were recorded, each once, in order.
std::vector<std::int64_t> steps_of(const Run& run) {
    std::vector<std::int64_t> steps;
    for (const RankTimes& rank : run.pipeline)
        for (const Timeline::Note& span : rank.spans)
            if (span.kind == SpanKind::compute) steps.push_back(span.step);
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    return steps;
}

std::string figures(const Run& run) {
    const std::vector<std::int64_t> steps = steps_of(run);
    if (steps.empty()) return absent("No steps were recorded.");
    const std::int64_t begin = steps.front(), end = steps.back(), most = Timeline::first_steps;
    if (end - begin < most + last_steps_shown) return steps_figure(run, begin, end, "All steps.");
    return steps_figure(run, begin, begin + most - 1, "The first steps: the pipeline fills.") +
           steps_figure(run, end - last_steps_shown + 1, end, "The last steps.");
}

std::string share(double part, double whole) {
    return whole > 0 && std::isfinite(part) ? fixed(100 * part / whole, 1) + " %" : fixed(not_known, 1);
}

std::string table(const Run& run) {
    std::string out = "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Share of the time</th>";
    for (const std::string& kind : span_kind_names()) out += fmt::format("<th scope=\"col\">{}</th>", kind);
    out += "<th scope=\"col\">other</th><th scope=\"col\">Time</th></tr></thead>\n<tbody>\n";
    for (const RankTimes& rank : run.pipeline) {
        out += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(name_of(run, rank)));
        double other = rank.seconds;
        for (const double total : rank.totals) {
            out += "<td>" + share(total, rank.seconds) + "</td>";
            other -= total;
        }
        out +=
            fmt::format("<td>{}</td><td>{}</td></tr>\n", share(std::max(other, 0.0), rank.seconds), format_seconds(rank.seconds));
    }
    return out + "</tbody></table></div>\n";
}

// Of the rank that computes longest: a pipeline cannot be quicker than that.
std::string efficiency(const Run& run) {
    const RankTimes* slowest = nullptr;
    double wall = 0;
    const auto computing = [](const RankTimes& r) { return r.totals[static_cast<std::size_t>(SpanKind::compute)]; };
    for (const RankTimes& rank : run.pipeline) {
        if (!slowest || computing(rank) > computing(*slowest)) slowest = &rank;
        wall = std::max(wall, std::isfinite(rank.seconds) ? rank.seconds : 0);
    }
    return fmt::format("<p>Efficiency: {}. Rank {} computes longest, for {} of {}.</p>\n", share(computing(*slowest), wall),
                       slowest->rank, format_seconds(computing(*slowest)), format_seconds(wall));
}

}  // namespace

std::string pipeline_section(const ReportContent& content) {
    std::string runs;
    for (const Run& run : content.runs)
        if (run.pipeline.size() > 1)
            runs += "<h3>" + escape_html(run.name) + "</h3>\n" + efficiency(run) + figures(run) + table(run);
    if (runs.empty()) return "";
    std::string legend;
    for (const Look& look : looks) legend += legend_box(look.colour, look.meaning);
    return "<section id=\"pipeline\"><h2>Pipeline</h2>\n<p class=\"soft\">What each rank did when, by the clock of its machine: "
           "clocks of different machines may differ by milliseconds. With a GPU, a span is when work was queued; a step ends "
           "when its losses are known.</p>\n<ul class=\"legend\">" +
           legend + "</ul>\n" + runs + "</section>\n";
}

}  // namespace gleam::greedy::report
