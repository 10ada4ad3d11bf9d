#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/files.hpp"
#include "greedy/job_network.hpp"
#include "test/support/catch.hpp"

namespace {

using namespace gleam;
using namespace gleam::greedy;

JobConfig parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return parse_job(text, "job.yaml", overrides);
}

// The message of the error that parsing ends in; "" when it succeeds.
std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
        parse(text, overrides);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "";
}

using Slices = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("The default job is valid and its dump reads back to it") {
    const JobConfig job;
    CHECK_NOTHROW(validate(job));
    CHECK(parse(dump_job(job)) == job);
    CHECK(dump_job(parse(dump_job(job))) == dump_job(job));
}

TEST_CASE("Every key of a job is read and dumped") {
    const std::string text = R"(seed: 18446744073709551615
device: "cuda:3"
precision: fp64
threads: 2
model:
  physics: "2d+t"
  map_sets: 2
  unrolls: 6
  share_weights: true
  data_consistency:
    type: conjugate_gradient
    step: 0.1
    lambda: 0.2
    learned: true
    iterations: 7
    tolerance: 0.01
    inner_products: batch
    solver_gradient: unrolled
  regularizer:
    type: revnet
    features: 7
    blocks: 3
    layers: 4
    kernel: 5
    order: before
    activation: leaky_relu
    normalization: instance
    border: zero
    time_border: circular
    initial: random
training:
  strategy: invertible
  modules: 1
  recompute_unrolls: 0
  invertible:
    stored: "0:3,5"
    iterations: 9
    warn_above: 0.125
  batch: 4
  accumulate: 2
  cuda_graphs: true
  steps: 12
  loss:
    l1: 0.0
    l2: 0.5
    magnitude_l1: 0.25
    ssim: 2.0
    perpendicular: 3.0
  optimizer:
    type: sgd
    learning_rate: 0.0003333333333333333
    schedule: cosine
    step_every: 500
    step_factor: 0.5
    warmup: 3
    momentum: 0.75
    beta1: 0.5
    beta2: 0.75
    epsilon: 1.0e-07
    weight_decay: 0.0
  clip_norm: 1.5
  ema: 0.999
  log_every: 1
  validate_every: 0
  checkpoint_every: 3
parallel:
  ranks: 1
  replicas: 2
  placement: equal
  transport: host
  deadline: 12.5
data:
  train:
    file: a/train.h5
    slices: "0:80:2"
  validation:
    file: "b c.h5"
    slices: "3,5,9"
  mask:
    type: equispaced_1d
    acceleration: 4.0
    calibration: 12
    tolerance: 0.25
    offset: 3
output: "/tmp/a b: \"c\" # \\ d"
)";
    const JobConfig job = parse(text);
    CHECK(dump_job(job) == text);
    CHECK(job.seed == 18446744073709551615u);
    CHECK(job.model.regularizer ==
          RegularizerConfig{"revnet", 7, 3, 4, 5, "before", "leaky_relu", "instance", "zero", "circular", "random"});
    CHECK(job.model.data_consistency ==
          DataConsistencyConfig{"conjugate_gradient", 0.1, 0.2, true, 7, 0.01, "batch", "unrolled"});
    CHECK(job.training.optimizer ==
          OptimizerConfig{"sgd", 0.0003333333333333333, "cosine", 500, 0.5, 3, 0.75, 0.5, 0.75, 1e-7, 0});
    CHECK(job.data.validation == DataSetConfig{"b c.h5", "3,5,9"});
    CHECK(job.data.mask == MaskConfig{"equispaced_1d", 4, 12, 0.25, 3});
    CHECK(job.training.invertible == InvertibleConfig{"0:3,5", 9, 0.125});
    CHECK(recovered_inputs(job) == std::vector<bool>{false, false, false, true, true, false});
    CHECK(job.output == "/tmp/a b: \"c\" # \\ d");
    CHECK(module_count(job) == 1);
    // Every line that holds a value differs from the defaults, but for one that invertible training refuses: no key can have
    // been skipped.
    CHECK(parse("training: {strategy: checkpoint, recompute_unrolls: 3}").training.recompute_unrolls == 3);
    CHECK(module_count(parse("{model: {unrolls: 6}, training: {modules: 3}}")) == 3);
}

TEST_CASE("A misspelled key of a job names the nearest one") {
    CHECK(refusal("training:\n  optimizer:\n    lerning_rate: 1.0e-3\n") ==
          "job.yaml:3:5: unknown key 'lerning_rate' in 'training.optimizer', did you mean 'learning_rate'? (known keys: type, "
          "learning_rate, schedule, step_every, step_factor, warmup, momentum, beta1, beta2, epsilon, weight_decay)");
    CHECK_THAT(refusal("learning_rate: 1.0e-3\n"), ContainsSubstring("did you mean 'training.optimizer.learning_rate'?"));
    CHECK_THAT(refusal("seed: 1", {"training.stepz=5"}),
               ContainsSubstring("--set training.stepz=5: unknown key 'stepz' in 'training', did"));
}

TEST_CASE("Weights shared by greedy modules are refused with the reason, by those of one module accepted") {
    CHECK_THAT(refusal("model:\n  share_weights: true\n"), ContainsSubstring("job.yaml:2:18") &&
                                                               ContainsSubstring("undo each other's steps") &&
                                                               ContainsSubstring("end_to_end"));
    CHECK(refusal("{model: {share_weights: true}, training: {strategy: end_to_end}}").empty());
    CHECK_THAT(refusal("{model: {share_weights: 1}}"), ContainsSubstring("must be true or false"));
}

TEST_CASE("A border in time is refused where there is no time") {
    CHECK_THAT(refusal("{model: {physics: 3d, regularizer: {time_border: circular}}}"), ContainsSubstring("2d+t"));
    CHECK(refusal("{model: {physics: 2d+t, regularizer: {time_border: circular}}}").empty());
}

TEST_CASE("Values of a job outside their range are refused") {
    for (const std::string option : {"threads=-1",
                                     "model.unrolls=0",
                                     "model.data_consistency.step=0",
                                     "model.regularizer.features=0",
                                     "model.regularizer.kernel=4",
                                     "model.regularizer.border=wrap",
                                     "training.batch=0",
                                     "training.accumulate=0",
                                     "training.clip_norm=-1",
                                     "training.ema=1",
                                     "training.steps=0",
                                     "training.steps=1e3",
                                     "training.loss.l1=-1",
                                     "training.loss.ssim=.inf",
                                     "training.optimizer.learning_rate=0",
                                     "training.optimizer.learning_rate=.nan",
                                     "training.optimizer.type=lamb",
                                     "training.optimizer.schedule=linear",
                                     "training.optimizer.step_every=0",
                                     "training.optimizer.step_factor=0",
                                     "training.optimizer.warmup=-1",
                                     "training.optimizer.momentum=1",
                                     "training.optimizer.beta1=1",
                                     "training.optimizer.beta2=1.0",
                                     "training.optimizer.epsilon=0",
                                     "training.optimizer.weight_decay=-1",
                                     "training.log_every=0",
                                     "training.validate_every=-1",
                                     "training.checkpoint_every=-1",
                                     "data.mask.type=spiral",
                                     "data.mask.acceleration=0.5",
                                     "data.mask.calibration=-1",
                                     "data.mask.tolerance=0",
                                     "data.mask.offset=-2",
                                     "precision=fp16",
                                     "device=gpu",
                                     "device=cuda:",
                                     "device=cuda:x",
                                     "device=cuda:-1",
                                     "output=~/runs",
                                     "data.train.file=~/a.h5"}) {
        CAPTURE(option);
        CHECK_THAT(refusal("seed: 1", {option}),
                   ContainsSubstring("--set " + option + ": '" + option.substr(0, option.find('=')) + "' must"));
    }
    for (const std::string device : {"auto", "cpu", "cuda", "cuda:0", "cuda:15"})
        CHECK(parse("seed: 1", {"device=" + device}).device == device);
}

TEST_CASE("Modules that do not divide the unrolls are refused where they were set") {
    CHECK(refusal("model: {unrolls: 8}\ntraining:\n  modules: 3\n") ==
          "job.yaml:3:12: 'training.modules' is 3, which does not divide the 8 unrolls of the model; choose one of 1, 2, 4, 8, "
          "or 0 for "
          "one module per unroll");
    CHECK_THAT(refusal("training: {modules: 4}", {"model.unrolls=2"}),
               ContainsSubstring("job.yaml:1:21: 'training.modules' is 4"));
    CHECK_THAT(refusal("model: {unrolls: 8}", {"training.modules=16"}), ContainsSubstring("--set training.modules=16: "));
    CHECK(module_count(parse("model: {unrolls: 8}\ntraining: {modules: 2}")) == 2);
    CHECK(module_count(parse("model: {unrolls: 5}")) == 5);
}

TEST_CASE("Losses are weights, of which one at least is above 0") {
    const LossConfig mix = parse("training:\n  loss: {l1: 0.5, ssim: 0.25}\n").training.loss;
    CHECK(mix == LossConfig{0.5, 0, 0, 0.25, 0});
    CHECK(parse("training: {loss: {l1: 0, perpendicular: 1}}").training.loss == LossConfig{0, 0, 0, 0, 1});
    CHECK_THAT(refusal("training:\n  loss:\n    l1: 0\n"),
               ContainsSubstring("job.yaml:3:9: all weights in 'training.loss' are 0"));
    CHECK_THAT(refusal("training: {loss: l1}"), ContainsSubstring("job.yaml:1:18: ") && ContainsSubstring("training.loss"));
    JobConfig job;
    job.training.loss = {0, 0, 0, 0, 0};
    CHECK_THROWS_AS(validate(job), ConfigError);
}

TEST_CASE("Settings of the optimiser that contradict one another are refused") {
    CHECK_THAT(refusal("training:\n  steps: 10\n  optimizer: {warmup: 10}\n"),
               ContainsSubstring("job.yaml:3:23: 'training.optimizer.warmup' is 10, but the run has only 10 steps"));
    CHECK_THAT(refusal("training: {optimizer: {momentum: 0.9}}"), ContainsSubstring("momentum' is 0.9, but adam has none"));
    CHECK(parse("training: {optimizer: {type: sgd, momentum: 0.9}}").training.optimizer.momentum == 0.9);
}

TEST_CASE("Only MoDL with a revnet can be trained by inversion, and only with a lambda that allows it") {
    const std::string modl =
        "model: {unrolls: 4, data_consistency: {type: conjugate_gradient, lambda: 1}, regularizer: {type: revnet}}\n";
    const std::string strategy = "training:\n  strategy: invertible\n";
    CHECK(recovered_inputs(parse(modl + strategy)) == std::vector<bool>{false, true, true, true});
    CHECK(recovered_inputs(parse(modl)).empty());
    CHECK(recovered_inputs(parse(modl + strategy + "  invertible: {stored: \"2:\"}")) ==
          std::vector<bool>{false, true, false, false});
    CHECK_THAT(refusal(strategy), ContainsSubstring("job.yaml:2:13") &&
                                      ContainsSubstring("gradient with resnet cannot be run backwards") &&
                                      ContainsSubstring("or take strategy checkpoint"));
    CHECK_THAT(refusal(modl + strategy, {"model.regularizer.type=resnet"}), ContainsSubstring("cannot be run backwards"));
    CHECK_THAT(refusal(modl + strategy, {"model.data_consistency.type=gradient"}), ContainsSubstring("cannot be run backwards"));
    CHECK_THAT(refusal(modl + strategy, {"model.data_consistency.lambda=0.0005"}),
               ContainsSubstring("lambda=0.0005") && ContainsSubstring("2001-fold"));
    CHECK_THAT(refusal(modl + strategy + "  invertible: {stored: \"0:5\"}"),
               ContainsSubstring("job.yaml:4:24: unroll 4 does not exist: the model has 4 unrolls"));
    CHECK_THAT(refusal(modl + strategy + "  invertible: {stored: first}"), ContainsSubstring("does not name unrolls"));
    CHECK_THAT(refusal(modl + strategy + "  modules: 2"), ContainsSubstring("invertible training knows a single module"));
    for (const std::string other : {"end_to_end", "invertible"})
        CHECK_THAT(refusal(modl, {"training.strategy=" + other, "training.recompute_unrolls=2"}),
                   ContainsSubstring("which " + other + " training does not use"));
    CHECK(refusal("{model: {share_weights: true}, training: {strategy: checkpoint}}").empty());
}

TEST_CASE("The worth of an inverse is estimated from lambda and the iterations of the solve") {
    const auto estimate = [](double lambda, std::int64_t iterations, double tolerance = 0) {
        DataConsistencyConfig d;
        d.lambda = lambda, d.iterations = iterations, d.tolerance = tolerance;
        return inverse_error_estimate(d);
    };
    CHECK(estimate(1, 10) == Approx(4 * std::sqrt(2.0) * std::pow(3 - 2 * std::sqrt(2.0), 10)));
    CHECK(estimate(4, 10) < 1e-11);
    CHECK(estimate(0.05, 10) > 1);
    CHECK(estimate(1, 50, 1e-3) == Approx(2e-3));
}

TEST_CASE("End-to-end training has one module") {
    CHECK_THAT(refusal("training:\n  strategy: end_to_end\n  modules: 4\n"),
               ContainsSubstring("job.yaml:3:12: 'training.modules' is 4, but"));
    for (const std::string modules : {"0", "1"})
        CHECK(module_count(parse("training: {strategy: end_to_end, modules: " + modules + "}")) == 1);
}

TEST_CASE("Mask settings that contradict one another are refused") {
    CHECK_THAT(refusal("data: {mask: {type: poisson, offset: 2}}"),
               ContainsSubstring("job.yaml:1:38: 'data.mask.offset' is 2, but only"));
    CHECK_THAT(refusal("data: {mask: {type: equispaced_1d, acceleration: 4, offset: 4}}"), ContainsSubstring("choose 0 to 3"));
    CHECK_THAT(refusal("data: {mask: {type: equispaced_1d, acceleration: 4.5}}"), ContainsSubstring("choose a whole number"));
    CHECK(parse("data: {mask: {type: poisson, acceleration: 4.5}}").data.mask.acceleration == 4.5);
    CHECK(parse("data: {mask: {type: equispaced_1d, acceleration: 4, offset: 3}}").data.mask.offset == 3);
}

TEST_CASE("Slices need a file and a readable form") {
    CHECK_THAT(refusal("data:\n  train:\n    slices: 0:4\n"),
               ContainsSubstring("job.yaml:3:13: 'data.train.slices' is set, but"));
    CHECK_THAT(refusal("data: {validation: {file: a.h5, slices: 4:0}}"),
               ContainsSubstring("job.yaml:1:41: '4:0' does not name slices"));
    CHECK(parse("data: {train: {file: a.h5, slices: 0:80:2}}").data.train.slices == "0:80:2");
    CHECK(parse("data: {train: {file: a.h5, slices: 5}}").data.train.slices == "5");
}

TEST_CASE("Jobs that a program filled are validated without places") {
    JobConfig job;
    job.training.modules = 5;
    CHECK_THROWS_WITH(validate(job), ContainsSubstring("'training.modules' is 5"));
    job.training.modules = 0;
    job.training.optimizer.learning_rate = -1;
    CHECK_THROWS_WITH(validate(job),
                      ContainsSubstring("'training.optimizer.learning_rate' must be a number, above 0, found '-1.0'"));
    job.training.optimizer.learning_rate = 1;
    job.model.regularizer.kernel = 2;
    CHECK_THROWS_AS(validate(job, {}), ConfigError);
}

TEST_CASE("A job file is read with its name in messages") {
    const auto directory = std::filesystem::temp_directory_path() / ("gleam-job-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    write_file(directory / "good.yaml", "training:\n  steps: 5\n");
    write_file(directory / "bad.yaml", "training:\n  steps: five\n");
    CHECK(read_job(directory / "good.yaml").training.steps == 5);
    CHECK(read_job(directory / "good.yaml", {"training.steps=6"}).training.steps == 6);
    CHECK_THROWS_WITH(read_job(directory / "bad.yaml"),
                      ContainsSubstring((directory / "bad.yaml").string() + ":2:10: 'training.steps'"));
    CHECK_THROWS_AS(read_job(directory / "absent.yaml"), ConfigError);
    std::filesystem::remove_all(directory);
}

TEST_CASE("Slices are chosen by range, stride and number") {
    CHECK(parse_slices("", 4, "x") == Slices{0, 1, 2, 3});
    CHECK(parse_slices("", 0, "x").empty());
    CHECK(parse_slices("1:3", 4, "x") == Slices{1, 2});
    CHECK(parse_slices("0:4:3", 4, "x") == Slices{0, 3});
    CHECK(parse_slices("2:", 4, "x") == Slices{2, 3});
    CHECK(parse_slices(":2", 4, "x") == Slices{0, 1});
    CHECK(parse_slices("::2", 5, "x") == Slices{0, 2, 4});
    CHECK(parse_slices("3, 0", 4, "x") == Slices{3, 0});
    CHECK(parse_slices("0:2,3", 4, "x") == Slices{0, 1, 3});
    CHECK(parse_slices("0:4:1000000000", 4, "x") == Slices{0});
}

TEST_CASE("Slices that are malformed, doubled or absent are refused") {
    for (const std::string text : {" ", ",", "3,", "a", "-1", "1.5", "3:3", "4:2", "0:4:0", "0:4:-1", "0:1:2:3", "0 1", "1e3",
                                   "0x1", "99999999999999999999", "0:99999999999", "+1"}) {
        CAPTURE(text);
        CHECK_THROWS_WITH(parse_slices(text, 4, "place"), ContainsSubstring("does not name slices"));
        CHECK_THROWS_WITH(check_slices(text, "place"), ContainsSubstring("place: '"));
    }
    for (const std::string text : {"0:5", "4", "4:", "0:1000000000", "0,999999999"}) {
        CAPTURE(text);
        CHECK_NOTHROW(check_slices(text, "place"));
        CHECK_THROWS_WITH(parse_slices(text, 4, "place"), ContainsSubstring("does not exist: the data set has 4 slices"));
    }
    CHECK_THROWS_WITH(parse_slices("0:3,2", 4, "place"), ContainsSubstring("place: slice 2 is named twice"));
    CHECK_THROWS_WITH(parse_slices(":", 0, "place"), ContainsSubstring("does not exist"));
}

TEST_CASE("The tables of docs/config.md are those of the program, and its example is valid") {
    const std::string document = read_file(std::filesystem::path(GLEAM_SOURCE_DIR) / "docs" / "config.md");
    const std::string begin = "<!-- begin reference: made from the descriptions in greedy/job.cpp -->\n\n",
                      end = "\n<!-- end reference -->";
    const std::size_t from = document.find(begin), to = document.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    CHECK(document.substr(from + begin.size(), to - from - begin.size()) == config_reference_markdown());

    const std::string fence = "```yaml\n";
    const std::size_t example = document.find(fence) + fence.size();
    const JobConfig job = parse(document.substr(example, document.find("```", example) - example));
    CHECK(module_count(job) == 4);
}
