// Which slices of a data set a job uses, as written in a configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gleam::greedy {

// What the numbers stand for, in messages.
struct SliceNames {
    const char *one = "slice", *many = "slices", *owner = "data set";
};

// The slice numbers that `text` names, in its order: "" is all of them, "0:80" those from 0 to 79, "0:80:2" every second of
// these, "3,5,9" these three; parts may be mixed ("0:10,20"). Either end of a range may be left out ("80:"). Throws ConfigError
// at `where` when the text is not of this form, names a slice twice, or names one that is not among `available`.
std::vector<std::int64_t> parse_slices(const std::string& text, std::int64_t available, const std::string& where,
                                       const SliceNames& names = {});

// Throws ConfigError at `where` when `text` is not of this form, whatever the data set.
void check_slices(const std::string& text, const std::string& where);

}  // namespace gleam::greedy
