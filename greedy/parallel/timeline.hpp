// Who computed what when: the time of one rank, in spans, for the report's picture of the pipeline.
//
// Spans do not overlap: one inside another interrupts it, so that totals add up to the time that was spent. On a GPU what is
// noted is when work was queued, but a step ends when its losses are read, which waits for the device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/files.hpp"

namespace gleam::greedy {

enum class SpanKind : std::uint8_t {
    data,      // waiting for the loader
    wait,      // for an image from the rank before
    room,      // for a free slot towards the next rank
    compute,   // forward and backward passes, updates
    reduce,    // averaging gradients over replicas
    validate,  // and agreeing on its result
    save,
};
inline constexpr std::size_t span_kinds = 7;
const std::array<std::string, span_kinds>& span_kind_names();

// Times are seconds since 1970, of the system's clock as it was when the process began to note them: they never run backwards,
// and differ between machines by as much as their clocks do.
class Timeline {
public:
    using Clock = double (*)();
    static double now();

    struct Note {
        std::int64_t step;
        SpanKind kind;
        double begin, end;
        bool operator==(const Note&) const = default;
    };

    // From its making to its end. Without a timeline it notes nothing.
    class Span {
    public:
        Span(Timeline* timeline, SpanKind kind) : timeline_(timeline) {
            if (timeline_) timeline_->enter(kind);
        }
        ~Span() {
            if (timeline_) timeline_->leave();
        }
        Span(const Span&) = delete;
        Span& operator=(const Span&) = delete;

    private:
        Timeline* timeline_;
    };

    explicit Timeline(Clock clock = now);

    // Spans from here on belong to this step. Of all steps the first and the last ones are kept, of one step so many spans.
    void begin_step(std::int64_t number);
    static constexpr std::size_t first_steps = 8, last_steps = 64, spans_of_step = 256;
    // Shorter ones are in the totals only, and do not break the span around them in two.
    static constexpr double shortest_span = 20e-6;

    // work() as a span; returns what that returns.
    template <class Work>
    decltype(auto) time(SpanKind kind, Work&& work) {
        const Span span(this, kind);
        return work();
    }

    std::vector<Note> notes() const;  // in order
    // Over the whole run, in seconds: of each kind, and from the first span's beginning to the last one's end.
    const std::array<double, span_kinds>& totals() const { return totals_; }
    double seconds() const { return end_ - begin_; }
    double begin() const { return begin_; }

    // All of it, to be sent. CommunicationError for numbers that are none of a timeline's.
    std::vector<double> numbers() const;
    static Timeline from_numbers(const std::vector<double>& numbers);

private:
    struct Step {
        std::int64_t number = 0;
        std::vector<Note> notes;
    };
    void enter(SpanKind kind);
    void leave();
    void note(SpanKind kind, double begin, double end);
    static std::size_t place(std::size_t nth);
    Step& step() { return steps_[place(begun_ - 1)]; }

    Clock clock_;
    std::vector<Step> steps_;  // the first ones, then a ring
    std::size_t begun_ = 0;
    std::vector<SpanKind> open_;  // the innermost last
    double since_ = 0;            // when it began, or went on
    std::array<double, span_kinds> totals_{};
    double begin_ = 0, end_ = 0;
    bool empty_ = true;
};

// The timeline of a rank, and which it is: modules `first_module` to `last_module`, counted from 1.
struct RankTimeline {
    int rank = 0, replica = 0;
    int first_module = 1, last_module = 1;
    Timeline timeline;
};

// timeline.json, which docs/data-formats.md describes.
void write_timeline(const fs::path& file, const std::vector<RankTimeline>& ranks);

}  // namespace gleam::greedy
