#include "greedy/parallel/timeline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t numbers_before_notes = 2 + span_kinds, numbers_of_note = 4;

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// "2026-01-31T12:00:00.250Z"
std::string iso_time(double seconds) {
    const auto milliseconds = static_cast<std::int64_t>(std::floor(seconds * 1e3));
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                       milliseconds % 1000);
}

// To the microsecond: more digits would only be longer.
double rounded(double seconds) { return std::round(seconds * 1e6) / 1e6; }

Json to_json(const RankTimeline& r, double origin) {
    Json totals, spans = Json::array();
    for (std::size_t k = 0; k < span_kinds; ++k) totals[span_kind_names()[k]] = rounded(r.timeline.totals()[k]);
    for (const Timeline::Note& n : r.timeline.notes())
        spans.push_back(Json::array(
            {n.step, span_kind_names()[static_cast<std::size_t>(n.kind)], rounded(n.begin - origin), rounded(n.end - origin)}));
    return {{"rank", r.rank},
            {"replica", r.replica},
            {"modules", Json::array({r.first_module, r.last_module})},
            {"seconds", rounded(r.timeline.seconds())},
            {"totals", totals},
            {"spans", spans}};
}

}  // namespace

const std::array<std::string, span_kinds>& span_kind_names() {
    static const std::array<std::string, span_kinds> names{"data", "wait", "room", "compute", "reduce", "validate", "save"};
    return names;
}

double Timeline::now() {
    using namespace std::chrono;
    static const double start =
        seconds_of(system_clock::now().time_since_epoch()) - seconds_of(steady_clock::now().time_since_epoch());
    return start + seconds_of(steady_clock::now().time_since_epoch());
}

Timeline::Timeline(Clock clock) : clock_(clock), steps_(first_steps + last_steps) { open_.reserve(8); }

std::size_t Timeline::place(std::size_t nth) { return nth < first_steps ? nth : first_steps + (nth - first_steps) % last_steps; }

void Timeline::begin_step(std::int64_t number) {
    if (begun_ > 0 && step().number == number) return;
    ++begun_;
    step().number = number;
    step().notes.clear();
}

void Timeline::enter(SpanKind kind) {
    const double time = clock_();
    if (!open_.empty()) note(open_.back(), since_, time);
    open_.push_back(kind);
    since_ = time;
}

void Timeline::leave() {
    const double time = clock_();
    note(open_.back(), since_, time);
    open_.pop_back();
    since_ = time;
}

void Timeline::note(SpanKind kind, double begin, double end) {
    if (empty_) begin_ = begin;
    empty_ = false;
    end_ = end;
    totals_[static_cast<std::size_t>(kind)] += end - begin;
    if (begun_ == 0) begin_step(0);
    std::vector<Note>& notes = step().notes;
    if (!notes.empty() && notes.back().kind == kind && begin - notes.back().end < shortest_span)
        notes.back().end = end;
    else if (end - begin >= shortest_span && notes.size() < spans_of_step)
        notes.push_back({step().number, kind, begin, end});
}

std::vector<Timeline::Note> Timeline::notes() const {
    std::vector<Note> all;
    for (std::size_t nth = 0; nth < begun_; ++nth) {
        if (nth >= first_steps && nth + last_steps < begun_) continue;
        const std::vector<Note>& some = steps_[place(nth)].notes;
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

std::vector<double> Timeline::numbers() const {
    std::vector<double> all{begin_, end_};
    all.insert(all.end(), totals_.begin(), totals_.end());
    for (const Note& n : notes())
        all.insert(all.end(), {static_cast<double>(n.step), static_cast<double>(n.kind), n.begin, n.end});
    return all;
}

Timeline Timeline::from_numbers(const std::vector<double>& numbers) {
    const auto refuse = [] {
        throw CommunicationError("mail", "a letter is no timeline", "run one version of gleam everywhere");
    };
    if (numbers.size() < numbers_before_notes || (numbers.size() - numbers_before_notes) % numbers_of_note != 0) refuse();
    Timeline t;
    t.empty_ = false;
    t.begin_ = numbers[0], t.end_ = numbers[1];
    std::copy_n(numbers.begin() + 2, span_kinds, t.totals_.begin());
    for (std::size_t i = numbers_before_notes; i < numbers.size(); i += numbers_of_note) {
        const double kind = numbers[i + 1];
        if (!(kind >= 0 && kind < static_cast<double>(span_kinds))) refuse();
        t.begin_step(static_cast<std::int64_t>(numbers[i]));
        t.step().notes.push_back({t.step().number, static_cast<SpanKind>(kind), numbers[i + 2], numbers[i + 3]});
    }
    return t;
}

void write_timeline(const fs::path& file, const std::vector<RankTimeline>& ranks) {
    double origin = std::numeric_limits<double>::infinity();
    for (const RankTimeline& r : ranks)
        if (r.timeline.seconds() > 0) origin = std::min(origin, r.timeline.begin());
    if (std::isinf(origin)) origin = 0;
    Json all{{"origin", iso_time(origin)}, {"ranks", Json::array()}};
    for (const RankTimeline& r : ranks) all["ranks"].push_back(to_json(r, origin));
    write_file(file, all.dump() + "\n");
}

}  // namespace gleam::greedy
