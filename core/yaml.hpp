// A YAML text as a tree in which every value knows where it stands. Private to core: other folders read configurations through
// core/config.hpp and never meet the YAML library.
//
// Only what a configuration needs is accepted: one document of mappings, lists and scalars. Anchors, aliases and tags are
// refused, so a small file cannot expand into a large one; size and nesting are bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gleam {

struct YamlEntry;

struct YamlNode {
    enum class Kind { null, plain, quoted, list, map };

    Kind kind = Kind::null;
    std::string place;               // where the value begins, "job.yaml:12:8"
    std::string text;                // of a scalar
    std::vector<YamlEntry> entries;  // of a map, in the order of the text; the items of lists are not kept

    bool scalar() const { return kind == Kind::plain || kind == Kind::quoted; }
};

struct YamlEntry {
    std::string key;
    std::string place;  // where the key begins
    YamlNode value;
};

inline constexpr std::size_t max_yaml_bytes = 256 * 1024;
inline constexpr int max_yaml_depth = 16;

// Reads one document. Places are `name:line:column`, or just `name` when `positions` is false (texts of one line, as in options).
// Throws ConfigError when the text is not the YAML described above, when a key appears twice, or when it is not UTF-8.
YamlNode parse_yaml(std::string_view text, const std::string& name, bool positions = true);

// What stands here, for messages: "'abc'", "a list", "a section", "nothing".
std::string describe(const YamlNode& node);

// `text` on one line, cut to a readable length, always valid UTF-8.
std::string shortened(std::string_view text, std::size_t most_bytes = 60);

}  // namespace gleam
