#include "greedy/report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "greedy/report/html.hpp"

namespace gleam::greedy::report {
namespace {

std::string exponent(int e) {
    constexpr std::array<const char*, 10> digits = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string out = e < 0 ? "⁻" : "";
    for (char c : std::to_string(std::abs(e))) out += digits[static_cast<std::size_t>(c - '0')];
    return out;
}

// m times ten to the e: plain while short, 2·10⁻⁵ beyond.
std::string power_label(int m, int e) {
    if (e >= 0 && e <= 4) return grouped(m * static_cast<std::int64_t>(std::llround(std::pow(10, e))));
    if (e < 0 && e >= -3) return fixed(m * std::pow(10.0, e), -e);
    return m == 1 ? fmt::format("10{}", exponent(e)) : fmt::format("{}·10{}", m, exponent(e));
}

// Coordinates to a tenth of a pixel, without needless zeros.
std::string px(double v) {
    std::string s = fmt::format("{:.1f}", std::isfinite(v) ? v : 0.0);
    if (s.ends_with(".0")) s.resize(s.size() - 2);
    return s == "-0" ? "0" : s;
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }  // in UTF-8

std::string attribute(std::string_view name, std::string_view value) {
    return value.empty() ? "" : fmt::format(" {}=\"{}\"", name, value);
}

std::string closed(std::string_view tag, std::string_view tooltip) {
    return tooltip.empty() ? "/>" : fmt::format("><title>{}</title></{}>", escape_html(tooltip), tag);
}

}  // namespace

bool Scale::has(double value) const { return std::isfinite(value) && (!log || value > 0); }

double Scale::operator()(double value) const {
    const double t = log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : (value - low) / (high - low);
    return from + t * (to - from);
}

void ValueRange::add(double value) {
    if (!std::isfinite(value)) return;
    low = empty ? value : std::min(low, value);
    high = empty ? value : std::max(high, value);
    empty = false;
}

ValueRange ValueRange::padded(double share) const {
    if (empty) return ValueRange{0, 1, false};
    double room = (high / 2 - low / 2) * 2 * share;  // halves: the extent itself may overflow
    if (!(high > low) || room < 1e-9 * std::max(std::abs(low), std::abs(high))) room = std::max(0.05 * std::abs(high), 1e-6);
    return ValueRange{low - room, high + room, false};
}

std::vector<Tick> linear_ticks(double low, double high, int wanted) {
    const double extent = high - low;
    if (!std::isfinite(extent) || !(extent > 0) || wanted < 1) return {};
    const double rough = extent / wanted;
    int e = static_cast<int>(std::floor(std::log10(rough)));
    const double lead = rough / std::pow(10.0, e);
    double m = lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10;
    if (m == 10) m = 1, ++e;
    const double step = m * std::pow(10.0, e);
    std::vector<Tick> ticks;
    for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step && ticks.size() < 100; ++i) {
        const double value = i * step;
        std::string label;
        if (e >= 5 || e < -5)
            label = value == 0 ? "0" : fmt::format("{:.{}f}·10{}", value / std::pow(10.0, e), 0, exponent(e));
        else if (e >= 0)
            label = std::abs(value) < 1e15 ? grouped(std::llround(value)) : fmt::format("{:g}", value);
        else
            label = fixed(value, -e);
        ticks.push_back({value, label});
    }
    return ticks;
}

std::vector<Tick> log_ticks(double low, double high) {
    if (!(low > 0) || !std::isfinite(high) || !(high > low)) return {};
    const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
    const double decades = std::log10(high) - std::log10(low);
    if (decades < 0.4) return linear_ticks(low, high, 5);
    const std::vector<int> leads = decades <= 2.5 ? std::vector<int>{1, 2, 5} : std::vector<int>{1};
    const int stride = std::max(1, static_cast<int>(std::ceil(decades / 8)));
    std::vector<Tick> ticks;
    for (int e = first; e <= last; ++e) {
        if (e % stride != 0) continue;
        for (int m : leads) {
            const double value = m * std::pow(10.0, e);
            if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push_back({value, power_label(m, e)});
        }
    }
    return ticks;
}

double text_width(std::string_view text, bool bold) {
    const auto characters = std::count_if(text.begin(), text.end(), starts_character);
    return (bold ? 8.0 : 7.0) * static_cast<double>(characters);
}

std::string shortened(std::string_view text, double width, bool bold) {
    if (text_width(text, bold) <= width) return std::string(text);
    std::size_t end = 0;
    while (end < text.size()) {
        std::size_t next = end + 1;
        while (next < text.size() && !starts_character(text[next])) ++next;
        if (text_width(text.substr(0, next), bold) + (bold ? 8.0 : 7.0) > width) break;
        end = next;
    }
    return fmt::format("{}…", text.substr(0, end));
}

std::vector<double> spread(const std::vector<double>& wanted, double distance, double low, double high) {
    std::vector<std::size_t> order(wanted.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
    // Blocks of labels that touch, each centred on what its members want; blocks that meet are merged.
    struct Block {
        double sum;  // of wanted positions, each less its offset in the block
        double count;
        double top(double d, double lo, double hi) const {
            return std::clamp(sum / count, lo, std::max(lo, hi - (count - 1) * d));
        }
    };
    std::vector<Block> blocks;
    for (std::size_t i : order) {
        blocks.push_back({wanted[i], 1});
        while (blocks.size() > 1) {
            Block& a = blocks[blocks.size() - 2];
            const Block& b = blocks.back();
            if (a.top(distance, low, high) + a.count * distance <= b.top(distance, low, high)) break;
            a = {a.sum + b.sum - b.count * a.count * distance, a.count + b.count};
            blocks.pop_back();
        }
    }
    std::vector<double> placed(wanted.size());
    std::size_t next = 0;
    for (const Block& block : blocks)
        for (int k = 0; k < static_cast<int>(block.count); ++k)
            placed[order[next++]] = block.top(distance, low, high) + k * distance;
    return placed;
}

Svg::Svg(double width, double height, std::string_view title, std::string_view description) {
    out_ = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", px(width), px(height),
                       escape_html(std::string(title) + ". " + std::string(description)));
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view css_class, std::string_view style) {
    out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}{}/>\n", px(x1), px(y1), px(x2), px(y2),
                        attribute("class", css_class), attribute("style", style));
}

void Svg::rect(double x, double y, double width, double height, std::string_view style, std::string_view tooltip) {
    out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" style=\"{}\"{}\n", px(x), px(y),
                        px(std::max(width, 0.0)), px(height), style, closed("rect", tooltip));
}

void Svg::path(const std::vector<std::pair<double, double>>& points, std::string_view css_class, std::string_view style) {
    std::string d;
    bool pen = false;
    for (const auto& [x, y] : points) {
        if (!std::isfinite(x) || !std::isfinite(y)) {
            pen = false;
            continue;
        }
        d += fmt::format("{}{} {}", pen ? "L" : "M", px(x), px(y));
        pen = true;
    }
    if (!d.empty()) out_ += fmt::format("<path class=\"{}\" style=\"{}\" d=\"{}\"/>\n", css_class, style, d);
}

void Svg::marker(std::size_t shape, double x, double y, double size, std::string_view colour, std::string_view css_class,
                 std::string_view tooltip) {
    const std::string look = attribute("class", css_class) + attribute("style", fmt::format("fill:{}", colour));
    const double r = size / 2, s = size * 0.45, w = size * 0.18;
    if (shape % 6 == 0) {
        out_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}{}\n", px(x), px(y), px(r), look, closed("circle", tooltip));
        return;
    }
    std::vector<std::pair<double, double>> corners;
    switch (shape % 6) {
        case 1:
            corners = {{-s, -s}, {s, -s}, {s, s}, {-s, s}};
            break;
        case 2:
            corners = {{0, -r * 1.1}, {r * 1.1, r * 0.8}, {-r * 1.1, r * 0.8}};
            break;
        case 3:
            corners = {{0, -r * 1.2}, {r * 1.2, 0}, {0, r * 1.2}, {-r * 1.2, 0}};
            break;
        case 4:
            corners = {{0, r * 1.1}, {r * 1.1, -r * 0.8}, {-r * 1.1, -r * 0.8}};
            break;
        default:
            corners = {{-w, -r}, {w, -r}, {w, -w}, {r, -w}, {r, w},   {w, w},
                       {w, r},   {-w, r}, {-w, w}, {-r, w}, {-r, -w}, {-w, -w}};
    }
    std::string points;
    for (const auto& [dx, dy] : corners) points += fmt::format("{}{},{}", points.empty() ? "" : " ", px(x + dx), px(y + dy));
    out_ += fmt::format("<polygon points=\"{}\"{}{}\n", points, look, closed("polygon", tooltip));
}

void Svg::text(double x, double y, std::string_view text, Anchor anchor, std::string_view css_class) {
    const char* where = anchor == Anchor::start ? "" : anchor == Anchor::middle ? "middle" : "end";
    out_ += fmt::format("<text x=\"{}\" y=\"{}\"{}{}>{}</text>\n", px(x), px(y), attribute("text-anchor", where),
                        attribute("class", css_class), escape_html(text));
}

void Svg::vertical_text(double x, double y, std::string_view text) {
    out_ += fmt::format("<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\" class=\"strong\">{}</text>\n",
                        px(x), px(y), escape_html(text));
}

std::string Svg::finish() { return std::move(out_) + "</svg>\n"; }

void draw_y_axis(Svg& svg, const Scale& y, const std::vector<Tick>& ticks, double left, double right, std::string_view label) {
    for (const Tick& tick : ticks) {
        svg.line(left, y(tick.value), right, y(tick.value), "grid");
        svg.text(left - 8, y(tick.value) + 4, tick.label, Anchor::end);
    }
    svg.vertical_text(14, (y.from + y.to) / 2, label);
}

void draw_x_axis(Svg& svg, const Scale& x, const std::vector<Tick>& ticks, double top, double bottom, std::string_view label,
                 bool grid) {
    for (const Tick& tick : ticks) {
        if (grid) svg.line(x(tick.value), top, x(tick.value), bottom, "grid");
        svg.line(x(tick.value), bottom, x(tick.value), bottom + 5, "axis");
        svg.text(x(tick.value), bottom + 19, tick.label, Anchor::middle);
    }
    svg.line(x.from, bottom, x.to, bottom, "axis");
    svg.text((x.from + x.to) / 2, bottom + 40, label, Anchor::middle, "strong");
}

}  // namespace gleam::greedy::report
