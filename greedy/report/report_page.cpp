// The page as a whole, and what its sections share.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/version.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/report_sections.hpp"

namespace gleam::greedy::report {
namespace {

std::string subtitle(const ReportContent& content) {
    std::string text = fmt::format("{} training {}", content.runs.size(), content.runs.size() == 1 ? "run" : "runs");
    if (!content.evaluation) return text;
    const Evaluation& e = *content.evaluation;
    const std::size_t samples = e.methods.empty() ? 0 : e.methods.front().slices.size();
    return text + fmt::format(" · {} methods on {} {} of {} · acceleration {} ({})", e.methods.size(), samples,
                              sample_name(e.physics, static_cast<std::int64_t>(samples)), fs::path(e.input).filename().string(),
                              fixed(e.actual, 2), in_words(e.mask_type));
}

std::string navigation(bool pipeline) {
    std::string links = "<nav aria-label=\"Sections\">";
    const auto add = [&](const char* section, const char* name) {
        links += fmt::format("<a href=\"#{}\">{}</a>", section, name);
    };
    add("quality", "Quality"), add("images", "Images"), add("training", "Training");
    if (pipeline) add("pipeline", "Pipeline");
    add("cost", "Memory and time"), add("setup", "Configuration");
    return links + "</nav>\n";
}

}  // namespace

std::string in_words(std::string name) {
    if (name == "end_to_end") return "end-to-end";
    std::replace(name.begin(), name.end(), '_', ' ');
    return name;
}

std::string absent(const std::string& what) { return "<p class=\"absent\">" + escape_html(what) + "</p>\n"; }

const Run* run_of(const ReportContent& content, const Method& method) {
    const Run* of_strategy = nullptr;
    int count = 0;
    for (const Run& run : content.runs) {
        if (run.name == method.name) return &run;
        if (run.strategy == method.name) of_strategy = &run, ++count;
    }
    return count == 1 ? of_strategy : nullptr;
}

const Method* find_method(const ReportContent& content, const std::string& name) {
    if (!content.evaluation) return nullptr;
    for (const Method& m : content.evaluation->methods)
        if (m.name == name) return &m;
    return nullptr;
}

std::string capitalised(std::string word) {
    if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 'a' + 'A');
    return word;
}

bool is_classical(const Method& method) {
    return std::find(classical_methods.begin(), classical_methods.end(), method.name) != classical_methods.end();
}

std::string run_colour(std::size_t index) { return category_colour(index); }

std::string method_colour(const ReportContent& content, const Method& method) {
    if (const Run* run = run_of(content, method)) return run_colour(static_cast<std::size_t>(run - content.runs.data()));
    if (is_classical(method)) return "var(--level)";
    std::size_t index = content.runs.size();
    for (const Method& m : content.evaluation->methods) {
        if (&m == &method) break;
        index += run_of(content, m) ? 0 : 1;
    }
    return category_colour(index);
}

double arena_bytes(const Run& run, const std::string& arena) {
    for (const ArenaUse& a : run.arenas)
        if (a.name == arena) return std::isfinite(a.measured) ? a.measured : a.planned;
    return not_known;
}

std::string render_html(const ReportContent& content) {
    const std::string title = escape_html(content.title.empty() ? "GLEAM report" : content.title);
    std::string page =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"/>\n";
    page +=
        fmt::format("<meta name=\"generator\" content=\"GLEAM {}\"/>\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
                    version, title, style_sheet());
    const std::string pipeline = pipeline_section(content);
    page += fmt::format("<header><h1>{}</h1>\n<p class=\"soft\">{}</p>\n{}</header>\n<main>\n", title,
                        escape_html(subtitle(content)), navigation(!pipeline.empty()));
    page += "<p class=\"headline\">" + escape_html(headline(content)) + "</p>\n" + tiles(content);
    page += quality_section(content) + images_section(content) + training_section(content) + pipeline + cost_section(content) +
            setup_section(content);
    page += fmt::format(
        "</main>\n<footer>Written by GLEAM {}. This page is one file: it needs neither network nor "
        "scripts.</footer>\n</body>\n</html>\n",
        version);
    return page;
}

}  // namespace gleam::greedy::report
