// gleam evaluate: scores of methods and networks on one data set.
#include <fmt/format.h>

#include "core/log.hpp"
#include "greedy/evaluation.hpp"
#include "greedy/planes.hpp"
#include "tools/gleam/commands.hpp"
#include "tools/gleam/options.hpp"

namespace gleam::tools {
namespace {

struct EvaluateOptions {
    std::string input, reference = "target", out;
    std::vector<std::string> methods, weights;
    int show = 3;
    DeviceOptions device;
    SampleOptions samples;
    MethodOptions terms;
};

// "name=file", or a file that is named after its folder: runs/greedy/best.h5 is "greedy".
std::pair<std::string, std::string> split_weights(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) return {text.substr(0, equals), text.substr(equals + 1)};
    const std::string folder = fs::absolute(text).parent_path().filename().string();
    return {folder.empty() ? "network" : folder, text};
}

int evaluate(const EvaluateOptions& o) {
    const auto ops = o.device.open();
    std::vector<greedy::EvaluatedMethod> methods;
    for (const std::string& name : o.methods) methods.push_back({name, label_of(name), o.terms.make(name, *ops)});
    std::vector<std::string> checkpoints;
    for (const std::string& text : o.weights) {
        const auto [name, file] = split_weights(text);
        if (name.find('/') != std::string::npos || name == "reference" || name == "mask" || name == "slices" || name.empty())
            throw ConfigError("--weights " + text, "'" + name + "' cannot name a method", "write --weights NAME=FILE");
        checkpoints.push_back(file);
        methods.push_back({name, name, greedy::make_network_reconstructor(*ops, file)});
    }
    for (std::size_t i = 0; i < methods.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (methods[i].name == methods[j].name)
                throw ConfigError("gleam evaluate", "two methods are called '" + methods[i].name + "'",
                                  "write --weights NAME=FILE");
    if (methods.empty()) throw ConfigError("gleam evaluate", "nothing to evaluate", "give --method or --weights");

    const data::Samples samples = o.samples.open(o.input, checkpoints);
    const auto reference = o.reference == "rss" ? greedy::Reference::rss : greedy::Reference::target;
    const greedy::Evaluation evaluation = greedy::evaluate(samples, methods, reference, o.show);
    fmt::print("{} {} of {}, mask {}, acceleration {:.2f} (asked for {:g}), reference {}\n\n{}", samples.count(),
               greedy::sample_name(evaluation.physics, samples.count()), o.input, evaluation.mask_kind,
               evaluation.actual_acceleration, evaluation.requested_acceleration, evaluation.reference,
               greedy::format_table(evaluation));
    if (!o.out.empty()) {
        greedy::write_evaluation(evaluation, o.out);
        log_info("written: {0}/evaluation.json, {0}/evaluation.csv, {0}/images.h5", o.out);
    }
    return 0;
}

}  // namespace

void add_evaluate(CLI::App& program, Run& run) {
    auto* command = program.add_subcommand("evaluate", "Score methods and networks: PSNR, SSIM, NRMSE (table, CSV, JSON)");
    auto o = std::make_shared<EvaluateOptions>();
    command->add_option("input", o->input, "GLEAM data set with a reference")->required();
    command->add_option("--method", o->methods, "zero_filled, cg_sense or l1_wavelet (repeatable)")
        ->check(CLI::IsMember(method_names))
        ->allow_extra_args(false);
    command->add_option("--weights", o->weights, "NAME=CHECKPOINT of a trained network (repeatable)")->allow_extra_args(false);
    command->add_option("--reference", o->reference, "target (complex), or rss (magnitude, of the fully sampled coils)")
        ->check(CLI::IsMember({"target", "rss"}))
        ->capture_default_str();
    command->add_option("--out", o->out, "directory for evaluation.json, evaluation.csv and images.h5");
    command->add_option("--show", o->show, "how many slices, volumes or series keep their images for the report")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    o->samples.add(*command);
    o->terms.add(*command);
    o->device.add(*command);
    command->callback([o, &run] { run = [o] { return evaluate(*o); }; });
}

}  // namespace gleam::tools
