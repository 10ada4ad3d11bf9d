// What the report shows, in memory: between reading files (load_content) and writing HTML (render_html).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/array.hpp"
#include "data/dataset_layout.hpp"
#include "greedy/parallel/timeline.hpp"
#include "greedy/report/report.hpp"

namespace gleam::greedy::report {

inline constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

struct Quality {
    double psnr = not_known;  // dB
    double ssim = not_known;
    double nrmse = not_known;
};

// One step of training: the loss of each module (NaN where it was not finite).
struct TrainPoint {
    std::int64_t step = 0;
    std::vector<double> loss;
};

struct ValidationPoint {
    std::int64_t step = 0;
    Quality quality;
};

// Bytes.
struct ArenaUse {
    std::string name;
    double planned = not_known, measured = not_known;
};

// What one rank of a pipeline did when: seconds, of spans since the first rank began.
struct RankTimes {
    std::int64_t rank = 0, replica = 0;
    std::int64_t first_module = 1, last_module = 1;
    double seconds = not_known;
    std::array<double, span_kinds> totals{};
    std::vector<Timeline::Note> spans;
};

struct Run {
    std::string name, strategy, version, device, precision, config;
    std::int64_t unrolls = 0, modules = 0, parameters = 0, steps = 0, threads = 0;
    double training_seconds = not_known, step_median = not_known, step_p10 = not_known, step_p90 = not_known;
    std::optional<ValidationPoint> best;  // absent (in the file also: step -1) when there was no validation
    std::vector<ArenaUse> arenas;         // in the order params, activations, workspace, handoff, batch, then others
    double process_start = not_known, process_peak = not_known;
    std::vector<std::pair<std::string, std::string>> libraries;  // name, version
    std::vector<TrainPoint> train;
    std::vector<ValidationPoint> validation;
    std::vector<RankTimes> pipeline;  // empty: not recorded
};

struct SliceQuality {
    std::int64_t slice = 0;
    Quality quality;
};

struct Method {
    std::string name, label;
    double seconds_per_slice = not_known;
    std::vector<SliceQuality> slices;
    Quality mean, std;
};

// Magnitudes [n, y, x] of middle planes or frames; `methods` in the order of Evaluation::methods. The mask of volumes is [n, z,
// y].
struct Images {
    std::vector<std::int64_t> slices;
    RealArray reference, mask;
    std::vector<RealArray> methods;
};

struct Evaluation {
    std::string version, input, reference, mask_type;  // input: the path; the page shows the file's name
    double requested = not_known, actual = not_known;  // acceleration
    std::vector<Method> methods;
    std::optional<Images> images;
    data::Physics physics = data::Physics::planar;
};

struct ReportContent {
    std::string title;
    std::vector<Run> runs;
    std::optional<Evaluation> evaluation;
};

// Reads everything. A last line of metrics.jsonl without an end is a write that was interrupted and is left out; of steps that
// were trained twice (a resumed run) the later counts. Throws DataError naming file and key.
ReportContent load_content(const ReportOptions& options);

// The page. Copes with anything: NaN, no runs, no evaluation, one point.
std::string render_html(const ReportContent& content);

// The result in one sentence, plain text.
std::string headline(const ReportContent& content);

}  // namespace gleam::greedy::report
