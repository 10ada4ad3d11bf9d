// Configurations: YAML read into plain structs, with errors that say where, and written back out.
//
// A program describes its structs once, in functions `void visit(ConfigVisitor&, Section&)`: the name, meaning, unit and allowed
// values of every key beside the member that holds it. Reading, checking, dumping and the reference table all walk that
// description:
//
//     void visit(ConfigVisitor& v, Optimizer& o) {
//         v.choice({"type", "method"}, o.type, {"adam"});
//         v.number({"learning_rate", "step size"}, o.learning_rate, {.least = 0, .least_open = true});
//     }
//     void visit(ConfigVisitor& v, Training& t) {
//         v.whole({"steps", "updates of the weights", "steps"}, t.steps, {.least = 1});
//         v.section({"optimizer", "how weights are updated"}, t.optimizer);
//     }
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gleam {

struct ConfigKey {
    const char* name;
    const char* text;       // what it means, one sentence without a full stop
    const char* unit = "";  // of the number
};

struct WholeRange {
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    bool odd = false;
};

// Always finite; an open bound is not itself allowed.
struct NumberRange {
    double least = -std::numeric_limits<double>::infinity();
    double most = std::numeric_limits<double>::infinity();
    bool least_open = false;
    bool most_open = false;
};

struct TextForm {
    const char* expected = "text";               // completes "must be …"
    bool (*fits)(const std::string&) = nullptr;  // null: any text
};

// One key as all visitors see it, whatever its type.
struct ConfigValue {
    std::string expected;  // "a whole number, at least 1": completes "must be …"
    std::string yaml;      // the present value, as a dump writes it
    // Sets the member from a scalar. Returns nothing on success, else a hint (maybe empty) for whoever wrote the scalar.
    std::function<std::optional<std::string>(const std::string& text, bool quoted)> assign;
};

class ConfigVisitor {
public:
    virtual ~ConfigVisitor() = default;

    void whole(const ConfigKey& key, std::int64_t& member, const WholeRange& range);
    void whole(const ConfigKey& key, std::uint64_t& member);
    void number(const ConfigKey& key, double& member, const NumberRange& range);
    void choice(const ConfigKey& key, std::string& member, const std::vector<std::string>& choices);
    void flag(const ConfigKey& key, bool& member);
    void text(const ConfigKey& key, std::string& member, const TextForm& form = {});

    template <class Section>
    void section(const ConfigKey& key, Section& members) {
        enter(key);
        visit(*this, members);
        leave();
    }

private:
    virtual void enter(const ConfigKey& section) = 0;
    virtual void leave() = 0;
    virtual void leaf(const ConfigKey& key, const ConfigValue& value) = 0;
};

// Shows a visitor every key of one configuration object, which the schema refers to.
using ConfigSchema = std::function<void(ConfigVisitor&)>;

// Where keys were set: "training.steps" -> "job.yaml:12:10" or "--set training.steps=5". Keys left at their default are absent.
using ConfigPlaces = std::map<std::string, std::string>;

// Sets the members behind `schema` from a YAML text, then from `overrides` ("training.steps=5", value parsed as YAML), later ones
// winning; members that nobody mentions keep their value. `name` stands for the text in messages. Throws ConfigError.
ConfigPlaces read_config(const ConfigSchema& schema, std::string_view text, const std::string& name,
                         const std::vector<std::string>& overrides = {});

// Throws ConfigError when a member holds what could not have been read (structs filled by a program).
void check_config(const ConfigSchema& schema);

// All keys and their values as YAML. Reading it gives the same members, to the last bit.
std::string dump_config(const ConfigSchema& schema);

// Markdown: a heading and a table of keys, present values, allowed values and meanings for every section.
std::string describe_config(const ConfigSchema& schema);

// The text of a configuration file. Throws ConfigError when it cannot be read or is far too large to be one.
std::string read_config_file(const std::filesystem::path& path);

// The place of the key `path`, for messages of cross-checks: where it was set, else its name alone.
std::string place_of(const ConfigPlaces& places, const std::string& path);

// The candidate that `word` may be a misspelling of, or "" when none is near (edit distance with swapped neighbours, case
// ignored).
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace gleam
