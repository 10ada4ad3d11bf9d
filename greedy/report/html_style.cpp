// What the page looks like. Colours are chosen to stay apart under protanopia, deuteranopia and tritanopia, and against the page.
#include <fmt/format.h>

#include <array>

#include "greedy/report/html.hpp"

namespace gleam::greedy::report {
namespace {

constexpr std::size_t categories = 6, steps = 12;

constexpr std::array theme = {
    ThemeColour{"page", "#ffffff", "#14171c", 0},
    ThemeColour{"panel", "#f5f6f8", "#1d2128", 0},
    ThemeColour{"rule", "#d5d9df", "#363c46", 0},
    ThemeColour{"grid", "#e6e8ec", "#2a2f37", 0},
    ThemeColour{"ink", "#16191d", "#eceff3", 7},
    ThemeColour{"soft", "#555c66", "#a9b1bd", 4.5},
    ThemeColour{"accent", "#005f99", "#6cbcf0", 4.5},
    ThemeColour{"level", "#6b7280", "#a3adba", 3},
    ThemeColour{"c0", "#0072b2", "#4aa8e8", 3},
    ThemeColour{"c1", "#c8500a", "#f0883e", 3},
    ThemeColour{"c2", "#4a1a66", "#ffe3a3", 3},
    ThemeColour{"c3", "#0a9477", "#1fa37f", 3},
    ThemeColour{"c4", "#c25b95", "#f2a7d3", 3},
    ThemeColour{"c5", "#7a1230", "#a89b12", 3},
    // A path through Lab from violet to yellow: lightness rises evenly, so that order is seen without hue.
    ThemeColour{"q0", "#381e5b", "#8464a8", 3},
    ThemeColour{"q1", "#113071", "#6a77c2", 3},
    ThemeColour{"q2", "#004080", "#3e8ad3", 3},
    ThemeColour{"q3", "#004e88", "#009cdd", 3},
    ThemeColour{"q4", "#005b87", "#00acdc", 3},
    ThemeColour{"q5", "#00667e", "#00bbd3", 3},
    ThemeColour{"q6", "#00716e", "#00c8c3", 3},
    ThemeColour{"q7", "#007a5b", "#1ed3af", 3},
    ThemeColour{"q8", "#008147", "#6cdc99", 3},
    ThemeColour{"q9", "#478733", "#a1e387", 3},
    ThemeColour{"q10", "#748b23", "#d2e77b", 3},
    ThemeColour{"q11", "#9d8c1f", "#ffe87a", 3},
};

constexpr const char* rules = R"(
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;background:var(--page);color:var(--ink);
-webkit-text-size-adjust:100%}
body{max-width:1180px;margin:0 auto;padding:28px 28px 56px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:1.3rem;margin:52px 0 6px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:1.02rem;margin:26px 0 8px}
p{margin:6px 0 12px;max-width:52rem}
a{color:var(--accent)}
.soft,.caption,figcaption{color:var(--soft)}
.caption,figcaption{font-size:.875rem}
figcaption{margin:6px 0 0;max-width:60rem}
nav{margin:14px 0 0;font-size:.9rem;display:flex;flex-wrap:wrap;gap:2px 18px}
.headline{font-size:1.3rem;line-height:1.4;font-weight:600;margin:26px 0 4px;max-width:none;text-wrap:balance;border-left:5px solid var(--accent);padding-left:16px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:22px 0 6px}
.tile{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:12px 16px}
.tile b{display:block;font-size:1.55rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{display:block;font-size:.84rem;color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;margin:10px 0;min-width:100%}
caption{caption-side:bottom;text-align:left;font-size:.875rem;color:var(--soft);padding-top:8px}
th,td{padding:6px 14px 6px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule);vertical-align:baseline}
th:first-child,td:first-child,th.left,td.left{text-align:left}
thead th{font-weight:600;border-bottom:1.5px solid var(--ink);vertical-align:bottom}
tbody th{font-weight:500}
td b{font-weight:750}
td small{color:var(--soft);font-size:.86em}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:8px;vertical-align:-1px}
figure{margin:14px 0 20px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:8px 28px}
.pair figure{margin:10px 0}
svg{display:block;width:100%;height:auto}
svg text{font-size:12px;fill:var(--soft);font-family:inherit;font-variant-numeric:tabular-nums}
svg .strong{fill:var(--ink)}
svg .on{fill:var(--page);font-weight:600}
svg .name{fill:var(--ink);font-weight:600}
svg .grid{stroke:var(--grid);stroke-width:1}
svg .axis{stroke:var(--level);stroke-width:1}
svg .level{stroke:var(--level);stroke-width:1.4;stroke-dasharray:6 4}
svg .leader{stroke:var(--level);stroke-width:.8;fill:none}
svg .raw{fill:none;stroke-width:1;opacity:.28}
svg .curve{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
svg .dot{opacity:.5}
svg .halo{stroke:var(--page);stroke-width:1.5}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;padding:0;margin:0 0 6px;font-size:.875rem;color:var(--soft)}
.legend svg{display:inline-block;width:30px;height:12px;vertical-align:-1px;margin-right:7px}
.images{display:grid;gap:6px 8px;align-items:start;min-width:760px}
.images figure{margin:0}
.images img{display:block;width:100%;height:auto;background:#000;border-radius:2px}
.images .mask img{image-rendering:pixelated}
.images figcaption{font-size:.8rem;line-height:1.35;margin:4px 0 2px;color:var(--soft);font-variant-numeric:tabular-nums}
.images figcaption b{display:block;color:var(--ink);font-weight:600}
.images .bar{align-self:start;font-size:.8rem;color:var(--soft);padding-right:12px}
.images .bar b{color:var(--ink);font-weight:600}
.images .bar img{height:12px;margin:4px 0 2px}
.ends{display:flex;justify-content:space-between}
details{margin:10px 0;border:1px solid var(--rule);border-radius:8px;padding:0 14px}
summary{cursor:pointer;padding:9px 0;font-weight:550;font-size:.94rem}
pre{overflow-x:auto;background:var(--panel);border-radius:6px;padding:12px 14px;font:.82rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;margin:0 0 14px}
.absent{color:var(--soft);font-style:italic}
footer{margin-top:56px;padding-top:12px;border-top:1px solid var(--rule);font-size:.84rem;color:var(--soft)}
@media print{
html{font-size:12px}
body{max-width:none;padding:0}
nav{display:none}
.tiles{grid-template-columns:repeat(5,1fr);gap:8px}
.tile{padding:8px 10px}
.pair{grid-template-columns:1fr 1fr}
h2{margin-top:26px}
h2,h3{break-after:avoid}
figure,tr,.tile,.slice{break-inside:avoid}
.scroll{overflow:visible}
.images{min-width:0}
pre{white-space:pre-wrap}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
@media screen{.scroll>svg{min-width:520px}}
@page{margin:14mm}
)";

std::string variables(bool dark) {
    std::string css = ":root{";
    for (const ThemeColour& c : theme) css += fmt::format("--{}:{};", c.name, dark ? c.dark : c.light);
    return css + "}";
}

}  // namespace

std::span<const ThemeColour> theme_colours() { return theme; }

std::string category_colour(std::size_t i) { return fmt::format("var(--c{})", i % categories); }

std::string ordered_colour(std::size_t i, std::size_t n) {
    return fmt::format("var(--q{})", n < 2 ? 3 : (2 * i * (steps - 1) + (n - 1)) / (2 * (n - 1)));
}

std::string style_sheet() {
    return ":root{color-scheme:light dark}\n" + variables(false) + "\n@media screen and (prefers-color-scheme:dark){" +
           variables(true) + "}" + rules;
}

}  // namespace gleam::greedy::report
