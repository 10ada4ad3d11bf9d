// gleam report: one HTML page that compares runs.
#include "greedy/report/report.hpp"

#include "core/error.hpp"
#include "core/log.hpp"
#include "tools/gleam/commands.hpp"

namespace gleam::tools {
namespace {

struct Options {
    std::vector<std::string> runs;
    std::string evaluation, out, title = "GLEAM: greedy and end-to-end training compared";
};

int report(const Options& o) {
    greedy::ReportOptions options{o.title, {}, o.evaluation, o.out};
    for (const std::string& text : o.runs) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            throw ConfigError("--run " + text, "has no name", "write --run NAME=DIRECTORY");
        options.runs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    greedy::write_report(options);
    log_info("written: {}", o.out);
    return 0;
}

}  // namespace

void add_report(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("report", "Write one self-contained HTML page about runs and their evaluation");
    auto o = std::make_shared<Options>();
    command->add_option("--run", o->runs, "NAME=DIRECTORY of a training run (repeatable)")->required()->allow_extra_args(false);
    command->add_option("--evaluation", o->evaluation, "directory that `gleam evaluate --out` wrote");
    command->add_option("--out", o->out, "the page")->required();
    command->add_option("--title", o->title, "headline")->capture_default_str();
    command->callback([o, &run] { run = [o] { return report(*o); }; });
}

}  // namespace gleam::tools
