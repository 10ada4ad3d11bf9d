// Noting who computed what when, with a clock that the tests set.
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "greedy/parallel/timeline.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using gleam::test::TemporaryDirectory;

namespace {

double clock_time = 0;
double test_clock() { return clock_time; }

struct Watched {
    Timeline timeline{test_clock};

    explicit Watched(double start = 1000) { clock_time = start; }
    void spend(SpanKind kind, double seconds) {
        timeline.time(kind, [&] { clock_time += seconds; });
    }
    double total(SpanKind kind) const { return timeline.totals()[static_cast<std::size_t>(kind)]; }
};

// Steps 1, 2, ... of a second each.
Watched steps(std::int64_t count, double start = 1000) {
    Watched w(start);
    for (std::int64_t s = 1; s <= count; ++s) {
        w.timeline.begin_step(s);
        w.spend(SpanKind::wait, 0.25);
        w.spend(SpanKind::compute, 0.75);
    }
    return w;
}

}  // namespace

TEST_CASE("Spans are noted with their step, kind, begin and end") {
    const Watched w = steps(2);
    CHECK(w.timeline.notes() == std::vector<Timeline::Note>{{1, SpanKind::wait, 1000, 1000.25},
                                                            {1, SpanKind::compute, 1000.25, 1001},
                                                            {2, SpanKind::wait, 1001, 1001.25},
                                                            {2, SpanKind::compute, 1001.25, 1002}});
    CHECK(w.timeline.begin() == 1000);
    CHECK(w.timeline.seconds() == 2);
}

TEST_CASE("A span inside another one interrupts it, so that no time is counted twice") {
    Watched w;
    w.timeline.begin_step(3);
    const int answer = w.timeline.time(SpanKind::compute, [&] {
        clock_time += 1;
        w.spend(SpanKind::room, 0.5);
        clock_time += 2;
        return 42;
    });
    CHECK(answer == 42);
    CHECK(w.timeline.notes() == std::vector<Timeline::Note>{{3, SpanKind::compute, 1000, 1001},
                                                            {3, SpanKind::room, 1001, 1001.5},
                                                            {3, SpanKind::compute, 1001.5, 1003.5}});
    CHECK(w.total(SpanKind::compute) == 3);
    CHECK(w.total(SpanKind::room) == 0.5);
}

TEST_CASE("A span too short to be seen counts in the totals and does not break up the one around it") {
    Watched w;
    w.timeline.begin_step(1);
    w.timeline.time(SpanKind::compute, [&] {
        clock_time += 1;
        w.spend(SpanKind::data, 1e-6);
        clock_time += 1;
    });
    REQUIRE(w.timeline.notes().size() == 1);
    CHECK(w.timeline.notes()[0].kind == SpanKind::compute);
    CHECK(w.timeline.notes()[0].end == Approx(1002.000001).epsilon(1e-12));
    CHECK(w.total(SpanKind::data) == Approx(1e-6).epsilon(1e-3));
    CHECK(w.total(SpanKind::compute) == Approx(2));
}

TEST_CASE("A span that ends by an exception is closed") {
    Watched w;
    w.timeline.begin_step(1);
    CHECK_THROWS_AS(w.timeline.time(SpanKind::compute,
                                    [&] {
                                        clock_time += 1;
                                        throw NumericError("a", "b", "c");
                                    }),
                    NumericError);
    w.spend(SpanKind::save, 1);
    CHECK(w.total(SpanKind::compute) == 1);
    CHECK(w.total(SpanKind::save) == 1);
}

TEST_CASE("Of many steps the first and the last are kept, and the totals of all") {
    constexpr std::int64_t count = 1000;
    const Watched w = steps(count);
    const std::vector<Timeline::Note> notes = w.timeline.notes();
    REQUIRE(notes.size() == 2 * (Timeline::first_steps + Timeline::last_steps));
    for (std::size_t i = 0; i < notes.size(); ++i) {
        const auto nth = static_cast<std::int64_t>(i / 2);
        const auto first = static_cast<std::int64_t>(Timeline::first_steps),
                   last = static_cast<std::int64_t>(Timeline::last_steps);
        const std::int64_t step = nth < first ? nth + 1 : count - last + 1 + nth - first;
        CHECK(notes[i].step == step);
        CHECK(notes[i].begin == 1000 + static_cast<double>(step - 1) + (i % 2 ? 0.25 : 0));
    }
    CHECK(w.total(SpanKind::wait) == 250);
    CHECK(w.total(SpanKind::compute) == 750);
    CHECK(w.timeline.seconds() == 1000);
}

TEST_CASE("No number of steps is kept twice or lost where the ring begins and ends") {
    for (const std::int64_t count : {1, 7, 8, 9, 71, 72, 73, 136, 137}) {
        INFO(count);
        const std::vector<Timeline::Note> notes = steps(count).timeline.notes();
        CHECK(notes.size() == 2 * std::min<std::size_t>(static_cast<std::size_t>(count), 72));
        CHECK(notes.back().step == count);
        for (std::size_t i = 1; i < notes.size(); ++i) CHECK(notes[i - 1].end <= notes[i].begin);
    }
}

TEST_CASE("A step of very many spans takes bounded memory") {
    Watched w;
    w.timeline.begin_step(1);
    for (int i = 0; i < 500; ++i) w.spend(SpanKind::data, 1), w.spend(SpanKind::compute, 2);
    CHECK(w.timeline.notes().size() == Timeline::spans_of_step);
    CHECK(w.total(SpanKind::compute) == 1000);
}

TEST_CASE("Without a timeline a span notes nothing, and before the first step it belongs to step 0") {
    { const Timeline::Span nothing(nullptr, SpanKind::compute); }
    Watched w;
    CHECK(w.timeline.notes().empty());
    CHECK(w.timeline.seconds() == 0);
    w.spend(SpanKind::wait, 1);
    REQUIRE(w.timeline.notes().size() == 1);
    CHECK(w.timeline.notes()[0].step == 0);
}

TEST_CASE("The clock does not run backwards") {
    double before = Timeline::now();
    CHECK(before > 1.7e9);  // seconds since 1970
    for (int i = 0; i < 1000; ++i) {
        const double time = Timeline::now();
        CHECK(time >= before);
        before = time;
    }
}

TEST_CASE("A timeline travels as numbers and is the same afterwards") {
    for (const std::int64_t count : {0, 3, 8, 72, 500}) {
        const Watched w = steps(count, 1.75e9);
        const Timeline other = Timeline::from_numbers(w.timeline.numbers());
        CHECK(other.notes() == w.timeline.notes());
        CHECK(other.totals() == w.timeline.totals());
        CHECK(other.begin() == w.timeline.begin());
        CHECK(other.seconds() == w.timeline.seconds());
        CHECK(other.numbers() == w.timeline.numbers());
    }
}

TEST_CASE("Numbers that are no timeline are refused") {
    std::vector<double> numbers = steps(2).timeline.numbers();
    CHECK_THROWS_AS(Timeline::from_numbers({}), CommunicationError);
    numbers.push_back(1);
    CHECK_THROWS_AS(Timeline::from_numbers(numbers), CommunicationError);
    numbers.pop_back();
    numbers[numbers.size() - 3] = 7;  // a kind
    CHECK_THROWS_AS(Timeline::from_numbers(numbers), CommunicationError);
}

TEST_CASE("The timelines of all ranks become one file with one origin") {
    const TemporaryDirectory directory;
    const auto file = directory / "timeline.json";
    const double start = 1767225600.25;  // 2026-01-01
    write_timeline(
        file,
        {{0, 0, 1, 3, steps(1, start + 1).timeline}, {1, 1, 4, 4, steps(2, start).timeline}, {2, 0, 5, 5, Timeline(test_clock)}});
    const auto json = nlohmann::json::parse(read_file(file));
    CHECK(json["origin"] == "2026-01-01T00:00:00.250Z");
    REQUIRE(json["ranks"].size() == 3);
    CHECK(json["ranks"][0]["rank"] == 0);
    CHECK(json["ranks"][0]["modules"] == nlohmann::json({1, 3}));
    CHECK(json["ranks"][0]["spans"] == nlohmann::json::parse(R"([[1,"wait",1.0,1.25],[1,"compute",1.25,2.0]])"));
    CHECK(json["ranks"][1]["replica"] == 1);
    CHECK(json["ranks"][1]["seconds"] == 2.0);
    CHECK(json["ranks"][1]["totals"] == nlohmann::json::parse(R"({"data":0.0,"wait":0.5,"room":0.0,"compute":1.5,"reduce":0.0,
"validate":0.0,"save":0.0})"));
    CHECK(json["ranks"][1]["spans"][3] == nlohmann::json::parse(R"([2,"compute",1.25,2.0])"));
    CHECK(json["ranks"][2]["spans"].empty());
    CHECK_THROWS_AS(write_timeline(directory / "nowhere/timeline.json", {}), DataError);
}
