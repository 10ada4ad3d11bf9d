#include "greedy/report/html.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace gleam::greedy::report {
namespace {

constexpr const char* replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr const char* minus = "\xE2\x88\x92";        // U+2212
constexpr const char* unknown = "\xE2\x80\x93";      // U+2013
constexpr const char* infinity = "\xE2\x88\x9E";     // U+221E

// Length of the valid UTF-8 sequence at the front of `s`, 0 when there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view s) {
    auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
    auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
    const unsigned a = byte(0), b = byte(1);
    if (a < 0x80) return 1;
    if (a >= 0xC2 && a <= 0xDF) return follows(1) ? 2 : 0;
    if (a >= 0xE0 && a <= 0xEF) {
        const bool overlong = a == 0xE0 && b < 0xA0, surrogate = a == 0xED && b > 0x9F,
                   noncharacter = a == 0xEF && b == 0xBF && byte(2) > 0xBD;
        return follows(1) && follows(2) && !overlong && !surrogate && !noncharacter ? 3 : 0;
    }
    if (a >= 0xF0 && a <= 0xF4) {
        const bool outside = (a == 0xF0 && b < 0x90) || (a == 0xF4 && b > 0x8F);
        return follows(1) && follows(2) && follows(3) && !outside ? 4 : 0;
    }
    return 0;
}

// |value| with its sign as a typographic minus.
std::string with_sign(double value, const std::string& magnitude, bool plus) {
    const bool zero = magnitude.find_first_not_of("0.") == std::string::npos;
    if (value < 0 && !zero) return minus + magnitude;
    return (plus && !zero ? "+" : "") + magnitude;
}

std::string number(double value, int decimals, bool plus) {
    if (std::isnan(value)) return unknown;
    const std::string magnitude = std::isinf(value) ? infinity : fmt::format("{:.{}f}", std::abs(value), decimals);
    return with_sign(value, magnitude, plus);
}

// Three digits that matter.
std::string three_digits(double value) { return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

}  // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const char c = text.front();
        const bool control = length == 1 && ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F);
        const bool c1 = length == 2 && c == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0;
        if (c == '\r') {
            if (text.size() < 2 || text[1] != '\n') out += '\n';  // line ends of other systems
        } else if (length == 0 || control || c1) {
            out += replacement;
        } else if (c == '&') {
            out += "&amp;";
        } else if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else if (c == '"') {
            out += "&quot;";
        } else if (c == '\'') {
            out += "&#39;";
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length ? length : 1);
    }
    return out;
}

std::string fixed(double value, int decimals) { return number(value, decimals, false); }
std::string signed_fixed(double value, int decimals) { return number(value, decimals, true); }

std::string grouped(std::int64_t value) {
    std::string digits = fmt::format("{}", value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
    for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, 1, ',');
    return fmt::format("{}{}", value < 0 ? minus : "", digits);
}

std::string format_seconds(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) return unknown;
    if (seconds == 0) return "0 s";
    if (seconds < 0.9995e-3) return three_digits(seconds * 1e6) + " µs";
    if (seconds < 0.9995) return three_digits(seconds * 1e3) + " ms";
    if (seconds < 119.5) return three_digits(seconds) + " s";
    if (seconds < 7170) return three_digits(seconds / 60) + " min";
    return three_digits(seconds / 3600) + " h";
}

std::string format_size(double bytes) {
    if (!std::isfinite(bytes) || bytes < 0) return unknown;
    constexpr std::array<const char*, 6> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    for (; bytes >= 1023.95 && unit + 1 < units.size(); ++unit) bytes /= 1024;
    return fixed(bytes, unit == 0 ? 0 : 1) + " " + units[unit];
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? alphabet[group >> (18 - 6 * k) & 63u] : '=';
    }
    return out;
}

std::string png_uri(std::string_view png) { return "data:image/png;base64," + base64(png); }

}  // namespace gleam::greedy::report
