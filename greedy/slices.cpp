#include "greedy/slices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

// first, first + step, … below last; a missing last means the end of the data set.
struct Part {
    std::int64_t first = 0;
    std::optional<std::int64_t> last;
    std::int64_t step = 1;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        std::string_view part = text.substr(begin, end - begin);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

// Where a text stands, and what it is about.
struct Place {
    const std::string& where;
    const SliceNames& names;
};

[[noreturn]] void refuse(std::string_view part, const Place& place, const std::string& why) {
    throw ConfigError(place.where, fmt::format("'{}' does not name {}: {}", part.substr(0, 60), place.names.many, why),
                      "write \"\" for all, a range such as 0:80 (the end is not included) or 0:80:2, or numbers such as 3,5,9");
}

std::int64_t number(std::string_view text, std::string_view part, const Place& where) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > 1'000'000'000)
        refuse(part, where, text.empty() ? "a number is missing" : fmt::format("{} are counted 0, 1, 2, …", where.names.many));
    return value;
}

std::vector<Part> parse_parts(std::string_view text, const Place& where) {
    if (text.empty()) return {Part{}};
    std::vector<Part> parts;
    for (const std::string_view part : split(text, ',')) {
        const auto fields = split(part, ':');
        if (fields.size() > 3) refuse(part, where, "too many colons");
        Part p;
        if (!fields[0].empty() || fields.size() == 1) p.first = number(fields[0], part, where);
        if (fields.size() == 1) p.last = p.first + 1;
        if (fields.size() > 1 && !fields[1].empty()) p.last = number(fields[1], part, where);
        if (fields.size() > 2) p.step = number(fields[2], part, where);
        if (p.step == 0) refuse(part, where, "the step is 0");
        if (p.last && *p.last <= p.first) refuse(part, where, "the range is empty");
        parts.push_back(p);
    }
    return parts;
}

}  // namespace

void check_slices(const std::string& text, const std::string& where) { parse_parts(text, {where, {}}); }

std::vector<std::int64_t> parse_slices(const std::string& text, std::int64_t available, const std::string& where,
                                       const SliceNames& names) {
    std::vector<std::int64_t> slices;
    std::vector<bool> chosen(static_cast<std::size_t>(available), false);
    for (const Part& part : parse_parts(text, {where, names})) {
        const std::int64_t end = part.last.value_or(available), highest = part.last ? end - 1 : part.first;
        if (!text.empty() && highest >= available)
            throw ConfigError(
                where,
                fmt::format("{} {} does not exist: the {} has {} {}, counted from 0", names.one, highest, names.owner, available,
                            names.many),
                fmt::format("choose {} up to {}", names.many, available - 1));
        for (std::int64_t i = part.first; i < end; i += part.step) {
            if (chosen[static_cast<std::size_t>(i)])
                throw ConfigError(where, fmt::format("{} {} is named twice", names.one, i), fmt::format("name every {} once", names.one));
            chosen[static_cast<std::size_t>(i)] = true;
            slices.push_back(i);
        }
    }
    return slices;
}

}  // namespace gleam::greedy
