// gleam-bench-memory: the memory of a training step against the number of unrolls, by each strategy: planned by dry runs, and
// with --measure as the system counts it, each case in a process of its own. Draws the figure.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/process.hpp"
#include "greedy/report/charts.hpp"
#include "greedy/report/html.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/child.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/training_case.hpp"

namespace gleam::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* name = "gleam-bench-memory";
constexpr double mebibyte = 1024 * 1024;

struct Options {
    TrainingCase training;
    std::vector<std::int64_t> unrolls{2, 4, 8, 16, 32};
    std::vector<std::string> strategies{"all"};
    std::string figure, child;
    int threads = 0;
    bool measure = false, json = false;
};

struct Point {
    std::string strategy;
    std::int64_t unrolls = 0;
    std::vector<greedy::ArenaUse> arenas;
    double planned = 0, resident = std::nan("");  // bytes
};

Point plan(TrainingCase training, const std::string& strategy, std::int64_t unrolls, kernels::Operations& ops) {
    training.unrolls = unrolls;
    const TrainingSession session(training, strategy, ops);
    return {strategy, unrolls, session.memory(), static_cast<double>(session.planned_bytes()), std::nan("")};
}

// In the child: by how much two steps let the process grow, and what the arenas lent out.
int measure(const Options& o, kernels::Operations& ops) {
    TrainingCase training = o.training;
    training.unrolls = o.unrolls.front();
    const data::HostBatch batch = random_batch(training);
    const std::size_t before = process_memory().resident;
    TrainingSession session(training, o.child, ops);
    session.start(batch);
    for (int i = 0; i < 2; ++i) session.step();
    for (double loss : session.losses())
        if (!std::isfinite(loss)) throw NumericError(name, fmt::format("the loss of {} is {}", o.child, loss), "");
    Json arenas;
    for (const greedy::ArenaUse& use : session.memory()) arenas[use.name] = use.measured;
    fmt::print("{}\n", Json{{"resident", process_memory().peak - before}, {"arenas", arenas}}.dump());
    return 0;
}

// Starts the child for this point. What its arenas lent out must be what was planned here.
void measure_in_child(const Options& o, Point& point) {
    const TrainingCase& t = o.training;
    const Json child = Json::parse(run_self({"--child",    point.strategy,
                                             "--unrolls",  std::to_string(point.unrolls),
                                             "--arch",     t.architecture,
                                             "--frames",   std::to_string(t.frames),
                                             "--depth",    std::to_string(t.depth),
                                             "--height",   std::to_string(t.height),
                                             "--width",    std::to_string(t.width),
                                             "--coils",    std::to_string(t.coils),
                                             "--features", std::to_string(t.features),
                                             "--batch",    std::to_string(t.batch),
                                             "--threads",  std::to_string(o.threads)}));
    point.resident = child.at("resident").get<double>();
    for (const greedy::ArenaUse& use : point.arenas) {
        const auto measured = child.at("arenas").at(use.name).get<std::size_t>();
        if (measured != use.planned)
            throw NumericError(name, fmt::format("{} of {} with {} unrolls: planned {} bytes, measured {}", use.name,
                                                 point.strategy, point.unrolls, use.planned, measured));
    }
}

// A drawing that stands alone: with its colours, and on paper of its own.
std::string standalone(std::string svg) {
    std::string light, dark;
    for (const auto& colour : greedy::report::theme_colours()) {
        light += fmt::format("--{}:{};", colour.name, colour.light);
        dark += fmt::format("--{}:{};", colour.name, colour.dark);
    }
    const std::string style = "<style>svg{" + light + "background:var(--page)}@media(prefers-color-scheme:dark){svg{" + dark +
                              "}}text{font:12px system-ui,sans-serif;fill:var(--soft)}.strong{fill:var(--ink)}"
                              ".grid{stroke:var(--grid)}.axis{stroke:var(--level)}.leader{stroke:var(--level);fill:none}"
                              ".curve{fill:none;stroke-width:2.2}</style>\n";
    const std::string start = "<svg ";
    svg.replace(0, start.size(), "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    svg.insert(svg.find('\n') + 1, style);
    return svg;
}

std::string in_words(std::string strategy) {
    std::replace(strategy.begin(), strategy.end(), '_', ' ');
    return strategy;
}

std::string draw(const Options& o, const std::vector<Point>& points) {
    greedy::report::LineChart chart;
    chart.title = "Memory of a training step against the number of unrolls";
    chart.description = fmt::format("All memory of a step in MiB, planned to the byte, for {}", o.training.architecture);
    chart.x_label = "unrolls", chart.y_label = "memory of a training step [MiB]";
    chart.width = 760, chart.height = 380, chart.decimals = 1;
    for (const Point& p : points) chart.high = std::max(chart.high, 1.05 * p.planned / mebibyte);
    for (const Point& p : points) {
        if (chart.curves.empty() || chart.curves.back().label != in_words(p.strategy)) {
            const std::size_t number = chart.curves.size();
            chart.curves.push_back({in_words(p.strategy), greedy::report::category_colour(number), number, {}, {}, -1});
        }
        chart.curves.back().x.push_back(static_cast<double>(p.unrolls));
        chart.curves.back().y.push_back(p.planned / mebibyte);
    }
    return standalone(greedy::report::draw_lines(chart));
}

Json to_json(const Options& o, const std::vector<Point>& points) {
    const TrainingCase& t = o.training;
    Json json{{"arch", t.architecture}, {"features", t.features}, {"batch", t.batch},
              {"frames", t.frames},     {"depth", t.depth},       {"height", t.height},
              {"width", t.width},       {"coils", t.coils},       {"results", Json::array()}};
    for (const Point& p : points) {
        Json arenas;
        for (const greedy::ArenaUse& use : p.arenas) arenas[use.name] = use.planned;
        json["results"].push_back({{"strategy", p.strategy},
                                   {"unrolls", p.unrolls},
                                   {"planned", p.planned},
                                   {"resident", std::isnan(p.resident) ? Json() : Json(p.resident)},
                                   {"arenas", arenas}});
    }
    return json;
}

void print_table(const Options& o, const std::vector<Point>& points) {
    const TrainingCase& t = o.training;
    fmt::print("{}, {} features, batch {}, {} x {} x {} x {}, {} coils; MiB\n{:<12} {:>7}", t.architecture, t.features, t.batch,
               t.frames, t.depth, t.height, t.width, t.coils, "", "unrolls");
    for (const greedy::ArenaUse& use : points.front().arenas) fmt::print(" {:>12}", use.name);
    fmt::print(" {:>12}{}\n", "all arenas", o.measure ? fmt::format(" {:>12}", "resident") : "");
    for (const Point& p : points) {
        fmt::print("{:<12} {:>7}", p.strategy, p.unrolls);
        for (const greedy::ArenaUse& use : p.arenas) fmt::print(" {:12.1f}", static_cast<double>(use.planned) / mebibyte);
        fmt::print(" {:12.1f}{}\n", p.planned / mebibyte, o.measure ? fmt::format(" {:12.1f}", p.resident / mebibyte) : "");
    }
}

int run(Options o) {
    kernels::set_thread_count(o.threads);
    const auto ops = kernels::make_cpu_operations();
    if (!o.child.empty()) return measure(o, *ops);
    if (o.strategies == std::vector<std::string>{"all"}) o.strategies = strategies_of(o.training);
    std::vector<Point> points;
    for (const std::string& strategy : o.strategies)
        for (const std::int64_t unrolls : o.unrolls) {
            points.push_back(plan(o.training, strategy, unrolls, *ops));
            if (o.measure) measure_in_child(o, points.back());
        }
    if (!o.figure.empty()) write_file(o.figure, draw(o, points));
    if (o.json)
        fmt::print("{}\n", to_json(o, points).dump(1));
    else
        print_table(o, points);
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    CLI::App program("Plans, and measures, the memory of training steps against the number of unrolls.", gleam::bench::name);
    gleam::bench::add_case_options(program, o.training);
    program.add_option("--unrolls", o.unrolls, "several")->delimiter(',')->check(CLI::Range(1, 1000))->capture_default_str();
    program.add_option("--strategy", o.strategies, "several, or all")->delimiter(',')->capture_default_str();
    program.add_flag("--measure", o.measure, "run two steps of every case in a process of its own, and tell its resident memory");
    program.add_option("--figure", o.figure, "file for the drawing (SVG)");
    program.add_option("--threads", o.threads, "0 = all cores this process may use")->check(CLI::Range(0, 4096));
    program.add_flag("--json", o.json, "figures as JSON");
    program.add_option("--child", o.child, "")->group("");
    return gleam::bench::run_benchmark(program, argc, argv, [&] { return gleam::bench::run(o); });
}
