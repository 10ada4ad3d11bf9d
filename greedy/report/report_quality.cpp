// The tables and charts of the evaluation.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "greedy/report/charts.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/report_sections.hpp"

namespace gleam::greedy::report {
namespace {

struct Metric {
    const char* name;
    double Quality::*value;
    int decimals;
    bool more_is_better;
};

constexpr std::array metrics = {Metric{"PSNR", &Quality::psnr, 2, true}, Metric{"SSIM", &Quality::ssim, 4, true},
                                Metric{"NRMSE", &Quality::nrmse, 4, false}};

// The best mean as it is printed, so that ties on paper are ties in bold.
std::string best_of(const Evaluation& evaluation, const Metric& metric) {
    double best = not_known;
    for (const Method& m : evaluation.methods) {
        const double v = m.mean.*metric.value;
        if (!std::isnan(v) && (std::isnan(best) || (metric.more_is_better ? v > best : v < best))) best = v;
    }
    return std::isnan(best) ? "" : fixed(best, metric.decimals);
}

std::string metric_cell(const Method& method, const Metric& metric, const std::string& best) {
    const std::string mean = fixed(method.mean.*metric.value, metric.decimals);
    return fmt::format("<td>{} <small>± {}</small></td>", mean == best ? "<b>" + mean + "</b>" : mean,
                       fixed(method.std.*metric.value, metric.decimals));
}

std::string summary_table(const ReportContent& content) {
    const Evaluation& evaluation = *content.evaluation;
    const Method* baseline = find_method(content, "cg_sense");
    std::string out = "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Method</th>";
    out += "<th scope=\"col\">PSNR, dB</th><th scope=\"col\">SSIM</th><th scope=\"col\">NRMSE</th>";
    if (baseline) out += fmt::format("<th scope=\"col\">Δ PSNR to {}, dB</th>", escape_html(baseline->label));
    out += fmt::format("<th scope=\"col\">Time per {}</th></tr></thead>\n<tbody>\n", sample_name(evaluation.physics));
    std::array<std::string, metrics.size()> best;
    for (std::size_t k = 0; k < metrics.size(); ++k) best[k] = best_of(evaluation, metrics[k]);
    for (const Method& method : evaluation.methods) {
        out += fmt::format("<tr><th scope=\"row\"><span class=\"key\" style=\"background:{}\"></span>{}</th>",
                           method_colour(content, method), escape_html(method.label));
        for (std::size_t k = 0; k < metrics.size(); ++k) out += metric_cell(method, metrics[k], best[k]);
        if (baseline)
            out += "<td>" + (&method == baseline ? "0" : signed_fixed(method.mean.psnr - baseline->mean.psnr, 2)) + "</td>";
        out += "<td>" + format_seconds(method.seconds_per_slice) + "</td></tr>\n";
    }
    const std::size_t samples = evaluation.methods.empty() ? 0 : evaluation.methods.front().slices.size();
    return out + fmt::format(
                     "</tbody>\n<caption>Mean ± standard deviation over {} {}. Best mean in bold. Higher is better for PSNR and "
                     "SSIM, lower "
                     "for NRMSE.</caption></table></div>\n",
                     samples, sample_name(evaluation.physics, static_cast<std::int64_t>(samples)));
}

std::string slice_table(const Evaluation& evaluation) {
    std::map<std::int64_t, std::vector<const Quality*>> rows;
    for (std::size_t m = 0; m < evaluation.methods.size(); ++m)
        for (const SliceQuality& s : evaluation.methods[m].slices) {
            auto& row = rows[s.slice];
            row.resize(evaluation.methods.size(), nullptr);
            row[m] = &s.quality;
        }
    if (rows.empty()) return absent("No results for single " + sample_name(evaluation.physics, 2) + " were recorded.");
    const std::string name = sample_name(evaluation.physics);
    std::string out = fmt::format(
        "<details><summary>Results for every {}</summary>\n<div class=\"scroll\"><table>\n<thead><tr><th rowspan=\"2\" "
        "scope=\"col\">{}</th>",
        name, capitalised(name));
    for (const Method& m : evaluation.methods) out += "<th colspan=\"3\" scope=\"colgroup\">" + escape_html(m.label) + "</th>";
    out += "</tr>\n<tr>";
    for (std::size_t m = 0; m < evaluation.methods.size(); ++m)
        out +=
            "<th class=\"left\" scope=\"col\" style=\"text-align:right\">PSNR, dB</th><th scope=\"col\">SSIM</th><th "
            "scope=\"col\">NRMSE</th>";
    out += "</tr></thead>\n<tbody>\n";
    for (const auto& [slice, qualities] : rows) {
        out += fmt::format("<tr><th scope=\"row\">{}</th>", slice);
        for (const Quality* q : qualities)
            for (const Metric& metric : metrics)
                out += "<td>" + fixed(q ? q->*metric.value : not_known, metric.decimals) + "</td>";
        out += "</tr>\n";
    }
    return out + "</tbody></table></div></details>\n";
}

std::string dots(const ReportContent& content, const Metric& metric, const std::string& unit) {
    DotChart chart;
    chart.title = fmt::format("{} of every {} by method", metric.name, sample_name(content.evaluation->physics));
    chart.x_label = metric.name + unit;
    chart.decimals = metric.decimals;
    for (const Method& m : content.evaluation->methods) {
        DotRow row{m.label, method_colour(content, m), {}, m.mean.*metric.value};
        for (const SliceQuality& s : m.slices) row.values.push_back(s.quality.*metric.value);
        chart.description += fmt::format("{}: mean {}. ", m.label, fixed(row.mean, metric.decimals));
        chart.rows.push_back(std::move(row));
    }
    return "<figure class=\"scroll\">" + draw_dots(chart) + "</figure>\n";
}

}  // namespace

std::string quality_section(const ReportContent& content) {
    std::string out = "<section id=\"quality\"><h2>Reconstruction quality</h2>\n";
    if (!content.evaluation) return out + absent("No evaluation was given to this report.") + "</section>\n";
    const Evaluation& e = *content.evaluation;
    out += fmt::format(
        "<p class=\"soft\">Test data: {}, compared with “{}”. Sampling mask: {}, acceleration {} (asked for {}).</p>\n",
        escape_html(fs::path(e.input).filename().string()), escape_html(e.reference), escape_html(in_words(e.mask_type)),
        fixed(e.actual, 2), fixed(e.requested, 2));
    if (e.methods.empty()) return out + absent("The evaluation holds no methods.") + "</section>\n";
    out += summary_table(content);
    out += "<div class=\"pair\">" + dots(content, metrics[0], ", dB") + dots(content, metrics[1], "") + "</div>\n";
    out += fmt::format("<p class=\"caption\">Each dot is a {}; the upright line is the mean.</p>\n", sample_name(e.physics));
    return out + slice_table(e) + "</section>\n";
}

}  // namespace gleam::greedy::report
