#include "greedy/job_network.hpp"
#include "greedy/plan.hpp"
#include "greedy/plan_limits.hpp"
#include "greedy/trainer.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

data::DatasetLayout slices(std::int64_t size, std::int64_t coils) {
    data::DatasetLayout layout{4, coils, size, size};
    layout.target = true;
    return layout;
}

JobConfig job_of(const std::string& yaml) { return parse_job(yaml, "test"); }

double work_of(const JobPlan& plan, kernels::WorkKind kind) { return plan.work.by_kind()[static_cast<std::size_t>(kind)].flops; }

}  // namespace

TEST_CASE("Training uses the memory that a plan without data says, by every strategy that applies") {
    TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    write_dataset(directory / "train.h5", 4, 20, 2);
    write_dataset(directory / "validation.h5", 1, 24, 3);
    JobConfig job = parse_job(tiny_job(directory / "train.h5", directory / "validation.h5", 2), "test");
    job.model.data_consistency.type = "conjugate_gradient", job.model.regularizer.type = "revnet";
    for (const std::string& strategy : strategy_names()) {
        INFO(strategy);
        JobConfig one = with_strategy(job, strategy);
        const JobPlan plan = plan_job(one, {slices(20, 2), slices(24, 3)}, *ops);
        CHECK(plan.parameters > 0);
        one.output = (directory / strategy).string();
        Trainer trainer(one, false, *ops);
        trainer.run();
        std::size_t total = 0;
        for (const ArenaUse& use : trainer.memory_use()) {
            INFO(use.name);
            CHECK(use.measured == plan.arena(use.name));
            total += use.measured;
        }
        CHECK(plan.arena_bytes() == total);
        CHECK(plan.process_bytes(ops->device()) > total);
    }
}

TEST_CASE("The plan of some modules is what a rank that trains them allocates, and parts add up to the whole") {
    TemporaryDirectory directory;
    const auto ops = kernels::make_cpu_operations();
    write_dataset(directory / "train.h5", 4, 20, 2);
    write_dataset(directory / "validation.h5", 1, 24, 3);
    JobConfig job = parse_job(tiny_job(directory / "train.h5", directory / "validation.h5", 2), "test", {"model.unrolls=5"});
    const DataLayouts data{slices(20, 2), slices(24, 3)};
    const JobPlan whole = plan_job(job, data, *ops);
    double flops = 0;
    std::int64_t parameters = 0, unrolls = 0;
    for (const auto& [first, count] : {std::pair{0, 2}, {2, 1}, {3, 2}}) {
        INFO(first);
        const JobPlan part = plan_job(job, data, *ops, first, count);
        CHECK(part.modules == count);
        CHECK(part.arena("activations") == whole.arena("activations"));
        flops += part.work.flops(), parameters += part.parameters, unrolls += part.unrolls;
        job.output = (directory / std::to_string(first)).string();
        Rank rank;
        rank.first_module = first, rank.modules = count;
        const Trainer trainer(job, false, *ops, rank);
        for (const ArenaUse& use : trainer.memory_use()) CHECK(use.planned == part.arena(use.name));
    }
    CHECK(flops == Approx(whole.work.flops()));
    CHECK(parameters == whole.parameters);
    CHECK(unrolls == whole.unrolls);
}

TEST_CASE("A plan counts the convolutions of forward and backward pass, and every accumulated batch") {
    const auto ops = kernels::make_cpu_operations();
    JobConfig job = job_of("{model: {unrolls: 3, regularizer: {features: 8, blocks: 2}}, data: {mask: {type: random_1d}}}");
    const auto convolutions = [&] { return work_of(plan_job(job, {slices(16, 2), {}}, *ops), kernels::WorkKind::convolution); };
    const double once = convolutions();
    const std::int64_t modules = 3;
    // Every weight is used once per pixel, and not more than twice again for the gradients. Borders make images a little larger.
    Network network(network_options(job), ops->device());
    const double forward = 2 * static_cast<double>(network.parameter_count() * 16 * 16);
    CHECK(network.stages().size() == modules);
    CHECK(once > 2.5 * forward);
    CHECK(once < 3.6 * forward);
    job.training.accumulate = 5;
    CHECK(convolutions() == Approx(5 * once));
    job.training.accumulate = 1, job.training.batch = 4;
    CHECK(convolutions() == Approx(4 * once));
}

TEST_CASE("Masks of lines spare transforms, which a plan knows") {
    const auto ops = kernels::make_cpu_operations();
    const auto sense = [&](const std::string& type) {
        const JobConfig job = job_of("{model: {unrolls: 1}, data: {mask: {type: " + type + "}}}");
        return work_of(plan_job(job, {slices(32, 4), {}}, *ops), kernels::WorkKind::sense);
    };
    CHECK(sense("random_1d") < sense("poisson"));
    CHECK(sense("file") == sense("poisson"));
}

TEST_CASE("A strategy that does not apply to a job is refused with a reason, others take it over") {
    JobConfig job = job_of("{model: {unrolls: 4}, training: {modules: 2}}");
    CHECK(with_strategy(job, "greedy").training.modules == 2);
    CHECK(with_strategy(job, "end_to_end").training.modules == 0);
    CHECK_THROWS_WITH(with_strategy(job, "invertible"), ContainsSubstring("invertible"));
    job = job_of("{model: {share_weights: true}, training: {strategy: end_to_end}}");
    CHECK_THROWS_WITH(with_strategy(job, "greedy"), ContainsSubstring("share_weights"));
}

TEST_CASE("The largest size that fits is found with few calls, for any growing need") {
    int calls = 0;
    const auto search = [&](double budget, std::int64_t most, auto&& need) {
        calls = 0;
        return largest_that_fits(1, most, budget, [&](std::int64_t n) {
            ++calls;
            CHECK(n >= 1);
            CHECK(n <= most);
            return static_cast<double>(need(n));
        });
    };
    const auto line = [](std::int64_t n) { return 100 + 7 * n; };
    const auto square = [](std::int64_t n) { return 50 + n * n; };
    const auto stairs = [](std::int64_t n) { return n / 16 * 1000; };
    for (const double budget : {106., 107., 113., 114., 500., 3599., 3600., 12345.}) {
        INFO(budget);
        const auto exact = [&](std::int64_t most, auto&& need) {
            std::int64_t n = 0;
            while (n < most && static_cast<double>(need(n + 1)) <= budget) ++n;
            return n;
        };
        CHECK(search(budget, 1000, line) == exact(1000, line));
        CHECK(calls <= 12);
        CHECK(search(budget, 1000, square) == exact(1000, square));
        CHECK(calls <= 20);
        CHECK(search(budget, 1000, stairs) == exact(1000, stairs));
        CHECK(calls <= 25);
    }
    CHECK(search(1e9, 1000, [](std::int64_t) { return 5; }) == 1000);
    CHECK(calls <= 12);
    CHECK(search(4, 1000, [](std::int64_t) { return 5; }) == 0);
}

TEST_CASE("Limits fit their budget, and one more does not") {
    const auto ops = kernels::make_cpu_operations();
    JobConfig job = job_of("{model: {unrolls: 4, regularizer: {features: 8, blocks: 1}}, training: {strategy: end_to_end}}");
    DataLayouts data{slices(48, 3), {}};
    data.train.physics = data::Physics::volume, data.train.depth = 4;
    job.model.physics = "3d";
    const std::size_t budget = bytes_for_budget(plan_job(job, data, *ops), ops->device()) + (std::size_t{8} << 20);
    const auto limits = find_limits(job, data, budget, *ops);
    REQUIRE(limits.size() == 4);
    for (const Limit& limit : limits) {
        INFO(limit.key);
        CHECK(limit.largest >= limit.configured);
        CHECK_FALSE(limit.at_least);
        const auto needed = [&](std::int64_t n) {
            JobConfig j = job;
            DataLayouts d = data;
            (limit.key == "depth"            ? d.train.depth
             : limit.key == "model.unrolls"  ? j.model.unrolls
             : limit.key == "training.batch" ? j.training.batch
                                             : j.model.regularizer.features) = n;
            return bytes_for_budget(plan_job(j, d, *ops), ops->device());
        };
        CHECK(needed(limit.largest) <= budget);
        CHECK(needed(limit.largest + 1) > budget);
    }
    for (const Limit& limit : find_limits(job, data, 1000, *ops)) CHECK(limit.largest == 0);
}

TEST_CASE("After a dry run that fails, operations compute again") {
    const auto ops = kernels::make_cpu_operations();
    const JobConfig job = job_of("{model: {regularizer: {kernel: 31}}}");  // a mirrored border wider than the image
    CHECK_THROWS_AS(plan_job(job, {slices(8, 1), {}}, *ops), ShapeError);
    CHECK_FALSE(ops->planning());
}
