// Training in a pipeline of ranks: the same computation as by one rank, to the bit.
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"
#include "data/hdf5.hpp"
#include "greedy/parallel/pipeline.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

struct Pipeline {
    TemporaryDirectory directory;

    Pipeline() {
        write_dataset(directory / "train.h5", 5);
        write_dataset(directory / "test.h5", 2);
    }
    JobConfig job(const std::vector<std::string>& changes, const std::string& out) const {
        std::vector<std::string> all{"model.unrolls=6",
                                     "training.steps=7",
                                     "training.validate_every=3",
                                     "training.checkpoint_every=2",
                                     "training.log_every=2",
                                     "training.clip_norm=0.5",
                                     "device=cpu",
                                     "output=" + (directory / out).string()};
        all.insert(all.end(), changes.begin(), changes.end());
        return parse_job(tiny_job(directory / "train.h5", directory / "test.h5", 7), "tiny", all);
    }
    void train(const std::vector<std::string>& changes, const std::string& out, std::int64_t ranks, bool resume = false) const {
        JobConfig j = job(changes, out);
        j.parallel.ranks = ranks;
        if (ranks * j.parallel.replicas > 1) {
            CHECK(train_in_ranks(j, resume).outcome == Outcome::finished);
            return;
        }
        const auto ops = kernels::make_cpu_operations();
        Trainer trainer(j, resume, *ops);
        CHECK(trainer.run() == Outcome::finished);
    }
    std::string metrics(const std::string& out) const { return read_file(directory / out / "metrics.jsonl"); }

    // Every number of a checkpoint, in the order of names.
    std::vector<double> numbers(const std::string& file, const std::string& group = "/") const {
        const data::Hdf5File checkpoint(directory / file);
        std::vector<double> all;
        collect(checkpoint, group, all);
        return all;
    }

private:
    static void collect(const data::Hdf5File& file, const std::string& group, std::vector<double>& all) {
        for (const std::string& name : file.list(group)) {
            const std::string path = group == "/" ? name : group + "/" + name;
            if (!file.is_dataset(path)) {
                collect(file, path, all);
            } else if (path != "config") {
                const auto values = file.read<double>(path).values;
                all.insert(all.end(), values.begin(), values.end());
            }
        }
    }
};

const std::vector<std::string> modl{"model.regularizer.type=revnet", "model.data_consistency.type=conjugate_gradient",
                                    "model.data_consistency.lambda=0.5"};

}  // namespace

TEST_CASE("A pipeline of ranks trains to the same bits as one rank: weights, moments, losses, norms and scores") {
    const Pipeline p;
    std::vector<std::vector<std::string>> variants{
        {}, {"training.modules=3"}, {"training.accumulate=2", "training.ema=0.9"}, modl};
    int number = 0;
    for (const auto& changes : variants) {
        const std::string one = "one" + std::to_string(number);
        p.train(changes, one, 1);
        for (const std::int64_t ranks : {2, 3, 6}) {
            if (ranks > module_count(p.job(changes, one))) continue;
            const std::string out = "ranks" + std::to_string(number) + "_" + std::to_string(ranks);
            INFO(out);
            p.train(changes, out, ranks);
            CHECK(p.metrics(out) == p.metrics(one));
            for (const char* file : {"/last.h5", "/best.h5"}) {
                const auto expected = p.numbers(one + file);
                CHECK(expected.size() > 100);
                CHECK(p.numbers(out + file) == expected);
            }
        }
        ++number;
    }
}

TEST_CASE("A run of some ranks is continued by another number of ranks, to the same bits") {
    const Pipeline p;
    p.train({}, "whole", 1);
    for (const auto& [before, after] : {std::pair<int, int>{3, 2}, {1, 4}, {2, 1}}) {
        const std::string out = std::to_string(before) + "to" + std::to_string(after);
        INFO(out);
        p.train({"training.steps=4"}, out, before);
        p.train({}, out, after, true);
        CHECK(p.numbers(out + "/last.h5") == p.numbers("whole/last.h5"));
    }
}

TEST_CASE("On the emulated GPU a pipeline trains to the same bits as one rank") {
    const Pipeline p;
    for (const std::int64_t ranks : {1, 2}) {
        JobConfig job = p.job({"device=emu", "model.unrolls=2", "training.steps=3"}, "emu" + std::to_string(ranks));
        job.parallel.ranks = ranks;
        if (ranks > 1) {
            train_in_ranks(job, false);
        } else {
            const auto ops = kernels::make_operations("emu");
            Trainer(job, false, *ops).run();
        }
    }
    CHECK(p.numbers("emu1/last.h5") == p.numbers("emu2/last.h5"));
    CHECK(p.metrics("emu1") == p.metrics("emu2"));
}

TEST_CASE("What the emulated GPU records of a step is repeated with the right memory of an edge") {
    const Pipeline p;
    for (const char* graphs : {"false", "true"}) {
        JobConfig job =
            p.job({"device=emu", "model.unrolls=2", "training.steps=5", std::string("training.cuda_graphs=") + graphs},
                  std::string("graphs-") + graphs);
        job.parallel.ranks = 2;
        train_in_ranks(job, false);
    }
    CHECK(p.numbers("graphs-true/last.h5") == p.numbers("graphs-false/last.h5"));
}

TEST_CASE("Two replicas of a batch of one learn what one learns from a batch of two, and the same bits every time") {
    const Pipeline p;
    const std::vector<std::string> fixed{"model.unrolls=3", "precision=fp64", "training.validate_every=0"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), fixed.begin(), fixed.end());
        return more;
    };
    p.train(with({"training.batch=2"}), "one", 1);
    p.train(with({"training.batch=1", "parallel.replicas=2"}), "flat", 1);
    p.train(with({"training.batch=1", "parallel.replicas=2"}), "deep", 3);
    p.train(with({"training.batch=1", "parallel.replicas=2"}), "again", 2);
    CHECK(p.numbers("deep/last.h5") == p.numbers("flat/last.h5"));
    CHECK(p.numbers("again/last.h5") == p.numbers("flat/last.h5"));
    const auto expected = p.numbers("one/last.h5", "weights"), found = p.numbers("flat/last.h5", "weights");
    CHECK(p.metrics("deep") == p.metrics("flat"));
    REQUIRE(found.size() == expected.size());
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        difference += (found[i] - expected[i]) * (found[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    CHECK(std::sqrt(difference / size) < 1e-9);
    CHECK(difference > 0);  // the sums run in another order
}

TEST_CASE("Any placement of the modules trains to the same bits, and one that does not fit is refused") {
    const Pipeline p;
    p.train({}, "one", 1);
    p.train({"parallel.placement=equal"}, "equal", 4);
    p.train({"parallel.placement=1,4,1"}, "given", 3);
    CHECK(p.numbers("equal/last.h5") == p.numbers("one/last.h5"));
    CHECK(p.numbers("given/last.h5") == p.numbers("one/last.h5"));
    CHECK_THROWS_WITH(p.job({"parallel.placement=1,4,2"}, "x"), ContainsSubstring("7 modules, but there are 6"));
    CHECK_THROWS_WITH(p.job({"parallel.placement=1,,5"}, "x"), ContainsSubstring("parallel.placement"));
    JobConfig job = p.job({"parallel.placement=3,3"}, "x");
    job.parallel.ranks = 3;
    CHECK_THROWS_WITH(train_in_ranks(job, false), ContainsSubstring("for 2 ranks, but there are 3"));
}

TEST_CASE("A run is not continued with another number of replicas, since its steps would see other batches") {
    const Pipeline p;
    p.train({"parallel.replicas=2", "training.steps=2"}, "run", 2);
    JobConfig job = p.job({}, "run");
    job.parallel.ranks = 2;
    CHECK_THROWS_WITH(train_in_ranks(job, true), ContainsSubstring("another configuration"));
}

TEST_CASE("What goes wrong on one rank ends all of them, and is what is reported") {
    const Pipeline p;
    JobConfig job = p.job({"training.optimizer.learning_rate=1e30", "training.clip_norm=0", "parallel.deadline=3"}, "bad");
    job.parallel.ranks = 3;
    CHECK_THROWS_AS(train_in_ranks(job, false), NumericError);
    p.train({"training.steps=2"}, "done", 2);
    job = p.job({}, "done");
    job.parallel.ranks = 2;
    CHECK_THROWS_WITH(train_in_ranks(job, false), ContainsSubstring("already holds a run"));
}

TEST_CASE("A pipeline notes what each rank did when") {
    const Pipeline p;
    JobConfig job = p.job({"parallel.placement=equal"}, "ranks");
    job.parallel.ranks = 3, job.parallel.replicas = 2;
    CHECK(train_in_ranks(job, false).outcome == Outcome::finished);
    const auto json = nlohmann::json::parse(read_file(p.directory / "ranks/timeline.json"));
    REQUIRE(json["ranks"].size() == 6);
    for (int r = 0; r < 6; ++r) {
        const auto& rank = json["ranks"][static_cast<std::size_t>(r)];
        CHECK(rank["rank"] == r);
        CHECK(rank["replica"] == r / 3);
        CHECK(rank["modules"] == nlohmann::json({2 * (r % 3) + 1, 2 * (r % 3) + 2}));
        double sum = 0, end = 0;
        for (const auto& total : rank["totals"]) sum += total.get<double>();
        CHECK(sum <= rank["seconds"].get<double>() + 1e-5);
        CHECK(rank["totals"]["compute"] > 0.0);
        CHECK(rank["totals"]["reduce"] > 0.0);
        std::set<int> steps;
        for (const auto& span : rank["spans"]) {
            CHECK(span[2].get<double>() >= end);
            end = span[3].get<double>();
            if (span[1] == "compute") steps.insert(span[0].get<int>());
        }
        CHECK(steps == std::set<int>{1, 2, 3, 4, 5, 6, 7});
    }
}

TEST_CASE("More ranks than modules, and ranks of other strategies, are refused by name") {
    const Pipeline p;
    CHECK_THROWS_WITH(p.job({"parallel.ranks=7"}, "x"), ContainsSubstring("parallel.ranks") && ContainsSubstring("at most 6"));
    CHECK_THROWS_WITH(p.job({"parallel.ranks=2", "training.strategy=end_to_end"}, "x"), ContainsSubstring("greedy"));
}
