// The result in a sentence and four numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "greedy/report/html.hpp"
#include "greedy/report/report_sections.hpp"

namespace gleam::greedy::report {
namespace {

std::string strategy_of(const ReportContent& content, const Method& method) {
    const Run* run = run_of(content, method);
    return run ? run->strategy : method.name;
}

// The method with the highest mean PSNR among those for which `take` is true; null when there is none.
template <class Take>
const Method* best_method(const ReportContent& content, Take take) {
    const Method* best = nullptr;
    if (!content.evaluation) return best;
    for (const Method& m : content.evaluation->methods)
        if (take(m) && !std::isnan(m.mean.psnr) && (!best || m.mean.psnr > best->mean.psnr)) best = &m;
    return best;
}

// On how many of the slices both have seen `a` has the higher PSNR.
std::pair<std::size_t, std::size_t> wins(const Method& a, const Method& b) {
    std::size_t won = 0, all = 0;
    for (const SliceQuality& x : a.slices)
        for (const SliceQuality& y : b.slices) {
            if (x.slice != y.slice || std::isnan(x.quality.psnr) || std::isnan(y.quality.psnr)) continue;
            ++all;
            won += x.quality.psnr > y.quality.psnr ? 1 : 0;
            break;
        }
    return {won, all};
}

std::string quality_clause(const Method& a, const Method& b) {
    const double difference = a.mean.psnr - b.mean.psnr;
    const std::string shown = fixed(std::abs(difference), 2);
    std::string text = fmt::format("{} reaches {} dB PSNR, ", a.label, fixed(a.mean.psnr, 2));
    if (!std::isfinite(difference) || shown == "0.00")
        text += fmt::format("against {} dB for {}", fixed(b.mean.psnr, 2), b.label);
    else
        text += fmt::format("{} dB {} {} ({} dB)", shown, difference > 0 ? "above" : "below", b.label, fixed(b.mean.psnr, 2));
    return text;
}

std::string memory_clause(const Run& a, const Run& b) {
    const double mine = arena_bytes(a, "activations"), theirs = arena_bytes(b, "activations");
    if (!(mine > 0) || !(theirs > 0)) return "";
    const double ratio = theirs / mine;
    const std::string sizes = fmt::format("({} against {})", format_size(mine), format_size(theirs));
    if (std::abs(ratio - 1) < 0.05) return "the same activation memory " + sizes;
    return fmt::format("{} times {} activation memory {}", fixed(ratio > 1 ? ratio : 1 / ratio, 1), ratio > 1 ? "less" : "more",
                       sizes);
}

std::string time_clause(const Run& a, const Run& b) {
    if (!(a.step_median > 0) || !(b.step_median > 0) || std::isinf(a.step_median) || std::isinf(b.step_median)) return "";
    return fmt::format("{} per training step against {}", format_seconds(a.step_median), format_seconds(b.step_median));
}

std::string headline_of_runs(const ReportContent& content) {
    const Run* best = nullptr;
    for (const Run& run : content.runs)
        if (run.best && !std::isnan(run.best->quality.psnr) && (!best || run.best->quality.psnr > best->best->quality.psnr))
            best = &run;
    if (!best) return "No results yet.";
    return fmt::format("Best validation so far: {} with {} dB PSNR at step {}.", best->name, fixed(best->best->quality.psnr, 2),
                       grouped(best->best->step));
}

std::string tile(const std::string& value, const std::string& text) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escape_html(value), escape_html(text));
}

}  // namespace

Comparison main_comparison(const ReportContent& content) {
    auto of_strategy = [&](std::string_view s) {
        return best_method(content, [&](const Method& m) { return strategy_of(content, m).find(s) != std::string::npos; });
    };
    const Method *greedy = of_strategy("greedy"), *end_to_end = of_strategy("end_to_end");
    if (greedy && end_to_end) return {greedy, end_to_end};
    const Method* best = best_method(content, [](const Method& m) { return !is_classical(m); });
    if (!best) best = best_method(content, [](const Method&) { return true; });
    const Method* other = nullptr;
    for (const char* name : classical_methods)
        if (!other) other = find_method(content, name);
    return {best, other != best ? other : nullptr};
}

std::string headline(const ReportContent& content) {
    const auto [subject, other] = main_comparison(content);
    if (!subject) return headline_of_runs(content);
    if (!other) return fmt::format("{} reaches {} dB PSNR.", subject->label, fixed(subject->mean.psnr, 2));
    std::string text = quality_clause(*subject, *other);
    const Run *a = run_of(content, *subject), *b = run_of(content, *other);
    if (!a || !b || a == b) return text + ".";
    if (a->unrolls != b->unrolls) text += fmt::format(", with {} unrolls against {}", a->unrolls, b->unrolls);
    const std::string memory = memory_clause(*a, *b), time = time_clause(*a, *b);
    if (!memory.empty()) text += (a->unrolls != b->unrolls ? " and " : ", with ") + memory;
    if (!time.empty()) text += (memory.empty() ? ", with " : " and ") + time;
    return text + ".";
}

std::string tiles(const ReportContent& content) {
    const auto [subject, other] = main_comparison(content);
    if (!subject) return "";
    std::string out = "<div class=\"tiles\">\n";
    out += tile(fixed(subject->mean.psnr, 2) + " dB",
                fmt::format("mean PSNR, {} (SSIM {})", subject->label, fixed(subject->mean.ssim, 3)));
    const Method* classical = find_method(content, "cg_sense");
    if (classical && classical != subject)
        out += tile(signed_fixed(subject->mean.psnr - classical->mean.psnr, 2) + " dB", "PSNR over " + classical->label);
    if (other && other != classical) {
        const auto [won, all] = wins(*subject, *other);
        if (all)
            out += tile(fmt::format("{} of {}", won, all),
                        sample_name(content.evaluation->physics, 2) + " with higher PSNR than " + other->label);
    }
    const Run* run = run_of(content, *subject);
    if (run && arena_bytes(*run, "activations") > 0)
        out += tile(format_size(arena_bytes(*run, "activations")), "activation memory in training, " + run->name);
    if (run && run->step_median > 0)
        out += tile(format_seconds(run->step_median), fmt::format("per training step, {}", run->name));
    return out + "</div>\n";
}

}  // namespace gleam::greedy::report
