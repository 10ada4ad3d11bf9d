#include "core/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "core/error.hpp"

namespace gleam {
namespace {

using Kind = YamlNode::Kind;

// The number of bytes of the UTF-8 character at the start of `text`, or 0 when there is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const unsigned second = byte(1);
    const bool misused = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) || (lead == 0xF0 && second < 0x90) ||
                         (lead == 0xF4 && second >= 0x90);
    return misused ? 0 : length;
}

// Forms "name:line:column" from counts that start at zero.
class Places {
public:
    Places(const std::string& name, bool positions) : name_(name), positions_(positions) {}

    std::string at(std::int64_t line, std::int64_t column) const {
        return positions_ && line >= 0 && column >= 0 ? fmt::format("{}:{}:{}", name_, line + 1, column + 1) : name_;
    }
    std::string at(const YAML::Mark& mark) const { return at(mark.line, mark.column); }

private:
    std::string name_;
    bool positions_;
};

// Refuses what is not text before the YAML library sees it.
void check_characters(std::string_view text, const Places& places) {
    std::int64_t line = 0, column = 0;
    bool indentation = true;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
        const auto c = static_cast<unsigned char>(text[i]);
        if (length == 0) throw ConfigError(places.at(line, column), "not UTF-8 text", "save the file as UTF-8");
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            throw ConfigError(places.at(line, column), fmt::format("not a YAML text: it holds the control character 0x{:02X}", c),
                              "give a YAML file");
        if (c == '\t' && indentation)
            throw ConfigError(places.at(line, column), "a tab at the beginning of a line", "indent with spaces");
        indentation = c == '\n' || (indentation && c == ' ');
        ++column;
        if (c == '\n') {
            ++line;
            column = 0;
        }
        i += length;
    }
}

// Builds the tree from the parser's events.
class TreeBuilder : public YAML::EventHandler {
public:
    explicit TreeBuilder(const Places& places) : places_(places) {}

    YamlNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1)
            throw ConfigError(places_.at(mark), "a second YAML document begins here", "keep one document per file");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, "", anchor, Kind::null, ""); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
        scalar(mark, tag, anchor, tag == "!" ? Kind::quoted : Kind::plain, value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, Kind::list);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, Kind::map);
    }
    void OnMapEnd() override { end(); }

private:
    // A list or map whose end has not come yet.
    struct Open {
        YamlNode node;
        bool has_key = false;
        std::string key, key_place;
        std::map<std::string, std::string> seen;  // key -> where it stands
    };

    [[noreturn]] void refuse_anchor(const YAML::Mark& mark) const {
        throw ConfigError(places_.at(mark), "anchors (&name) and aliases (*name) are not supported", "write the value out");
    }

    void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
        if (anchor != 0) refuse_anchor(mark);
        if (!tag.empty() && tag != "?" && tag != "!")
            throw ConfigError(places_.at(mark), fmt::format("tags such as '{}' are not supported", shortened(tag)),
                              "remove the tag");
    }

    void scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind, const std::string& text) {
        check(mark, tag, anchor);
        if (!open_.empty() && open_.back().node.kind == Kind::map && !open_.back().has_key)
            begin_entry(mark, kind, text);
        else
            add(YamlNode{kind, places_.at(mark), text, {}});
    }

    void begin_entry(const YAML::Mark& mark, Kind kind, const std::string& text) {
        if (kind == Kind::null) throw ConfigError(places_.at(mark), "a key is missing before ':'", "write 'key: value'");
        Open& map = open_.back();
        map.has_key = true;
        map.key = text;
        map.key_place = places_.at(mark);
        const auto [first, fresh] = map.seen.emplace(map.key, map.key_place);
        if (!fresh)
            throw ConfigError(map.key_place,
                              fmt::format("the key '{}' appears twice, first at {}", shortened(text), first->second),
                              "remove one of them");
    }

    void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind) {
        check(mark, tag, anchor);
        if (!open_.empty() && open_.back().node.kind == Kind::map && !open_.back().has_key)
            throw ConfigError(places_.at(mark), "a key must be a word, not a list or a section",
                              "write 'key: value' and check the brackets");
        if (open_.size() >= max_yaml_depth)
            throw ConfigError(places_.at(mark), fmt::format("nested more than {} levels deep", max_yaml_depth),
                              "check the brackets");
        open_.push_back({});
        open_.back().node.kind = kind;
        open_.back().node.place = places_.at(mark);
    }

    void end() {
        YamlNode done = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(done));
    }

    void add(YamlNode value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& parent = open_.back();
        if (parent.node.kind != Kind::map) return;
        // The library marks a missing value where the next token stands, which may be lines further down.
        if (value.kind == Kind::null) value.place = parent.key_place;
        parent.node.entries.push_back({std::move(parent.key), std::move(parent.key_place), std::move(value)});
        parent.has_key = false;
    }

    const Places& places_;
    int documents_ = 0;
    YamlNode root_;
    std::vector<Open> open_;
};

}  // namespace

YamlNode parse_yaml(std::string_view text, const std::string& name, bool positions) {
    const Places places(name, positions);
    if (text.size() > max_yaml_bytes)
        throw ConfigError(name, fmt::format("larger than {} KiB", max_yaml_bytes / 1024), "give a YAML configuration file");
    check_characters(text, places);
    TreeBuilder builder(places);
    try {
        // The library takes the end of a text for the end of an open quote when a line break comes last; a closing comment
        // prevents this.
        std::istringstream stream(std::string(text) + "\n#");
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& e) {
        const auto lines = std::count(text.begin(), text.end(), '\n');
        const bool beyond = e.mark.line > lines;  // in the comment added above
        throw ConfigError(beyond ? places.at(lines, 0) : places.at(e.mark), "not valid YAML: " + e.msg,
                          "check indentation, quotes, brackets and 'key: value' spacing");
    }
    YamlNode root = builder.take();
    if (root.place.empty()) root.place = places.at(0, 0);
    return root;
}

std::string describe(const YamlNode& node) {
    switch (node.kind) {
        case Kind::plain:
            return fmt::format("'{}'", shortened(node.text));
        case Kind::quoted:
            return fmt::format("the text \"{}\"", shortened(node.text));
        case Kind::list:
            return "a list";
        case Kind::map:
            return "a section";
        case Kind::null:
            break;
    }
    return "nothing";
}

std::string shortened(std::string_view text, std::size_t most_bytes) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
        const auto c = static_cast<unsigned char>(text[i]);
        if (out.size() + length > most_bytes) return out + "…";
        if (length == 0 || c < 0x20 || c == 0x7F)
            out += c == '\n' ? ' ' : '?';
        else
            out += text.substr(i, length);
        i += length ? length : 1;
    }
    return out;
}

}  // namespace gleam
