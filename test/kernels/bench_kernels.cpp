// gleam-bench-kernels: single operations at the sizes of real scans and networks, beside what an H200 takes for them at least.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "test/kernels/table/run_case.hpp"
#include "test/kernels/table/time_case.hpp"
#include "tools/bench/report.hpp"

namespace {

using namespace gleam;

// Measured on an H200: copying within its memory, and fused multiply-adds without tensor cores.
constexpr double h200_bytes_per_s = 4.3e12, h200_flops_per_s = 60e12;

struct Options {
    bench::CommonOptions common{.repeats = 10};
    std::string device = "cpu", filter;
    bool bounds = false;
};

std::string operation_of(const test::OperationCase& row) { return row.name.substr(0, row.name.find(',')); }

double bound(const test::RowWork& work) { return std::max(work.bytes / h200_bytes_per_s, work.flops / h200_flops_per_s); }

void print_bounds(const std::vector<test::OperationCase>& rows, kernels::Operations& ops) {
    fmt::print("| Operation | Sizes | MB | GFLOP | H200 at least | by |\n|---|---|---|---|---|---|\n");
    for (const auto& row : rows) {
        const test::RowWork work = work_of(row, ops);
        const std::string operation = operation_of(row);
        fmt::print("| `{}` | {} | {:.2f} | {:.3f} | {:.1f} µs | {} |\n", operation, row.name.substr(operation.size() + 2),
                   1e-6 * work.bytes, 1e-9 * work.flops, 1e6 * bound(work),
                   work.bytes / h200_bytes_per_s >= work.flops / h200_flops_per_s ? "bytes" : "arithmetic");
    }
}

// What is timed must be right: the small rows of the same operation on the same device.
void require_right(const std::string& operation, kernels::Operations& ops) {
    int rows = 0;
    for (const auto& row : test::all_cases()) {
        if (operation_of(row) != operation) continue;
        ++rows;
        const test::CaseResult result = run_case(row, ops);
        bench::require_close("gleam-bench-kernels", row.name, result.error, row.tolerance * (1 + 1e-9) + 1e-300);
    }
    if (!rows) throw InternalError("gleam-bench-kernels", operation + " has no row in the table of operations");
}

// gleam-bench-cuda-kernels is this program with the kernels of a GPU linked in.
int run(const Options& o) {
    kernels::set_thread_count(o.common.threads);
    const auto ops = kernels::make_operations(o.device);
    std::vector<test::OperationCase> rows;
    for (auto& row : test::performance_cases())
        if (row.name.find(o.filter) != std::string::npos) rows.push_back(std::move(row));
    if (rows.empty()) throw ConfigError("--filter", "no row has '" + o.filter + "' in its name", "--bounds lists all rows");
    if (o.bounds) {
        print_bounds(rows, *ops);
        return 0;
    }
    if (!o.common.json) fmt::print("{:<72} {:>10} {:>9} {:>9}\n", o.device, "median us", "GB/s", "GFLOP/s");
    nlohmann::ordered_json json{{"device", o.device}, {"threads", kernels::thread_count()}, {"results", nlohmann::json::array()}};
    std::string checked;
    for (const auto& row : rows) {
        if (operation_of(row) != checked) require_right(checked = operation_of(row), *ops);
        const test::RowWork work = work_of(row, *ops);
        const double seconds = time_of(row, *ops, o.common.repeats);
        if (o.common.json)
            json["results"].push_back({{"name", row.name},
                                       {"median", seconds},
                                       {"bytes", work.bytes},
                                       {"flops", work.flops},
                                       {"h200_bound", bound(work)}});
        else
            fmt::print("{:<72} {:10.1f} {:9.1f} {:9.1f}\n", row.name, 1e6 * seconds, 1e-9 * work.bytes / seconds,
                       1e-9 * work.flops / seconds);
    }
    if (o.common.json) fmt::print("{}\n", json.dump(1));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    CLI::App program("Times single operations, or prints what they take at least.", "gleam-bench-kernels");
    program.add_option("--device", o.device, "as in a configuration")->capture_default_str();
    program.add_option("--filter", o.filter, "only rows with this text in their name");
    program.add_flag("--bounds", o.bounds, "bytes, operations and the least time on an H200, as a Markdown table; runs nothing");
    gleam::bench::add_common_options(program, o.common);
    return gleam::bench::run_benchmark(program, argc, argv, [&] { return run(o); });
}
