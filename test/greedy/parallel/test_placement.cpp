// Which rank takes which modules, and what these cost.
#include <algorithm>

#include "data/hdf5.hpp"
#include "greedy/parallel/placement.hpp"
#include "greedy/trainer.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

// On one thread: several that wait for one another take any time where other programs compute too.
struct Measured {
    TemporaryDirectory directory;
    int threads = kernels::thread_count();

    explicit Measured(std::int64_t size = 20) {
        kernels::set_thread_count(1);
        write_dataset(directory / "train.h5", 3, size);
    }
    ~Measured() { kernels::set_thread_count(threads); }
    Measured(const Measured&) = delete;
    Measured& operator=(const Measured&) = delete;
    JobConfig job(const std::vector<std::string>& changes, const std::string& out = "run") const {
        std::vector<std::string> all{"model.unrolls=4", "data.validation.file=", "device=cpu",
                                     "output=" + (directory / out).string()};
        all.insert(all.end(), changes.begin(), changes.end());
        return parse_job(tiny_job(directory / "train.h5", directory / "train.h5", 3), "tiny", all);
    }
    std::vector<double> weights(const std::string& out) const {
        const data::Hdf5File file(directory / out / "last.h5");
        std::vector<double> all;
        for (const char* group : {"weights", "first_moments", "second_moments"})
            for (const char* name : {"unroll0/resnet/block0/conv0/weight", "unroll3/resnet/final/weight"}) {
                const auto values = file.read<double>(std::string(group) + "/" + name).values;
                all.insert(all.end(), values.begin(), values.end());
            }
        return all;
    }
};

}  // namespace

TEST_CASE("Modules are placed so that the busiest rank has as little as can be") {
    CHECK(place_modules({1, 1, 1, 1, 1, 1}, 3) == std::vector<int>{0, 2, 4});
    CHECK(place_modules({1, 1, 1, 1}, 1) == std::vector<int>{0});
    CHECK(place_modules({5, 1, 1, 1}, 2) == std::vector<int>{0, 1});
    CHECK(place_modules({1, 1, 1, 5}, 2) == std::vector<int>{0, 3});
    CHECK(place_modules({1, 2, 3}, 3) == std::vector<int>{0, 1, 2});
}

TEST_CASE("A placement by measured costs is taken where it is clearly better") {
    CHECK(place_clearly_better({1, 1, 1, 3}, {0, 2}) == std::vector<int>{0, 3});
    CHECK(place_clearly_better({1, 1, 1.05, 1.05}, {0, 2}) == std::vector<int>{0, 2});
    CHECK(place_clearly_better({1.1, 1, 1, 1, 0.9, 1}, {0, 1, 3}) == std::vector<int>{0, 2, 4});
}

TEST_CASE("Measured costs are positive, and grow with the unrolls of a module") {
    const Measured m(64);
    const auto ops = kernels::make_cpu_operations();
    const std::vector<std::string> wide{"model.unrolls=8", "model.regularizer.features=16", "training.batch=1"};
    const auto costs = [&](const std::string& modules) {
        std::vector<std::string> all = wide;
        all.push_back("training.modules=" + modules);
        return measure_modules(m.job(all), *ops);
    };
    const std::vector<double> small = costs("8"), large = costs("1");
    REQUIRE(small.size() == 8);
    REQUIRE(large.size() == 1);
    const double least = *std::min_element(small.begin(), small.end());
    CHECK(least > 0);
    CHECK(large[0] > 2 * least);
}

TEST_CASE("Ranks share the measuring: each does every so many modules and leaves the others out") {
    const Measured m;
    const auto ops = kernels::make_cpu_operations();
    for (int rank = 0; rank < 3; ++rank) {
        const std::vector<double> costs = measure_modules(m.job({"training.accumulate=2"}), *ops, rank, 3);
        REQUIRE(costs.size() == 4);
        for (int module = 0; module < 4; ++module) {
            INFO(rank << " " << module);
            CHECK((costs[static_cast<std::size_t>(module)] > 0) == (module % 3 == rank));
        }
    }
}

TEST_CASE("Measuring before a training leaves its operations as they were, and the bits it trains to") {
    const Measured m;
    for (const char* device : {"cpu", "emu"}) {
        INFO(device);
        const std::vector<std::string> keys{"training.cuda_graphs=true", "precision=tf32"};
        const std::string with = std::string(device) + "_with", without = std::string(device) + "_without";
        for (const std::string& out : {with, without}) {
            const JobConfig job = m.job(keys, out);
            const auto ops = kernels::make_operations(device);
            if (out == with) measure_modules(job, *ops);
            CHECK_FALSE(ops->tf32());
            CHECK_FALSE(ops->planning());
            Trainer(job, false, *ops).run();
        }
        CHECK(m.weights(with) == m.weights(without));
        CHECK(read_file(m.directory / with / "metrics.jsonl") == read_file(m.directory / without / "metrics.jsonl"));
    }
}

TEST_CASE("Measuring needs the training data of the job") {
    const Measured m;
    const auto ops = kernels::make_cpu_operations();
    CHECK_THROWS_AS(measure_modules(m.job({"data.train.file=nowhere.h5"}), *ops), DataError);
    CHECK_THROWS_WITH(measure_modules(m.job({"model.physics=3d"}), *ops), ContainsSubstring("model.physics"));
}
