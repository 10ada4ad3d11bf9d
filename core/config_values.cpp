// How single values are read, bounded and written: the typed half of core/config.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/config.hpp"
#include "core/error.hpp"

namespace gleam {
namespace {

// `text` as a T in decimal, all of it, or nothing.
template <class T>
std::optional<T> parse_number(std::string_view text) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// YAML readers disagree whether 010 is eight or ten.
bool has_leading_zero(std::string_view text) {
    const std::size_t first = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    return text.size() > first + 1 && text[first] == '0' && text[first + 1] >= '0' && text[first + 1] <= '9';
}

// Why `text` is not the number wanted, when that can be told.
std::string number_hint(const std::string& text, bool quoted) {
    if (quoted) return parse_number<double>(text) ? "remove the quotes" : "";
    if (has_leading_zero(text)) return "write it without leading zeros";
    const auto number = parse_number<double>(text);
    if (number && std::abs(*number) < 1e15 && *number == std::floor(*number) && text.find_first_of(".eE") != std::string::npos)
        return fmt::format("write {}", static_cast<std::int64_t>(*number));
    return "";
}

// A whole number as it must be written, or nothing.
template <class Whole>
std::optional<Whole> parse_whole(const std::string& text, bool quoted) {
    return quoted || has_leading_zero(text) ? std::nullopt : parse_number<Whole>(text);
}

bool within(double value, const NumberRange& range) {
    return std::isfinite(value) && (range.least_open ? value > range.least : value >= range.least) &&
           (range.most_open ? value < range.most : value <= range.most);
}

// The shortest decimal that reads back to the same bits, with a point so that every YAML reader takes it for a number.
std::string print(double value) {
    std::string text = fmt::format("{}", value);
    const std::size_t digits = std::min(text.find('e'), text.size());
    if (std::isfinite(value) && text.find('.') == std::string::npos) text.insert(digits, ".0");
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

// Words stand as they are; all else is quoted, so that no YAML reader mistakes it for a number, a truth value or nothing.
std::string print(const std::string& text) {
    static const std::vector<std::string> reserved = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto wordy = [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
    };
    const bool plain = !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), wordy);
    if (plain && std::find(reserved.begin(), reserved.end(), lower(text)) == reserved.end()) return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += std::string("\\") + c;
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            out += fmt::format("\\x{:02X}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + "\"";
}

bool has_control_characters(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::string expected_whole(const WholeRange& range) {
    std::string text = range.odd ? "an odd number" : "a whole number";
    if (range.least != WholeRange{}.least) text += fmt::format(", at least {}", range.least);
    if (range.most != WholeRange{}.most) text += fmt::format(", at most {}", range.most);
    return text;
}

std::string expected_number(const NumberRange& range) {
    std::string text = "a number";
    if (std::isfinite(range.least)) text += fmt::format(", {} {}", range.least_open ? "above" : "at least", range.least);
    if (std::isfinite(range.most)) text += fmt::format(", {} {}", range.most_open ? "below" : "at most", range.most);
    return text;
}

}  // namespace

void ConfigVisitor::whole(const ConfigKey& key, std::int64_t& member, const WholeRange& range) {
    const auto assign = [&member, range](const std::string& text, bool quoted) -> std::optional<std::string> {
        const auto value = parse_whole<std::int64_t>(text, quoted);
        if (!value) return number_hint(text, quoted);
        if (*value < range.least || *value > range.most || (range.odd && *value % 2 == 0)) return "";
        member = *value;
        return std::nullopt;
    };
    leaf(key, {expected_whole(range), std::to_string(member), assign});
}

void ConfigVisitor::whole(const ConfigKey& key, std::uint64_t& member) {
    const auto assign = [&member](const std::string& text, bool quoted) -> std::optional<std::string> {
        const auto value = parse_whole<std::uint64_t>(text, quoted);
        if (!value) return number_hint(text, quoted);
        member = *value;
        return std::nullopt;
    };
    leaf(key, {"a whole number from 0 to 18446744073709551615", std::to_string(member), assign});
}

void ConfigVisitor::number(const ConfigKey& key, double& member, const NumberRange& range) {
    const auto assign = [&member, range](const std::string& text, bool quoted) -> std::optional<std::string> {
        const auto value = quoted ? std::nullopt : parse_number<double>(text);
        if (!value) return number_hint(text, quoted);
        if (!within(*value, range)) return "";
        member = *value;
        return std::nullopt;
    };
    leaf(key, {expected_number(range), print(member), assign});
}

void ConfigVisitor::choice(const ConfigKey& key, std::string& member, const std::vector<std::string>& choices) {
    const auto assign = [&member, choices](const std::string& text, bool) -> std::optional<std::string> {
        if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
            const std::string near = nearest_word(text, choices);
            return near.empty() ? "" : "did you mean '" + near + "'?";
        }
        member = text;
        return std::nullopt;
    };
    const std::string expected = choices.size() == 1 ? choices[0] : fmt::format("one of {}", fmt::join(choices, ", "));
    leaf(key, {expected, print(member), assign});
}

void ConfigVisitor::flag(const ConfigKey& key, bool& member) {
    const auto assign = [&member](const std::string& text, bool quoted) -> std::optional<std::string> {
        if (quoted && (text == "true" || text == "false")) return "remove the quotes";
        if (quoted || (text != "true" && text != "false")) return "";
        member = text == "true";
        return std::nullopt;
    };
    leaf(key, {"true or false", member ? "true" : "false", assign});
}

void ConfigVisitor::text(const ConfigKey& key, std::string& member, const TextForm& form) {
    const auto assign = [&member, form](const std::string& text, bool) -> std::optional<std::string> {
        if (has_control_characters(text)) return "keep it on one line, without control characters";
        if (form.fits && !form.fits(text)) return "";
        member = text;
        return std::nullopt;
    };
    leaf(key, {form.expected, print(member), assign});
}

std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates) {
    // Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each.
    const auto distance = [](const std::string& a, const std::string& b) {
        std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
        for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
        for (std::size_t i = 1; i <= a.size(); ++i) {
            before = std::exchange(last, row);
            row[0] = i;
            for (std::size_t j = 1; j <= b.size(); ++j) {
                row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        return row[b.size()];
    };
    std::string best;
    auto least = std::make_pair(std::numeric_limits<std::size_t>::max(), std::size_t{0});  // distance, then difference of lengths
    for (const std::string& candidate : candidates) {
        const std::size_t longer = std::max(word.size(), candidate.size()), shorter = std::min(word.size(), candidate.size());
        const std::size_t allowed = std::max<std::size_t>(1, longer / 3);
        if (shorter == 0 || longer - shorter > allowed) continue;
        const auto d = std::make_pair(distance(lower(word), lower(candidate)), longer - shorter);
        if (d.first <= allowed && d.first < longer && d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

}  // namespace gleam
