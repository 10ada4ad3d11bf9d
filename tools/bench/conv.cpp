// gleam-bench-conv: a convolution, its gradient by the input and its gradient by the weights.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "core/array.hpp"
#include "core/error.hpp"
#include "core/philox.hpp"
#include "kernels/cpu/cpu.hpp"
#include "tools/bench/report.hpp"

namespace gleam::bench {
namespace {

constexpr const char* name = "gleam-bench-conv";

struct Options {
    CommonOptions common;
    std::string precision = "fp32";
    std::int64_t batch = 1, depth = 1, height = 128, width = 128, in = 100, out = 100, kernel = 3;

    std::int64_t kernel_depth() const { return depth > 1 ? kernel : 1; }
    Shape weights() const { return {out, in, kernel_depth(), kernel, kernel}; }
    Shape output() const { return {batch, depth, height, width, out}; }
    // The input has its border, as in training.
    Shape input() const { return {batch, depth + kernel_depth() - 1, height + kernel - 1, width + kernel - 1, in}; }
    double flop() const {
        return 2 * static_cast<double>(batch * depth * height * width * in * out * kernel_depth() * kernel * kernel);
    }
};

constexpr kernels::Padding no_padding{0, 0, 0};

// One convolution with all its arrays. The same numbers in every precision, but for their rounding to bf16.
template <class T, class Weight = T>
struct Problem {
    Array<T> x, y, dy, dx;
    Array<Weight> w, dw;

    explicit Problem(const Options& o)
        : x(o.input()), y(o.output()), dy(o.output()), dx(o.input()), w(o.weights()), dw(o.weights()) {
        Philox random(1, Purpose::test);
        for (T& v : x.values) v = static_cast<T>(static_cast<float>(random.normal()));
        for (Weight& v : w.values) v = static_cast<Weight>(static_cast<float>(random.normal()));
        for (T& v : dy.values) v = static_cast<T>(static_cast<float>(random.normal()));
    }
    void forward(kernels::Operations& ops, Arena& workspace) const {
        ops.convolution(x.view(), w.view(), nullptr, no_padding, y.view(), workspace);
    }
    void data_gradient(kernels::Operations& ops, Arena& workspace) const {
        ops.convolution_data(dy.view(), w.view(), no_padding, std::nullopt, dx.view(), workspace);
    }
    void weight_gradient(kernels::Operations& ops, Arena& workspace) const {
        ops.convolution_weights_acc(x.view(), dy.view(), no_padding, dw.view(), nullptr, workspace);
    }
};

template <class T>
double error(const Array<T>& a, const Array<double>& reference) {
    double difference = 0, size = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i)
        difference += std::pow(static_cast<double>(a[i]) - reference[i], 2), size += reference[i] * reference[i];
    return std::sqrt(difference / size);
}

// Against the plain loops in double.
template <class T>
double check(const Options& o, const Problem<T, float>& p, kernels::Operations& ops, Arena& workspace) {
    using Exact = Problem<double>;
    using Tested = Problem<T, float>;
    const Exact reference(o);
    for (const auto run : {&Exact::forward, &Exact::data_gradient, &Exact::weight_gradient}) (reference.*run)(ops, workspace);
    for (const auto run : {&Tested::forward, &Tested::data_gradient, &Tested::weight_gradient}) (p.*run)(ops, workspace);
    const double forward = error(p.y, reference.y), data = error(p.dx, reference.dx), weights = error(p.dw, reference.dw);
    const double limit = std::is_same_v<T, float> ? 1e-5 : 2e-2;
    require_close(name, "the convolution", forward, limit);
    require_close(name, "the gradient by the data", data, limit);
    require_close(name, "the gradient by the weights", weights, limit);
    return std::max({forward, data, weights});
}

template <class T>
int run(const Options& o) {
    kernels::set_thread_count(o.common.threads);
    const auto ops = kernels::make_cpu_operations();
    Arena workspace("workspace");
    workspace.serve_on_demand(ops->allocator());
    const Problem<T, float> p(o);
    const double worst = check(o, p, *ops, workspace);
    const auto bytes = [](auto&... arrays) { return static_cast<double>((arrays.view().bytes() + ...)); };
    const std::vector<Candidate> candidates{
        {"forward", [&] { p.forward(*ops, workspace); }, {o.flop(), bytes(p.x, p.w, p.y)}},
        {"gradient by the data", [&] { p.data_gradient(*ops, workspace); }, {o.flop(), bytes(p.dy, p.w, p.dx)}},
        {"gradient by the weights", [&] { p.weight_gradient(*ops, workspace); }, {o.flop(), bytes(p.x, p.dy, p.dw, p.dw)}}};
    const auto number = [](std::int64_t n) { return static_cast<double>(n); };
    print({fmt::format("{} x {} x {} x {}, {} -> {} channels, kernel {}, {}", o.batch, o.depth, o.height, o.width, o.in, o.out,
                       o.kernel, o.precision),
           {{"batch", number(o.batch)},
            {"depth", number(o.depth)},
            {"height", number(o.height)},
            {"width", number(o.width)},
            {"in", number(o.in)},
            {"out", number(o.out)},
            {"kernel", number(o.kernel)}},
           worst,
           time_with_ceilings(candidates, o.common.repeats)},
          o.common);
    return 0;
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    gleam::bench::Options o;
    CLI::App program("Times a convolution and its gradients.", gleam::bench::name);
    program.add_option("--precision", o.precision, "in which images are stored; weights are fp32")
        ->check(CLI::IsMember({"fp32", "bf16"}))
        ->capture_default_str();
    program.add_option("--batch", o.batch)->check(CLI::Range(1, 1024))->capture_default_str();
    program.add_option("--depth", o.depth, "of a volume; then the kernel has three axes")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    program.add_option("--height", o.height)->check(CLI::Range(1, 8192))->capture_default_str();
    program.add_option("--width", o.width)->check(CLI::Range(1, 8192))->capture_default_str();
    program.add_option("--in", o.in, "channels")->check(CLI::Range(1, 4096))->capture_default_str();
    program.add_option("--out", o.out, "channels")->check(CLI::Range(1, 4096))->capture_default_str();
    program.add_option("--kernel", o.kernel, "side")->check(CLI::Range(1, 31))->capture_default_str();
    gleam::bench::add_common_options(program, o.common);
    return gleam::bench::run_benchmark(program, argc, argv, [&] {
        return o.precision == "bf16" ? gleam::bench::run<gleam::Bf16>(o) : gleam::bench::run<float>(o);
    });
}
