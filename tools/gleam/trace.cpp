// gleam trace: training steps on a given case with every intermediate result written down.
#include "greedy/trace.hpp"

#include "tools/gleam/commands.hpp"
#include "tools/gleam/options.hpp"

namespace gleam::tools {
namespace {

struct Options {
    std::string input, output, precision = "fp64";
    std::vector<std::string> overrides;
    bool last_only = false;
    DeviceOptions device;
};

int trace(const Options& o) {
    const auto ops = o.device.open();
    greedy::trace(greedy::TraceCase(o.input, o.overrides), o.output,
                  {o.precision == "fp64" ? DType::f64 : DType::f32, o.precision == "tf32", o.last_only}, *ops);
    return 0;
}

}  // namespace

void add_trace(CLI::App& program, Run& run) {
    auto* command =
        program.add_subcommand("trace", "Write down every number of some training steps, to compare with other programs");
    auto o = std::make_shared<Options>();
    command->add_option("case", o->input, "data, configuration and weights (.h5, docs/data-formats.md)")->required();
    command->add_option("out", o->output, "file to write (.h5)")->required();
    command->add_option("--precision", o->precision, "numbers to compute with")
        ->check(CLI::IsMember({"fp64", "fp32", "tf32"}))
        ->capture_default_str();
    command->add_option("--set", o->overrides, "change a field of /config or /train: --set mode=greedy (repeatable)")
        ->allow_extra_args(false);
    command->add_flag("--last-only", o->last_only, "outputs, gradients and weights of the last step only");
    o->device.device = "cpu";
    o->device.add(*command);
    command->callback([o, &run] { run = [o] { return trace(*o); }; });
}

}  // namespace gleam::tools
