#include "greedy/report/report.hpp"

#include "greedy/report/report_content.hpp"

namespace gleam::greedy {

void write_report(const ReportOptions& options) {
    write_file(options.output, report::render_html(report::load_content(options)));
}

}  // namespace gleam::greedy
