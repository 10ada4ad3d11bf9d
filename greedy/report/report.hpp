// One self-contained HTML page (no network, no scripts) that compares training runs: quality, images, curves, memory, time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/files.hpp"

namespace gleam::greedy {

struct ReportOptions {
    std::string title;
    // Name on the page and directory of each run: metrics.jsonl, summary.json and config.yaml are read. A method of the
    // evaluation whose name is that of a run (or of its strategy, when that is unique) is shown in the colour of that run.
    std::vector<std::pair<std::string, fs::path>> runs;
    fs::path evaluation;  // directory with evaluation.json and the images it names; empty: the page says that there is none
    fs::path output;      // the page; written whole or not at all
};

// DataError naming file and key when something needed is absent or damaged, or the page cannot be written.
void write_report(const ReportOptions& options);

}  // namespace gleam::greedy
