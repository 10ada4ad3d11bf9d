#include <cmath>
#include <limits>

#include "greedy/report/html.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy::report;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

// WCAG 2.1: relative luminance of "#rrggbb".
double luminance(const std::string& colour) {
    double sum = 0;
    const double weights[] = {0.2126, 0.7152, 0.0722};
    for (std::size_t i = 0; i < 3; ++i) {
        const double c = std::stoi(colour.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
        sum += weights[i] * (c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double contrast(const std::string& a, const std::string& b) {
    const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

}  // namespace

TEST_CASE("HTML escaping leaves no markup and no broken UTF-8") {
    CHECK(escape_html("a < b & \"c\" > 'd'") == "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
    CHECK(escape_html("tab\tline\nµ – 脳 🧠") == "tab\tline\nµ – 脳 🧠");
    CHECK(escape_html("dos\r\nmac\rend") == "dos\nmac\nend");
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(escape_html(std::string("\x01\x7F\0", 3)) == bad + bad + bad);
    CHECK(escape_html("\xFFx") == bad + "x");
    CHECK(escape_html("\xC0\xAF") == bad + bad);             // overlong
    CHECK(escape_html("\xED\xA0\x80") == bad + bad + bad);   // surrogate
    CHECK(escape_html("\xE2\x82") == bad + bad);             // cut off
    CHECK(escape_html("\xF4\x90\x80\x80").size() == 4 * 3);  // beyond Unicode
}

TEST_CASE("Numbers are printed as people read them, also when they are none") {
    CHECK(fixed(31.204, 2) == "31.20");
    CHECK(fixed(-0.35, 2) == "−0.35");
    CHECK(fixed(-0.001, 2) == "0.00");
    CHECK(signed_fixed(0.35, 2) == "+0.35");
    CHECK(signed_fixed(0.001, 2) == "0.00");
    CHECK(fixed(not_a_number, 2) == "–");
    CHECK(fixed(inf, 2) == "∞");
    CHECK(signed_fixed(-inf, 2) == "−∞");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(grouped(-1000) == "−1,000");
    CHECK(grouped(999) == "999");
    CHECK(grouped(std::numeric_limits<std::int64_t>::min()) == "−9,223,372,036,854,775,808");
    CHECK(format_seconds(0.00085) == "850 µs");
    CHECK(format_seconds(0.0123) == "12.3 ms");
    CHECK(format_seconds(1.2) == "1.20 s");
    CHECK(format_seconds(270) == "4.50 min");
    CHECK(format_seconds(7560) == "2.10 h");
    CHECK(format_seconds(not_a_number) == "–");
    CHECK(format_seconds(-1) == "–");
    CHECK(format_size(24.3 * 1048576) == "24.3 MiB");
    CHECK(format_size(512) == "512 B");
    CHECK(format_size(1023.99) == "1.0 KiB");
    CHECK(format_size(not_a_number) == "–");
}

TEST_CASE("Base64 gives the answers of RFC 4648") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64("\xFF\xFE\xFD") == "//79");
}

TEST_CASE("Text and lines stand out from the page, light and dark") {
    const ThemeColour& page = theme_colours().front();
    REQUIRE(std::string(page.name) == "page");
    for (const ThemeColour& c : theme_colours()) {
        INFO(c.name);
        CHECK(contrast(c.light, page.light) >= c.contrast);
        CHECK(contrast(c.dark, page.dark) >= c.contrast);
    }
    // Soft text also stands on panels.
    CHECK(contrast("#555c66", "#f5f6f8") >= 4.5);
}

TEST_CASE("Colours of ordered things run from the first to the last and all exist") {
    CHECK(ordered_colour(0, 6) == "var(--q0)");
    CHECK(ordered_colour(5, 6) == "var(--q11)");
    CHECK(ordered_colour(99, 100) == "var(--q11)");
    CHECK(ordered_colour(0, 1) == "var(--q3)");
    CHECK(category_colour(0) == category_colour(6));
    const std::string css = style_sheet();
    for (std::size_t i = 0; i < 6; ++i) CHECK_THAT(css, ContainsSubstring("--c" + std::to_string(i) + ":"));
    for (std::size_t i = 0; i < 12; ++i) CHECK_THAT(css, ContainsSubstring("--q" + std::to_string(i) + ":"));
}
