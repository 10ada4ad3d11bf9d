// Training curves, memory and time, configuration.
#include "greedy/report/report_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "greedy/report/charts.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/svg.hpp"

namespace gleam::greedy::report {
namespace {

std::string described(const Run& run) {
    return fmt::format("{} – {}, {} {}, {} {}", run.name, in_words(run.strategy), run.unrolls,
                       run.unrolls == 1 ? "unroll" : "unrolls", run.modules, run.modules == 1 ? "module" : "modules");
}

std::size_t module_count(const Run& run) {
    std::size_t n = 0;
    for (const TrainPoint& p : run.train) n = std::max(n, p.loss.size());
    return n;
}

std::vector<Curve> loss_curves(const Run& run) {
    const std::size_t modules = module_count(run);
    std::vector<Curve> curves(modules);
    for (std::size_t m = 0; m < modules; ++m) {
        curves[m].label = modules == 1 ? "loss" : fmt::format("module {}", m + 1);
        curves[m].colour = ordered_colour(m, modules), curves[m].shape = m;
        for (const TrainPoint& p : run.train) {
            curves[m].x.push_back(static_cast<double>(p.step));
            curves[m].y.push_back(m < p.loss.size() ? p.loss[m] : not_known);
        }
    }
    return curves;
}

// One loss axis for all runs, so that their curves can be compared; logarithmic when the losses span nearly a decade.
struct LossAxis {
    double low = 0, high = 0;
    bool log = false;
};

LossAxis loss_axis(const std::vector<Run>& runs) {
    ValueRange all;
    for (const Run& run : runs)
        for (const TrainPoint& p : run.train)
            for (double v : p.loss) all.add(v);
    if (all.empty) return {};
    LossAxis axis;
    axis.log = all.low > 0 && all.high > 8 * all.low;
    if (axis.log) {
        ValueRange logs;
        logs.add(std::log(all.low)), logs.add(std::log(all.high));
        logs = logs.padded(0.03);
        axis.low = std::exp(logs.low), axis.high = std::exp(logs.high);
    } else {
        const ValueRange room = all.padded(0.05);
        axis.low = all.low >= 0 ? std::max(0.0, room.low) : room.low, axis.high = room.high;
    }
    return axis;
}

std::string loss_figure(const Run& run, const LossAxis& axis, double width) {
    const std::vector<Curve> curves = loss_curves(run);
    if (curves.empty())
        return "<figure><h3>" + escape_html(run.name) + "</h3>" + absent("No training losses were recorded.") + "</figure>\n";
    LineChart chart;
    chart.title = "Training loss of " + run.name;
    chart.description = fmt::format(
        "{} over {} records.", curves.size() == 1 ? "One curve" : fmt::format("One curve for each of {} modules", curves.size()),
        run.train.size());
    chart.x_label = "training step", chart.y_label = axis.log ? "loss (log scale)" : "loss";
    chart.width = width, chart.height = std::max(340.0, 90 + 15 * static_cast<double>(curves.size()));
    chart.curves = curves, chart.smooth = true, chart.decimals = 6;
    chart.low = axis.low, chart.high = axis.high, chart.log_y = axis.log;
    const std::size_t window = smoothing_window(run.train.size());
    return fmt::format(
        "<figure class=\"scroll\"><h3>{}</h3>{}<figcaption>{}</figcaption></figure>\n", escape_html(described(run)),
        draw_lines(chart),
        window > 1 ? fmt::format("Thick: mean of {} records around each. Faint: every record.", window) : "Every record.");
}

std::string loss_figures(const ReportContent& content) {
    const LossAxis axis = loss_axis(content.runs);
    std::string out =
        "<h3>Training loss</h3>\n<p class=\"soft\">The same loss axis for all runs. With greedy training each module minimises "
        "its own "
        "loss; end-to-end training has one loss at the last unroll.</p>\n<div class=\"pair\">\n";
    for (const Run& run : content.runs) out += loss_figure(run, axis, content.runs.size() == 1 ? 1120 : 550);
    return out + "</div>\n";
}

std::string validation_figure(const ReportContent& content) {
    LineChart chart;
    chart.title = "Validation PSNR during training";
    chart.x_label = "training step", chart.y_label = "PSNR, dB";
    std::string legend;
    for (std::size_t i = 0; i < content.runs.size(); ++i) {
        const Run& run = content.runs[i];
        Curve curve{run.name, run_colour(i), i, {}, {}};
        for (const ValidationPoint& p : run.validation) {
            curve.x.push_back(static_cast<double>(p.step));
            curve.y.push_back(p.quality.psnr);
        }
        if (curve.x.empty()) continue;
        if (run.best) {
            curve.highlight_x = static_cast<double>(run.best->step);
            chart.description +=
                fmt::format("{}: best {} dB at step {}. ", run.name, fixed(run.best->quality.psnr, 2), run.best->step);
        }
        legend += legend_line(curve.colour, i, described(run), true);
        chart.curves.push_back(std::move(curve));
    }
    if (chart.curves.empty()) return "<h3>Validation</h3>\n" + absent("No validation was recorded.");
    for (const char* name : classical_methods) {
        const Method* method = find_method(content, name);
        if (method && std::isfinite(method->mean.psnr)) chart.levels.push_back({method->label, method->mean.psnr});
    }
    if (!chart.levels.empty()) legend += legend_dashed("classical methods, mean over the test slices");
    return "<h3>Validation</h3>\n<figure><ul class=\"legend\">" + legend + "</ul><div class=\"scroll\">" + draw_lines(chart) +
           "</div><figcaption>Higher is better. The large marker is the step whose weights were kept as "
           "best.</figcaption></figure>\n";
}

std::string arena_colour(std::size_t i) {
    // Not the colours of runs next to one another: arenas follow the ordered scale, far apart.
    constexpr std::array<std::size_t, 5> order = {0, 2, 5, 8, 11};
    return i < order.size() ? ordered_colour(order[i], 12) : "var(--level)";
}

std::vector<std::string> arena_names(const std::vector<Run>& runs) {
    std::vector<std::string> names;
    for (const Run& run : runs)
        for (const ArenaUse& a : run.arenas)
            if (std::find(names.begin(), names.end(), a.name) == names.end()) names.push_back(a.name);
    return names;
}

const ArenaUse* find_arena(const Run& run, const std::string& name) {
    for (const ArenaUse& a : run.arenas)
        if (a.name == name) return &a;
    return nullptr;
}

std::string memory_table(const std::vector<Run>& runs, const std::vector<std::string>& names) {
    std::string out =
        "<details><summary>Memory in numbers</summary>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Run</th><th "
        "scope=\"col\" class=\"left\"></th>";
    for (const std::string& name : names) out += "<th scope=\"col\">" + escape_html(name) + "</th>";
    out += "<th scope=\"col\">process at start</th><th scope=\"col\">process peak</th></tr></thead>\n<tbody>\n";
    for (const Run& run : runs)
        for (const bool measured : {false, true}) {
            out += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"left\">{}</td>", escape_html(run.name),
                               measured ? "measured" : "planned");
            for (const std::string& name : names) {
                const ArenaUse* a = find_arena(run, name);
                out += "<td>" + format_size(!a ? not_known : measured ? a->measured : a->planned) + "</td>";
            }
            out += fmt::format("<td>{}</td><td>{}</td></tr>\n", format_size(measured ? run.process_start : not_known),
                               format_size(measured ? run.process_peak : not_known));
        }
    return out + "</tbody></table></div></details>\n";
}

std::string memory_figure(const std::vector<Run>& runs) {
    MemoryChart chart;
    chart.arenas = arena_names(runs);
    if (chart.arenas.empty()) return absent("No memory use was recorded.");
    chart.title = "Memory by run and arena";
    std::string legend;
    for (std::size_t i = 0; i < chart.arenas.size(); ++i) {
        chart.colours.push_back(arena_colour(i));
        legend += legend_box(chart.colours[i], chart.arenas[i]);
    }
    legend += legend_box("var(--level)", "process");
    for (const Run& run : runs) {
        MemoryRow row{run.name, {}, {}, run.process_start, run.process_peak};
        double total = 0;
        for (const std::string& name : chart.arenas) {
            const ArenaUse* a = find_arena(run, name);
            row.planned.push_back(a ? a->planned : not_known);
            row.measured.push_back(a ? a->measured : not_known);
            total += a && std::isfinite(a->measured) ? a->measured : 0;
        }
        chart.description += fmt::format("{}: {} measured in arenas, process peak {}. ", run.name, format_size(total),
                                         format_size(run.process_peak));
        chart.rows.push_back(std::move(row));
    }
    return "<figure><ul class=\"legend\">" + legend + "</ul><div class=\"scroll\">" + draw_memory(chart) +
           "</div><figcaption>Planned is what the dry run booked before training (paler bars), measured is the highest byte that "
           "was lent out. The "
           "process also holds code, libraries and data read from files.</figcaption></figure>\n" +
           memory_table(runs, chart.arenas);
}

std::string time_table(const std::vector<Run>& runs) {
    std::string out =
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"left\">Strategy</th><th "
        "scope=\"col\" class=\"left\">Device</th><th scope=\"col\">Threads</th><th scope=\"col\">Parameters</th><th "
        "scope=\"col\">Steps</th>"
        "<th scope=\"col\">Step, median</th><th scope=\"col\">10 % to 90 %</th><th "
        "scope=\"col\">Training</th></tr></thead>\n<tbody>\n";
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const Run& r = runs[i];
        out += fmt::format(
            "<tr><th scope=\"row\"><span class=\"key\" style=\"background:{}\"></span>{}</th><td class=\"left\">{}</td><td "
            "class=\"left\">{}, {}</td><td>{}</td><td>{}</td><td>{}</td>",
            run_colour(i), escape_html(r.name), escape_html(in_words(r.strategy)), escape_html(r.device),
            escape_html(r.precision), r.threads, grouped(r.parameters), grouped(r.steps));
        out += fmt::format("<td>{}</td><td>{} – {}</td><td>{}</td></tr>\n", format_seconds(r.step_median),
                           format_seconds(r.step_p10), format_seconds(r.step_p90), format_seconds(r.training_seconds));
    }
    return out + "</tbody></table></div>\n";
}

std::string time_figure(const std::vector<Run>& runs) {
    std::vector<TimeRow> rows;
    for (std::size_t i = 0; i < runs.size(); ++i)
        rows.push_back({runs[i].name, run_colour(i), runs[i].step_p10, runs[i].step_median, runs[i].step_p90});
    const bool known = std::any_of(rows.begin(), rows.end(), [](const TimeRow& r) { return std::isfinite(r.median); });
    if (!known) return "";
    return "<figure class=\"scroll\">" + draw_times(rows, 1120) +
           "<figcaption>Dot: median. Bar: from the 10th to the 90th percentile of all steps.</figcaption></figure>\n";
}

}  // namespace

std::string training_section(const ReportContent& content) {
    std::string out = "<section id=\"training\"><h2>Training</h2>\n";
    if (content.runs.empty()) return out + absent("No training runs were given to this report.") + "</section>\n";
    return out + validation_figure(content) + loss_figures(content) + "</section>\n";
}

std::string cost_section(const ReportContent& content) {
    std::string out = "<section id=\"cost\"><h2>Memory and time</h2>\n";
    if (content.runs.empty()) return out + absent("No training runs were given to this report.") + "</section>\n";
    out += "<h3>Memory</h3>\n" + memory_figure(content.runs);
    return out + "<h3>Time</h3>\n" + time_figure(content.runs) + time_table(content.runs) + "</section>\n";
}

std::string setup_section(const ReportContent& content) {
    std::string out = "<section id=\"setup\"><h2>Configuration and versions</h2>\n";
    if (content.runs.empty()) return out + absent("No training runs were given to this report.") + "</section>\n";
    for (const Run& run : content.runs) {
        out += fmt::format("<h3>{}</h3>\n<p class=\"soft\">GLEAM {}", escape_html(run.name), escape_html(run.version));
        for (const auto& [name, version] : run.libraries) out += fmt::format(" · {} {}", escape_html(name), escape_html(version));
        out += "</p>\n";
        if (run.config.empty())
            out += absent("The configuration was not recorded.");
        else
            out += "<details><summary>Complete configuration</summary><pre>" + escape_html(run.config) + "</pre></details>\n";
    }
    return out + "</section>\n";
}

}  // namespace gleam::greedy::report
