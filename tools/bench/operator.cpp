// gleam-bench-operator: A, A^H, A^H A and ten iterations of conjugate gradient, beside the two Fourier transforms of every coil
// by FFTW alone, in one run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <list>

#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/operator_problem.hpp"
#include "tools/bench/report.hpp"

namespace gleam::bench {
namespace {

struct Options {
    CommonOptions common;
    OperatorSize size;
};

constexpr const char* name = "gleam-bench-operator";
constexpr const char* transforms_name = "two Fourier transforms per coil (FFTW)";
constexpr const char* normal_name = "A^H A, mask of points";
constexpr const char* lines_name = "A^H A, mask of lines";

double check(const OperatorProblem& p, kernels::Operations& ops, Arena& workspace) {
    const double forward = p.forward_error(ops, workspace), adjoint = p.adjoint_error(ops, workspace),
                 normal = p.normal_error(ops, workspace), residual = p.residual(ops, workspace);
    require_close(name, "A", forward, 1e-4);
    require_close(name, "the adjoint of A", adjoint, 1e-5);
    require_close(name, "the normal operator", normal, 1e-5);
    require_close(name, "the solution of conjugate gradient", residual, 0.05);
    return std::max({forward, adjoint, normal});
}

// Programs that take their scratch memory from one arena, planned once and only handed out afterwards, as in training.
class Planned {
public:
    explicit Planned(kernels::Operations& ops) : ops_(ops) {}

    std::function<void()> operator()(std::function<void(Arena&)> body) {
        ArenaProgram& program = programs_.emplace_back();
        ops_.set_planning(true);
        workspace_.book(program);
        body(workspace_);
        workspace_.finish_booking();
        ops_.set_planning(false);
        return [this, &program, body = std::move(body)] {
            workspace_.replay(program);
            body(workspace_);
        };
    }
    void grant() { workspace_.grant(ops_.allocator(), "use a smaller size"); }

private:
    kernels::Operations& ops_;
    Arena workspace_{"workspace"};
    std::list<ArenaProgram> programs_;
};

Work times(int n, const Work& w) { return {n * w.flop, n * w.bytes}; }

int run(const Options& o) {
    kernels::set_thread_count(o.common.threads);
    const auto ops = kernels::make_cpu_operations();
    Arena on_demand("workspace");
    on_demand.serve_on_demand(ops->allocator());
    const OperatorProblem points(o.size, false, *ops), lines(o.size, true, *ops);
    const double worst = std::max(check(points, *ops, on_demand), check(lines, *ops, on_demand));

    Planned planned(*ops);
    const auto program = [&](const OperatorProblem& p, void (OperatorProblem::*body)(kernels::Operations&, Arena&) const) {
        return planned([&p, &ops = *ops, body](Arena& workspace) { (p.*body)(ops, workspace); });
    };
    BareTransforms bare(o.size);
    // A comes right before A^H, which overwrites the k-space it works on.
    const std::vector<Candidate> candidates{
        {transforms_name, [&] { bare.run(); }, bare.work()},
        {"A", program(points, &OperatorProblem::forward), points.forward_work()},
        {"A^H", program(points, &OperatorProblem::adjoint), points.forward_work()},
        {normal_name, program(points, &OperatorProblem::normal), points.normal_work()},
        {lines_name, program(lines, &OperatorProblem::normal), lines.normal_work()},
        {"CG, 10 iterations, mask of points", program(points, &OperatorProblem::solve), times(10, points.normal_work())},
        {"CG, 10 iterations, mask of lines", program(lines, &OperatorProblem::solve), times(10, lines.normal_work())}};
    planned.grant();

    const OperatorSize& s = o.size;
    const auto number = [](std::int64_t n) { return static_cast<double>(n); };
    print({fmt::format("{} coils, {} frames, {} x {} x {}", s.coils, s.frames, s.depth, s.height, s.width),
           {{"coils", number(s.coils)},
            {"frames", number(s.frames)},
            {"depth", number(s.depth)},
            {"height", number(s.height)},
            {"width", number(s.width)}},
           worst,
           time_with_ceilings(candidates, o.common.repeats),
           {{normal_name, transforms_name}, {lines_name, transforms_name}}},
          o.common);
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    CLI::App program("Times the operators of parallel imaging and conjugate gradient beside bare Fourier transforms.",
                     gleam::bench::name);
    program.add_option("--coils", o.size.coils)->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--frames", o.size.frames, "of a cine series")->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--depth", o.size.depth, "partitions of a volume")->check(CLI::Range(1, 4096))->capture_default_str();
    program.add_option("--height", o.size.height)->check(CLI::Range(2, 8192))->capture_default_str();
    program.add_option("--width", o.size.width)->check(CLI::Range(2, 8192))->capture_default_str();
    gleam::bench::add_common_options(program, o.common);
    return gleam::bench::run_benchmark(program, argc, argv, [&] { return gleam::bench::run(o); });
}
