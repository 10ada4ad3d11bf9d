#include "core/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "core/yaml.hpp"

namespace gleam {
namespace {

constexpr std::size_t max_override_depth = 8;

std::string joined(const std::string& prefix, const std::string& name) { return prefix.empty() ? name : prefix + "." + name; }

// Keeps track of the section a visitor is in.
class PathVisitor : public ConfigVisitor {
protected:
    void enter(const ConfigKey& section) override { sections_.push_back(joined(path(), section.name)); }
    void leave() override { sections_.pop_back(); }
    std::string path() const { return sections_.empty() ? "" : sections_.back(); }
    std::size_t depth() const { return sections_.size(); }

private:
    std::vector<std::string> sections_;
};

// The names of all keys, by section.
class KeyTable : public PathVisitor {
public:
    // Throws on the first key of `map` that the schema does not have. `section` is where `map` stands.
    void check(const YamlNode& map, const std::string& section) const {
        const std::vector<std::string>& known = names_.at(section);
        for (const YamlEntry& entry : map.entries) {
            if (std::find(known.begin(), known.end(), entry.key) == known.end()) refuse(entry, section, known);
            const std::string inner = joined(section, entry.key);
            if (names_.count(inner)) check(entry.value, inner);
        }
    }

private:
    void enter(const ConfigKey& section) override {
        names_[path()].push_back(section.name);
        PathVisitor::enter(section);
        names_[path()];
    }
    void leaf(const ConfigKey& key, const ConfigValue&) override { names_[path()].push_back(key.name); }

    [[noreturn]] void refuse(const YamlEntry& entry, const std::string& section, const std::vector<std::string>& known) const {
        const std::string where = section.empty() ? "at the top level" : "in '" + section + "'";
        const std::string meant = suggestion(entry.key, known);
        const std::string question = meant.empty() ? "" : fmt::format(", did you mean '{}'?", meant);
        const bool number = entry.key.find_first_of("0123456789") == 0;  // part of a value, cut off by a comma
        throw ConfigError(
            entry.place,
            fmt::format("unknown key '{}' {}{} (known keys: {})", shortened(entry.key), where, question, fmt::join(known, ", ")),
            number ? "put values with commas in quotes and write decimals with a point" : "");
    }

    // A near name in the same section, else the same name in another section, else a near name in another one.
    std::string suggestion(const std::string& word, const std::vector<std::string>& known) const {
        if (const std::string near = nearest_word(word, known); !near.empty()) return near;
        for (const auto& [section, names] : names_)
            if (std::find(names.begin(), names.end(), word) != names.end()) return joined(section, word);
        std::vector<std::string> all;
        for (const auto& [section, names] : names_) all.insert(all.end(), names.begin(), names.end());
        const std::string near = nearest_word(word, all);
        return near.empty() ? "" : suggestion(near, {});
    }

    std::map<std::string, std::vector<std::string>> names_ = {{"", {}}};
};

void assign(const ConfigValue& value, const YamlNode& node, const std::string& path) {
    const auto hint =
        node.scalar() ? value.assign(node.text, node.kind == YamlNode::Kind::quoted) : std::optional<std::string>("");
    if (!hint) return;
    const std::string remedy = node.kind == YamlNode::Kind::null ? "give it a value (\"\" is an empty text) or remove it" : *hint;
    throw ConfigError(node.place, fmt::format("'{}' must be {}, found {}", path, value.expected, describe(node)), remedy);
}

// Sets members from a tree whose keys are all known.
class Reader : public PathVisitor {
public:
    Reader(const YamlNode& root, ConfigPlaces& places) : nodes_{&root}, places_(places) {}

private:
    void enter(const ConfigKey& section) override {
        const YamlNode* node = find(section.name);
        PathVisitor::enter(section);
        if (node && node->kind == YamlNode::Kind::null) node = nullptr;  // a section whose keys are all commented out
        if (node && node->kind != YamlNode::Kind::map)
            throw ConfigError(node->place, fmt::format("'{}' must be a section of keys, found {}", path(), describe(*node)),
                              fmt::format("write its keys as '{}: {{key: value}}' or indented below it", section.name));
        nodes_.push_back(node);
    }
    void leave() override {
        PathVisitor::leave();
        nodes_.pop_back();
    }
    void leaf(const ConfigKey& key, const ConfigValue& value) override {
        const YamlNode* node = find(key.name);
        if (!node) return;
        const std::string full = joined(path(), key.name);
        assign(value, *node, full);
        places_[full] = node->place;
    }
    const YamlNode* find(const std::string& name) const {
        if (!nodes_.back()) return nullptr;
        for (const YamlEntry& entry : nodes_.back()->entries)
            if (entry.key == name) return &entry.value;
        return nullptr;
    }

    std::vector<const YamlNode*> nodes_;  // of the open sections; null where the tree has none
    ConfigPlaces& places_;
};

class Checker : public PathVisitor {
    void leaf(const ConfigKey& key, const ConfigValue& value) override {
        const std::string full = joined(path(), key.name);
        assign(value, parse_yaml(value.yaml, full, false), full);
    }
};

class Dumper : public PathVisitor {
public:
    std::string text;

private:
    void enter(const ConfigKey& section) override {
        text += fmt::format("{:{}}{}:\n", "", 2 * depth(), section.name);
        PathVisitor::enter(section);
    }
    void leaf(const ConfigKey& key, const ConfigValue& value) override {
        text += fmt::format("{:{}}{}: {}\n", "", 2 * depth(), key.name, value.yaml);
    }
};

class Describer : public PathVisitor {
public:
    std::string markdown() const {
        std::string text;
        for (const Table& table : tables_) {
            text += table.heading;
            if (!table.rows.empty()) text += "| Key | Default | Values | Meaning |\n|---|---|---|---|\n" + table.rows + "\n";
        }
        text.pop_back();  // one line break at the end is enough
        return text;
    }

private:
    // A section's own keys; they may come before and after the sections inside it.
    struct Table {
        std::string heading, rows;
    };

    void enter(const ConfigKey& section) override {
        PathVisitor::enter(section);
        open_.push_back(tables_.size());
        tables_.push_back({fmt::format("### `{}`\n\n{}.\n\n", path(), sentence(section.text)), ""});
    }
    void leave() override {
        PathVisitor::leave();
        open_.pop_back();
    }
    void leaf(const ConfigKey& key, const ConfigValue& value) override {
        const std::string unit = *key.unit ? fmt::format(" [{}]", key.unit) : "";
        tables_[open_.back()].rows +=
            fmt::format("| `{}` | `{}` | {} | {}{} |\n", key.name, value.yaml, value.expected, sentence(key.text), unit);
    }
    static std::string sentence(std::string text) {
        if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
        return text;
    }

    std::vector<Table> tables_ = {{"### Top level\n\n", ""}};
    std::vector<std::size_t> open_ = {0};
};

// "a.b=5" as the tree {a: {b: 5}} in which every place names the option.
YamlNode parse_override(const std::string& option) {
    const std::string place = "--set " + shortened(option, 120);
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) throw ConfigError(place, "no '=' found", "write --set key.path=value");
    std::vector<std::string> keys(1);
    for (const char c : option.substr(0, equals)) {
        if (c == '.')
            keys.emplace_back();
        else
            keys.back() += c;
    }
    if (keys.size() > max_override_depth || std::find(keys.begin(), keys.end(), "") != keys.end())
        throw ConfigError(place, "not a key before the '='", "write --set key.path=value, such as --set training.steps=100");
    const std::string value = option.substr(equals + 1);
    YamlNode node = value.empty() ? YamlNode{YamlNode::Kind::quoted, place, "", {}} : parse_yaml(value, place, false);
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        YamlNode outer{YamlNode::Kind::map, place, "", {}};
        outer.entries.push_back({*key, place, std::move(node)});
        node = std::move(outer);
    }
    return node;
}

}  // namespace

ConfigPlaces read_config(const ConfigSchema& schema, std::string_view text, const std::string& name,
                         const std::vector<std::string>& overrides) {
    KeyTable known;
    schema(known);
    ConfigPlaces places;
    const auto read = [&](const YamlNode& root) {
        known.check(root, "");
        Reader reader(root, places);
        schema(reader);
    };
    const YamlNode root = parse_yaml(text, name);
    if (root.kind == YamlNode::Kind::null)
        throw ConfigError(name, "no keys found: the file is empty", "see docs/config.md for the keys");
    if (root.kind != YamlNode::Kind::map)
        throw ConfigError(root.place, fmt::format("keys expected, found {}", describe(root)),
                          "write 'key: value' with a space after the colon");
    read(root);
    for (const std::string& option : overrides) read(parse_override(option));
    return places;
}

void check_config(const ConfigSchema& schema) {
    Checker checker;
    schema(checker);
}

std::string dump_config(const ConfigSchema& schema) {
    Dumper dumper;
    schema(dumper);
    return std::move(dumper.text);
}

std::string describe_config(const ConfigSchema& schema) {
    Describer describer;
    schema(describer);
    return describer.markdown();
}

std::string read_config_file(const std::filesystem::path& path) {
    // Bounded, so that a device or a data file given by mistake costs nothing.
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::string text(max_yaml_bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (!in.eof() && in.fail()) || std::filesystem::is_directory(path))
        throw ConfigError(path.string(), fmt::format("cannot be read: {}", std::strerror(errno ? errno : EISDIR)),
                          "check the path");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

std::string place_of(const ConfigPlaces& places, const std::string& path) {
    const auto found = places.find(path);
    return found == places.end() ? path : found->second;
}

}  // namespace gleam
