// Several ranks on one GPU, if there is one: threads with queues of their own, which wait for one another by events.
#include "core/log.hpp"
#include "data/hdf5.hpp"
#include "greedy/parallel/pipeline.hpp"
#include "test/support/dataset.hpp"
#include "test/support/gpu.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;

namespace {

// The weights and moments that `job`, a number of ranks and replicas, and graphs or not lead to.
std::vector<double> trained(const test::TemporaryDirectory& directory, int ranks, int replicas, bool graphs) {
    const std::string out = fmt::format("{}x{}{}", ranks, replicas, graphs ? "graphs" : "");
    const std::vector<std::string> changes{"model.unrolls=4",
                                           "training.steps=12",
                                           "training.validate_every=5",
                                           "device=" + test::gpu_name(),
                                           fmt::format("training.cuda_graphs={}", graphs),
                                           fmt::format("training.batch={}", 2 / replicas),
                                           "output=" + (directory / out).string()};
    JobConfig job = parse_job(test::tiny_job(directory / "train.h5", directory / "test.h5", 12), "tiny", changes);
    job.parallel.ranks = ranks, job.parallel.replicas = replicas;
    CHECK(train_in_ranks(job, false).outcome == Outcome::finished);
    const data::Hdf5File file(directory / out / "last.h5");
    std::vector<double> all;
    for (const char* group : {"weights", "first_moments", "second_moments"})
        for (int unroll = 0; unroll < 4; ++unroll) {
            const auto values = file.read<double>(fmt::format("{}/unroll{}/resnet/block0/conv0/weight", group, unroll)).values;
            all.insert(all.end(), values.begin(), values.end());
        }
    return all;
}

}  // namespace

TEST_CASE("On a GPU any number of ranks trains to the same bits, with graphs and without, and so do replicas") {
    if (!test::open_gpu()) return;
    const test::TemporaryDirectory directory;
    test::write_dataset(directory / "train.h5", 5);
    test::write_dataset(directory / "test.h5", 2);
    const auto one = trained(directory, 1, 1, false);
    CHECK(one.size() > 100);
    for (const int ranks : {2, 3, 4}) CHECK(trained(directory, ranks, 1, false) == one);
    CHECK(trained(directory, 2, 1, true) == one);
    const auto two = trained(directory, 1, 2, false);
    CHECK(trained(directory, 2, 2, true) == two);
}
