// Training on a device whose memory the host cannot reach: the orchestration of a GPU, with emulated kernels.
#include "greedy/device_batch.hpp"
#include "kernels/devices.hpp"
#include "test/support/catch.hpp"
#include "test/support/problem.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

struct Precision {
    const char* name;
    bool tf32, bf16;
    double tolerance;  // of losses, relative
};
constexpr Precision precisions[] = {{"fp32", false, false, 1e-4}, {"tf32", true, false, 1e-4}, {"bf16", false, true, 2e-2}};

// Features that fill up in tf32 and in bf16.
NetworkOptions network_of(const Precision& precision, bool modl) {
    NetworkOptions o = small_network(4, 2);
    o.tf32 = precision.tf32;
    modules::RegularizerOptions& r = o.unroll.regularizer;
    r.features = 10, r.bf16 = precision.bf16;
    if (modl) {
        r.architecture = modules::Architecture::revnet, r.layers = 3;
        o.unroll.consistency = modules::DataConsistency::conjugate_gradient;
        o.unroll.solver.iterations = 4;
    }
    return o;
}

struct Case {
    const char* name;
    Strategy strategy;
    bool modl;
};

std::vector<Case> cases() {
    return {{"greedy", Strategy::greedy, false},
            {"end to end", Strategy::end_to_end, false},
            {"checkpoint", {false, {1, {}, 5}}, false},
            {"greedy MoDL", Strategy::greedy, true},
            {"invertible MoDL", {false, {1, {false, true, true, true}, 5}}, true}};
}

// A problem on a device, loaded as training loads it.
struct OnDevice {
    std::unique_ptr<kernels::Operations> ops;
    DeviceBatch memory;
    Batch batch;

    OnDevice(const std::string& device, const TrainingProblem<float>& p) : ops(kernels::make_operations(device)), memory(*ops) {
        memory.plan({p.maps.shape, p.target.shape});
        memory.grant();
        RealArray mask(p.target.shape);
        Philox random(1, Purpose::test);
        for (float& m : mask.values) m = random.uniform() < 0.4 ? 1.0F : 0.0F;
        batch = memory.load(BatchSource{p.maps.view(), mask.view(), p.zero_filled.view(), p.target.view()});
    }
};

}  // namespace

TEST_CASE("Every strategy and precision trains on the emulated GPU as on the CPU, without waiting or allocating in a step") {
    const TrainingProblem<float> problem(2);
    OnDevice cpu("cpu", problem), gpu("emu", problem);
    for (const Precision& precision : precisions)
        for (const Case& c : cases()) {
            INFO(c.name << ", " << precision.name);
            TrainingRun expected(*cpu.ops, network_of(precision, c.modl), c.strategy, cpu.batch);
            TrainingRun run(*gpu.ops, network_of(precision, c.modl), c.strategy, gpu.batch);
            const std::int64_t allocations = gpu.ops->allocator().allocations();
            for (int step = 1; step <= 3; ++step) {
                const std::vector<double> wanted = expected.step(cpu.batch, step);
                const std::int64_t waits = gpu.ops->waits();
                run.schedule->step(gpu.batch, {.optimizer = {.learning_rate = 1e-3, .weight_decay = 1e-4, .step = step}});
                CHECK(gpu.ops->waits() == waits);
                const std::vector<double> losses = run.schedule->losses();
                CHECK(gpu.ops->waits() == waits + 1);
                REQUIRE(losses.size() == wanted.size());
                for (std::size_t s = 0; s < losses.size(); ++s)
                    CHECK(losses[s] == Approx(wanted[s]).epsilon(precision.tolerance));
            }
            CHECK(gpu.ops->allocator().allocations() == allocations);
            for (const ArenaUse& use : run.memory.use()) CHECK(use.measured <= use.planned);
        }
}

TEST_CASE("Work that is recorded once and repeated trains to the same bits, with batches whose masks differ") {
    const TrainingProblem<float> problem(2);
    OnDevice gpu("emu", problem);
    for (const Case& c : cases()) {
        INFO(c.name);
        std::vector<double> losses[2];
        for (const bool repeating : {false, true}) {
            gpu.ops->set_repeating(repeating);
            TrainingRun run(*gpu.ops, network_of(precisions[0], c.modl), c.strategy, gpu.batch);
            for (int step = 1; step <= 4; ++step) {
                Batch batch = gpu.batch;
                if (step % 2 == 0) batch.sense.normal_mask.shape[5] = 1, batch.mask.shape[5] = 1;  // another mask, of rows
                for (const double loss : run.step(batch, step)) losses[repeating ? 1 : 0].push_back(loss);
            }
            gpu.ops->set_repeating(false);
        }
        CHECK(losses[0] == losses[1]);
    }
}

TEST_CASE("A device without the host's memory refuses to be read directly, and other devices' tensors") {
    const TrainingProblem<float> problem(1);
    OnDevice gpu("emu", problem);
    CHECK_THROWS_WITH(gpu.batch.target.as<std::complex<float>>(), ContainsSubstring("emu"));
    CHECK_THROWS_AS(gpu.ops->add_acc(problem.target.view(), gpu.batch.target), ShapeError);
}
