// gleam-bench-operator: the normal operator of SENSE and ten iterations of conjugate gradient, beside the two Fourier transforms
// of every coil by FFTW alone, in one run.
#include <fftw3.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <complex>
#include <nlohmann/json.hpp>

#include "core/array.hpp"
#include "core/log.hpp"
#include "core/philox.hpp"
#include "kernels/cpu/cpu.hpp"
#include "modules/conjugate_gradient.hpp"
#include "tools/bench/timing.hpp"

namespace gleam::bench {
namespace {

using C = std::complex<float>;

struct Options {
    std::int64_t coils = 8, height = 256, width = 256;
    int repeats = 20, threads = 0;
    bool json = false;
};

// The forward and the inverse transform of every coil image, in place, one coil per thread: what no normal operator with these
// transforms can be faster than.
class BareTransforms {
public:
    explicit BareTransforms(const Options& o) : o_(o) {
        const auto pixels = static_cast<std::size_t>(o.height * o.width);
        data_ = fftwf_alloc_complex(pixels * static_cast<std::size_t>(o.coils));
        const int h = static_cast<int>(o.height), w = static_cast<int>(o.width);
        forward_ = fftwf_plan_dft_2d(h, w, data_, data_, FFTW_FORWARD, FFTW_MEASURE);
        inverse_ = fftwf_plan_dft_2d(h, w, data_, data_, FFTW_BACKWARD, FFTW_MEASURE);
        for (std::size_t i = 0; i < pixels * static_cast<std::size_t>(o.coils); ++i) data_[i][0] = data_[i][1] = 0;
    }
    BareTransforms(const BareTransforms&) = delete;
    BareTransforms& operator=(const BareTransforms&) = delete;
    ~BareTransforms() {
        fftwf_destroy_plan(forward_);
        fftwf_destroy_plan(inverse_);
        fftwf_free(data_);
    }

    void run() {
#pragma omp parallel for schedule(static)
        for (std::int64_t c = 0; c < o_.coils; ++c) {
            auto* coil = data_ + c * o_.height * o_.width;
            fftwf_execute_dft(forward_, coil, coil);
            fftwf_execute_dft(inverse_, coil, coil);
        }
    }

private:
    Options o_;
    fftwf_complex* data_;
    fftwf_plan forward_, inverse_;
};

// Maps of unit norm, a random mask of points or of lines along y, and an image.
struct Problem {
    Array<C> maps, x, out;
    Array<float> mask, folded;

    Problem(const Options& o, bool lines, kernels::Operations& ops)
        : maps(Shape{1, 1, o.coils, 1, o.height, o.width}),
          x(Shape{1, 1, 1, 1, o.height, o.width}),
          out(x.shape),
          mask(Shape{1, 1, 1, 1, lines ? 1 : o.height, o.width}),
          folded(mask.shape) {
        Philox random(1, Purpose::test);
        for (Array<C>* a : {&maps, &x})
            for (C& v : a->values) v = C(static_cast<float>(random.normal()), static_cast<float>(random.normal()));
        const std::int64_t pixels = o.height * o.width;
        for (std::int64_t i = 0; i < pixels; ++i) {
            float sum = 0;
            for (std::int64_t c = 0; c < o.coils; ++c) sum += std::norm(maps[c * pixels + i]);
            for (std::int64_t c = 0; c < o.coils; ++c) maps[c * pixels + i] /= std::sqrt(sum);
        }
        for (float& m : mask.values) m = random.uniform() < 0.25 ? 1.0F : 0.0F;
        ops.normal_mask(mask.view(), 2, folded.view());
    }
    modules::SenseOperator sense() const { return {maps.view(), folded.view(), 2}; }
};

// Relative difference between the operator and its definition, step by step.
double error(const Problem& p, kernels::Operations& ops, Arena& workspace) {
    Array<C> coils(p.maps.shape), expected(p.x.shape);
    modules::sense_forward(ops, p.x.view(), p.maps.view(), p.mask.view(), 2, coils.view(), workspace);
    modules::sense_adjoint(ops, coils.view(), p.maps.view(), p.mask.view(), 2, expected.view(), workspace);
    p.sense().normal(ops, p.x.view(), {}, p.out.view(), workspace);
    double difference = 0, size = 0;
    for (std::int64_t i = 0; i < expected.elements(); ++i)
        difference += std::norm(p.out[i] - expected[i]), size += std::norm(expected[i]);
    return std::sqrt(difference / size);
}

int run(const Options& o) {
    kernels::set_thread_count(o.threads);
    const auto ops = kernels::make_cpu_operations();
    Arena on_demand("workspace");
    on_demand.serve_on_demand(ops->allocator());
    const Problem points(o, false, *ops), lines(o, true, *ops);
    const double worst = std::max(error(points, *ops, on_demand), error(lines, *ops, on_demand));
    if (!(worst < 1e-5)) throw NumericError("gleam-bench-operator", fmt::format("the operator is wrong by {:g}", worst), "");

    // As in training: memory is granted once and only handed out afterwards.
    const modules::ConjugateGradientOptions cg{10, 0.05};
    Arena workspace("workspace");
    ArenaProgram normal_program, cg_program;
    ops->set_planning(true);
    workspace.book(normal_program);
    points.sense().normal(*ops, points.x.view(), {}, points.out.view(), workspace);
    workspace.finish_booking();
    workspace.book(cg_program);
    modules::cg_sense(*ops, points.sense(), points.x.view(), cg, points.out.view(), workspace);
    workspace.finish_booking();
    ops->set_planning(false);
    workspace.grant(ops->allocator(), "use a smaller matrix");

    BareTransforms bare(o);
    const auto normal = [&](const Problem& p) {
        workspace.replay(normal_program);
        p.sense().normal(*ops, p.x.view(), {}, p.out.view(), workspace);
    };
    const auto solve = [&](const Problem& p) {
        workspace.replay(cg_program);
        modules::cg_sense(*ops, p.sense(), p.x.view(), cg, p.out.view(), workspace);
    };
    const std::vector<Timing> timings = time_in_turn({{"two Fourier transforms per coil (FFTW)", [&] { bare.run(); }},
                                                      {"normal operator", [&] { normal(points); }},
                                                      {"normal operator, mask of lines", [&] { normal(lines); }},
                                                      {"CG, 10 iterations", [&] { solve(points); }},
                                                      {"CG, 10 iterations, mask of lines", [&] { solve(lines); }}},
                                                     o.repeats);
    nlohmann::ordered_json report{{"coils", o.coils}, {"height", o.height},
                                  {"width", o.width}, {"threads", kernels::thread_count()},
                                  {"error", worst},   {"results", nlohmann::ordered_json::array()}};
    fmt::print(stderr, "{} coils, {} x {}, {} threads, {} repeats, relative error {:.1e}\n", o.coils, o.height, o.width,
               kernels::thread_count(), o.repeats, worst);
    for (const Timing& t : timings) {
        const double ratio = t.median() / timings[0].median();
        report["results"].push_back(
            {{"name", t.name}, {"median", t.median()}, {"p10", t.quantile(0.1)}, {"p90", t.quantile(0.9)}, {"ratio", ratio}});
        if (!o.json)
            fmt::print("{:<40} {:8.2f} ms  (p10 {:.2f}, p90 {:.2f})  {:.2f} of the transforms\n", t.name, 1e3 * t.median(),
                       1e3 * t.quantile(0.1), 1e3 * t.quantile(0.9), ratio);
    }
    if (o.json) fmt::print("{}\n", report.dump(1));
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    CLI::App program("Times the normal operator and conjugate gradient beside bare Fourier transforms.", "gleam-bench-operator");
    program.add_option("--coils", o.coils)->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--height", o.height)->check(CLI::Range(1, 8192))->capture_default_str();
    program.add_option("--width", o.width)->check(CLI::Range(1, 8192))->capture_default_str();
    program.add_option("--repeats", o.repeats)->check(CLI::Range(1, 100000))->capture_default_str();
    program.add_option("--threads", o.threads, "0 = all cores this process may use")->check(CLI::Range(0, 4096));
    program.add_flag("--json", o.json, "figures as JSON");
    CLI11_PARSE(program, argc, argv);
    try {
        return gleam::bench::run(o);
    } catch (const gleam::Error& e) {
        gleam::log_info("error: {}", e.what());
        return static_cast<int>(e.code());
    }
}
