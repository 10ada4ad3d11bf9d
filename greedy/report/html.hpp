// Text for self-contained HTML pages: escaping, numbers as people read them, base64, colours and the style sheet.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gleam::greedy::report {

// Escapes & < > " ' for text and attribute values. Bytes that are not UTF-8 and control characters (other than tab and line feed)
// become U+FFFD, so the page stays well-formed whatever a file holds.
std::string escape_html(std::string_view text);

// "31.20", "−0.35"; "–" when the number is not known (NaN), "∞" and "−∞" for infinities.
std::string fixed(double value, int decimals);
// The same with a sign in front of positive numbers: "+0.35".
std::string signed_fixed(double value, int decimals);
// "1,234,567".
std::string grouped(std::int64_t value);
// "850 µs", "12.3 ms", "1.20 s", "4.5 min", "2.1 h".
std::string format_seconds(double seconds);
// "24.3 MiB" of a count that may be unknown (NaN).
std::string format_size(double bytes);

std::string base64(std::string_view bytes);
// "data:image/png;base64,…"
std::string png_uri(std::string_view png);

// A colour by the name of its CSS variable, on light and dark pages; `contrast` is the least ratio to the page it must have
// (WCAG 2.1: 4.5 for text, 3 for graphics, 0 for decoration).
struct ThemeColour {
    const char* name;
    const char* light;
    const char* dark;
    double contrast;
};
std::span<const ThemeColour> theme_colours();

// CSS of the i-th of a set of things without order (runs): "var(--c0)", … Repeats after six; charts add markers and dashes.
std::string category_colour(std::size_t i);
// CSS of the i-th of n ordered things (modules), dark to bright.
std::string ordered_colour(std::size_t i, std::size_t n);

// The content of <style>: light and dark by the reader's preference, light in print.
std::string style_sheet();

}  // namespace gleam::greedy::report
