#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/error.hpp"
#include "core/files.hpp"
#include "core/yaml.hpp"
#include "test/support/catch.hpp"

namespace {

using namespace gleam;

struct Oven {
    double heat = 180;
    std::int64_t tray = 1;
    std::string mode = "bake";
    bool operator==(const Oven&) const = default;
};

struct Recipe {
    std::uint64_t number = 1;
    std::string title;
    Oven oven;
    std::string note = "x";
    bool operator==(const Recipe&) const = default;
};

void visit(ConfigVisitor& v, Oven& o) {
    v.number({"heat", "temperature", "degrees"}, o.heat, {.least = 0, .most = 300, .least_open = true});
    v.whole({"tray", "where the tray goes"}, o.tray, {.least = 1, .most = 7, .odd = true});
    v.choice({"mode", "how heat arrives"}, o.mode, {"bake", "grill"});
}

void visit(ConfigVisitor& v, Recipe& r) {
    v.whole({"number", "page in the book"}, r.number);
    v.text({"title", "what it is called"}, r.title);
    v.section({"oven", "settings of the oven"}, r.oven);
    v.text({"note", "a single letter"}, r.note, {"one letter", [](const std::string& t) { return t.size() == 1; }});
}

ConfigSchema schema_of(Recipe& r) {
    return [&r](ConfigVisitor& v) { visit(v, r); };
}

Recipe read(const std::string& text, const std::vector<std::string>& overrides = {}) {
    Recipe r;
    read_config(schema_of(r), text, "r.yaml", overrides);
    return r;
}

// The message of the error that reading ends in; "" when it succeeds.
std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
        read(text, overrides);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "";
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

bool starts_with(const std::string& text, const std::string& beginning) { return text.rfind(beginning, 0) == 0; }

}  // namespace

TEST_CASE("Defaults give way to the file, the file to options, and earlier options to later ones") {
    const Recipe r = read("oven:\n  heat: 200\n  tray: 3\n", {"oven.tray=5", "oven={mode: grill}", "oven.tray=7"});
    CHECK(r.number == 1);
    CHECK(r.oven.heat == 200);
    CHECK(r.oven.tray == 7);
    CHECK(r.oven.mode == "grill");
}

TEST_CASE("An option's value is YAML, and an empty one is an empty text") {
    CHECK(read("title: x", {"title="}).title.empty());
    CHECK(read("title: x", {"title=\"a: b # c\""}).title == "a: b # c");
    CHECK(read("title: x", {"title=a=b"}).title == "a=b");
    CHECK_THAT(refusal("title: x", {"title=a: b"}), ContainsSubstring("--set title=a: b: 'title' must be text, found a section"));
}

TEST_CASE("The places of keys are those of the last time they were set") {
    Recipe r;
    const ConfigPlaces places = read_config(schema_of(r), "title: x\noven: {heat: 9,\n  tray: 3}", "r.yaml", {"title=y"});
    CHECK(places == ConfigPlaces{{"title", "--set title=y"}, {"oven.heat", "r.yaml:2:14"}, {"oven.tray", "r.yaml:3:9"}});
    CHECK(place_of(places, "oven.tray") == "r.yaml:3:9");
    CHECK(place_of(places, "oven.mode") == "oven.mode");
}

TEST_CASE("Unknown keys are refused with their place, the nearest key and all known keys") {
    CHECK(refusal("title: x\noven:\n  haet: 200\n") ==
          "r.yaml:3:3: unknown key 'haet' in 'oven', did you mean 'heat'? (known keys: heat, tray, mode)");
    CHECK_THAT(refusal("mode: grill\n"), ContainsSubstring("'mode' at the top level, did you mean 'oven.mode'?"));
    CHECK_THAT(refusal("tary: 3\n"), ContainsSubstring("did you mean 'oven.tray'?"));
    CHECK_THAT(refusal("zzzzzz: 3\n"),
               ContainsSubstring("unknown key 'zzzzzz' at the top level (known keys: number, title, oven, note)"));
    CHECK_THAT(refusal("number: 1", {"oven.haet=5"}),
               ContainsSubstring("--set oven.haet=5: unknown key 'haet' in 'oven', did you"));
    CHECK_THAT(refusal("oven: {tray: 1,5}"), ContainsSubstring("unknown key '5'"));
    CHECK_THAT(refusal("oven: {tray: 1,5}"), ContainsSubstring("quotes"));
}

TEST_CASE("Values of the wrong type are refused where they stand") {
    CHECK(refusal("oven:\n  heat: warm\n") == "r.yaml:2:9: 'oven.heat' must be a number, above 0, at most 300, found 'warm'");
    CHECK_THAT(refusal("number: -1"), ContainsSubstring("r.yaml:1:9: 'number' must be a whole number from 0"));
    CHECK_THAT(refusal("number: 18446744073709551616"), ContainsSubstring("r.yaml:1:9: 'number'"));
    CHECK_THAT(refusal("oven: {tray: '3'}"), ContainsSubstring("found the text \"3\"; remove the quotes"));
    CHECK_THAT(refusal("oven: {tray: 3.0}"), ContainsSubstring("found '3.0'; write 3"));
    CHECK_THAT(refusal("oven: {tray: 007}"), ContainsSubstring("leading zeros"));
    CHECK_THAT(refusal("oven: {tray: 0x3}"), ContainsSubstring("r.yaml:1:14"));
    CHECK_THAT(refusal("oven: {heat: [1]}"), ContainsSubstring("found a list"));
    CHECK_THAT(refusal("oven: {heat: {a: 1}}"), ContainsSubstring("found a section"));
    CHECK_THAT(refusal("\n\ntitle:\n\n\noven: {heat: 1}"), ContainsSubstring("r.yaml:3:1: 'title' must be text, found nothing"));
    CHECK_THAT(refusal("oven: 200"), ContainsSubstring("r.yaml:1:7: 'oven' must be a section of keys, found '200'"));
    CHECK_THAT(refusal("number: 1", {"oven=[1]"}), ContainsSubstring("--set oven=[1]: 'oven' must be a section"));
}

TEST_CASE("Values out of range and unknown choices are refused with what is allowed") {
    for (const std::string heat :
         {"0", "-3", "300.5", ".nan", "nan", ".inf", "inf", "1e999", "1e-999", "1e", "+-3", "++3", "0x10", ""})
        CHECK_THAT(refusal("oven: {heat: " + heat + "}"),
                   ContainsSubstring("'oven.heat' must be a number, above 0, at most 300"));
    for (const std::string tray : {"0", "-1", "2", "8", "9", "99999999999999999999", "1e400"})
        CHECK_THAT(refusal("oven: {tray: " + tray + "}"),
                   ContainsSubstring("'oven.tray' must be an odd number, at least 1, at most 7"));
    CHECK_THAT(refusal("oven: {mode: gril}"),
               ContainsSubstring("must be one of bake, grill, found 'gril'; did you mean 'grill'?"));
    CHECK_THAT(refusal("note: ab"), ContainsSubstring("'note' must be one letter, found 'ab'"));
    CHECK_THAT(refusal("title: \"a\\x00b\""), ContainsSubstring("without control characters"));
}

TEST_CASE("Numbers may be written in the usual ways") {
    CHECK(read("oven: {heat: 1.5e2}").oven.heat == 150);
    CHECK(read("oven: {tray: +3}").oven.tray == 3);
    CHECK(read("oven: {heat: .5}").oven.heat == 0.5);
    CHECK(read("oven: {heat: 1.}").oven.heat == 1);
    CHECK(read("number: 18446744073709551615").number == 18446744073709551615u);
}

TEST_CASE("A key that appears twice is refused with both places") {
    CHECK(refusal("number: 1\ntitle: x\nnumber: 2\n") ==
          "r.yaml:3:1: the key 'number' appears twice, first at r.yaml:1:1; remove one of them");
    CHECK_THAT(refusal("oven: {heat: 1, 'heat': 2}"), ContainsSubstring("r.yaml:1:17: the key 'heat' appears twice"));
}

TEST_CASE("Damaged and foreign texts are refused with a place") {
    const std::string cases[] = {
        "title: \"abc",                    // open quotes, with and without a last line break
        "title: \"abc\nnumber: 3\n",       //
        "title: 'abc\n",                   //
        "oven: {heat: 3",                  // open brackets
        "oven: [1, 2\n",                   //
        "oven: }\n",                       //
        "oven:\n\theat: 3\n",              // tabs
        "oven:\n  heat: 3\n tray: 3\n",    // indentation
        "oven:\n  heat 3\n",               // no colon
        "title: a: b\n",                   //
        "title: \"\\q\"\n",                // escapes
        "title: \"\\uD800\"\n",            //
        "title: a\xff\n",                  // not UTF-8
        "title: \xc0\xaf\n",               // overlong
        "title: \xed\xa0\x80\n",           // a surrogate
        "title: caf\xe9\n",                // Latin-1
        "\xff\xfet\0i\0",                  // UTF-16
        "\x89HDF\r\n\x1a\n",               // another file format
        std::string("title: a\0b\n", 11),  // NUL
        "- a\n- b\n",                      // no mapping
        "just words\n",                    //
        "42",                              //
        "title: x\n---\ntitle: y\n",       // two documents
        "title: &a x\nnote: *a\n",         // anchors, aliases, tags
        "title: *a\n",                     //
        "title: !!str x\n",                //
        "title: !!binary aGVq\n",          //
        "<<: {title: x}\n",                // merge keys
        "? [a, b]\n: 3\n",                 // keys that are no words
        "{a: b}: c\n",                     //
        ": 3\n",                           //
        "%YAML 3.0\n---\ntitle: x\n",      // directives
    };
    for (const std::string& text : cases) {
        CAPTURE(text);
        const std::string message = refusal(text);
        CHECK(starts_with(message, "r.yaml:"));
        CHECK(message.find_first_of("0123456789") == std::string("r.yaml:").size());
    }
}

TEST_CASE("A text without keys is refused, with or without options") {
    for (const std::string text : {"", "\n\n", "# only a comment\n", "---\n", "%TAG ! a\n", "~", "null"}) {
        CHECK_THAT(refusal(text), ContainsSubstring("r.yaml: no keys found"));
        CHECK_THAT(refusal(text, {"number=2"}), ContainsSubstring("r.yaml: no keys found"));
    }
    const Recipe defaults;
    CHECK(read("{}") == defaults);
    CHECK(read("oven:\n  # heat: 3\n") == defaults);
}

TEST_CASE("Aliases cannot expand a small text into a large one") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 40; ++i)
        bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
    CHECK_THAT(refusal(bomb), ContainsSubstring("r.yaml:1:5: anchors (&name) and aliases (*name) are not supported"));
}

TEST_CASE("Deep nesting and endless repetition end in an error") {
    for (const std::string piece :
         {"[", "{", "- ", "? ", "{a: ", "[a, ", "a: ", "!", "---\n", "'", "\"", "- - ", ": ", "{? ", "x,"})
        for (const std::string start : {"", "oven: ", "[", "{"}) {
            CAPTURE(piece, start);
            CHECK(starts_with(refusal(start + repeated(piece, 20'000 / piece.size())), "r.yaml:"));
        }
    std::string steps;
    for (int i = 0; i < 100; ++i) steps += std::string(static_cast<std::size_t>(i), ' ') + "oven:\n";
    CHECK_THAT(refusal(steps), ContainsSubstring("nested more than 16 levels deep"));
    CHECK_THAT(refusal("title: x\n" + repeated(" ", 300 * 1024)), ContainsSubstring("r.yaml: larger than 256 KiB"));
}

TEST_CASE("Options that are no assignments are refused") {
    for (const std::string option : {"", "number", "=3", ".=3", "oven..heat=3", "oven.=3", ".heat=3"})
        CHECK_THAT(refusal("number: 1", {option}), ContainsSubstring("write --set key.path=value"));
    CHECK_THAT(refusal("number: 1", {repeated("oven.", 100'000) + "heat=3"}), ContainsSubstring("--set oven.oven."));
    CHECK_THAT(refusal("number: 1", {"oven.heat=[1"}), ContainsSubstring("--set oven.heat=[1: "));
    CHECK_THAT(refusal("number: 1", {"title=\xff"}), ContainsSubstring("--set title=?: not UTF-8 text"));
    CHECK_THAT(refusal("number: 1", {"number.x=3"}), ContainsSubstring("--set number.x=3: 'number' must be a whole number"));
}

TEST_CASE("A dump reads back to the same values, to the last bit") {
    Recipe r;
    r.number = std::numeric_limits<std::uint64_t>::max();
    for (const double heat :
         {0.1, 1.0 / 3, 1e-4, 1e-8, 5e-324, 2.2250738585072014e-308, 299.99999999999994, 100.0, 1.0, 123456.789e-3}) {
        r.oven.heat = heat;
        CHECK(read(dump_config(schema_of(r))) == r);
    }
    for (const std::string title : {"",    "a",   "null", "~",  "true", "No",  "3",   "3,5,9",       "0:80", "1e5", " a ", "a: b",
                                    "# a", "- a", "'",    "\"", "\\",   "\\n", "a\\", "caf\xc3\xa9", "&a",   "*a",  "!a",  "%",
                                    "@",   "`",   "{",    "[",  "]",    "|",   ">",   "?",           ":",    "---", "..."}) {
        CAPTURE(title);
        r.title = title;
        CHECK(read(dump_config(schema_of(r))) == r);
    }
}

TEST_CASE("A dump holds every key once, in the order of the description") {
    Recipe r;
    CHECK(dump_config(schema_of(r)) == "number: 1\ntitle: \"\"\noven:\n  heat: 180.0\n  tray: 1\n  mode: bake\nnote: x\n");
    r.oven.heat = 1e-8;
    CHECK_THAT(dump_config(schema_of(r)), ContainsSubstring("heat: 1.0e-08\n"));
}

TEST_CASE("The reference table lists keys by section, those after a section included") {
    Recipe r;
    CHECK(describe_config(schema_of(r)) ==
          "### Top level\n\n"
          "| Key | Default | Values | Meaning |\n|---|---|---|---|\n"
          "| `number` | `1` | a whole number from 0 to 18446744073709551615 | Page in the book |\n"
          "| `title` | `\"\"` | text | What it is called |\n"
          "| `note` | `x` | one letter | A single letter |\n\n"
          "### `oven`\n\nSettings of the oven.\n\n"
          "| Key | Default | Values | Meaning |\n|---|---|---|---|\n"
          "| `heat` | `180.0` | a number, above 0, at most 300 | Temperature [degrees] |\n"
          "| `tray` | `1` | an odd number, at least 1, at most 7 | Where the tray goes |\n"
          "| `mode` | `bake` | one of bake, grill | How heat arrives |\n");
}

TEST_CASE("Structs that a program filled are held to the same rules") {
    Recipe r;
    CHECK_NOTHROW(check_config(schema_of(r)));
    r.oven.heat = std::nan("");
    CHECK_THROWS_WITH(check_config(schema_of(r)), ContainsSubstring("oven.heat: 'oven.heat' must be a number"));
    r.oven.heat = 20;
    r.oven.mode = "fry";
    CHECK_THROWS_WITH(check_config(schema_of(r)), ContainsSubstring("'oven.mode' must be one of bake, grill, found 'fry'"));
}

TEST_CASE("Configuration files that cannot be read are refused by name") {
    const auto directory = std::filesystem::temp_directory_path() / ("gleam-config-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    write_file(directory / "r.yaml", "title: x\n");
    write_file(directory / "large.yaml", repeated(" ", 1 << 20));
    CHECK(read_config_file(directory / "r.yaml") == "title: x\n");
    CHECK(read_config_file(directory / "large.yaml").size() == max_yaml_bytes + 1);
    CHECK_THROWS_WITH(read_config_file(directory / "no.yaml"), ContainsSubstring("no.yaml: cannot be read: No such file"));
    CHECK_THROWS_WITH(read_config_file(directory), ContainsSubstring("cannot be read: Is a directory"));
    std::filesystem::remove_all(directory);
}

TEST_CASE("A misspelled word finds its neighbour, and a strange one finds none") {
    const std::vector<std::string> words = {"learning_rate", "steps", "step", "l1", "type"};
    CHECK(nearest_word("lerning_rate", words) == "learning_rate");
    CHECK(nearest_word("LEARNING_RATE", words) == "learning_rate");
    CHECK(nearest_word("learnign_rate", words) == "learning_rate");
    CHECK(nearest_word("stepz", words) == "steps");
    CHECK(nearest_word("tpye", words) == "type");
    CHECK(nearest_word("l2", words) == "l1");
    CHECK(nearest_word("banana", words).empty());
    CHECK(nearest_word("", words).empty());
    CHECK(nearest_word("x", words).empty());
    CHECK(nearest_word(repeated("steps", 100'000), words).empty());
}
