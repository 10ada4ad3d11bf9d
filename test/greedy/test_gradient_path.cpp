// Strategies that compute unrolls again, against those that keep everything.
#include "greedy/schedule.hpp"
#include "test/support/catch.hpp"
#include "test/support/problem.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

const modules::Loss mix{{kernels::LossKind::l1, 1}, {kernels::LossKind::ssim, 0.5}};

NetworkOptions modl(int unrolls, int stages, DType dtype, bool learned = true) {
    NetworkOptions options = small_network(unrolls, stages, dtype);
    options.unroll.consistency = modules::DataConsistency::conjugate_gradient;
    options.unroll.solver.lambda = 2;
    options.unroll.solver.iterations = 12;
    options.unroll.learned = learned;
    options.unroll.regularizer.architecture = modules::Architecture::revnet;
    options.unroll.regularizer.layers = 3;
    return options;
}

Strategy invertible(int unrolls, const std::vector<int>& stored, int iterations) {
    Strategy strategy{false, {1, std::vector<bool>(static_cast<std::size_t>(unrolls), true), iterations}};
    for (const int i : stored) strategy.recomputation.recovered[static_cast<std::size_t>(i)] = false;
    return strategy;
}

// Makes the last convolution of every regulariser small, so that it is a contraction.
template <class T>
void contract(Network& network, double factor) {
    for (Stage& stage : network.stages())
        for (const ParameterPack::Entry& entry : stage.parameters().entries()) {
            if (entry.name.find("conv") == std::string::npos) continue;
            const Tensor t = stage.parameters().value(entry);
            for (std::int64_t i = 0; i < t.elements(); ++i) t.as<T>()[i] *= static_cast<T>(factor);
        }
}

template <class T>
std::vector<T> gradients(const Network& network) {
    std::vector<T> all;
    for (const Stage& stage : network.stages()) {
        const Tensor& g = stage.parameters().gradients();
        all.insert(all.end(), g.as<T>(), g.as<T>() + g.elements());
    }
    return all;
}

double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(a[i] - b[i], 2), size += b[i] * b[i];
    return std::sqrt(difference / size);
}

template <class T>
void same_training(kernels::Operations& ops, const Batch& batch, const NetworkOptions& options, const Strategy& a,
                   const Strategy& b) {
    TrainingRun first(ops, options, a, batch, mix), second(ops, options, b, batch, mix);
    for (int step = 1; step <= 2; ++step) {
        UpdateTerms terms;
        terms.optimizer = {.learning_rate = 1e-2, .step = step};
        for (TrainingRun* run : {&first, &second}) {
            run->schedule->begin();
            for (int i = 0; i < 2; ++i) run->schedule->accumulate(batch, 0.5);
        }
        CHECK(first.schedule->losses() == second.schedule->losses());
        CHECK(gradients<T>(first.network) == gradients<T>(second.network));
        first.schedule->update(terms), second.schedule->update(terms);
    }
}

}  // namespace

TEST_CASE("Checkpointing gives the gradients of keeping everything, to the bit, for every size of pieces") {
    const TrainingProblem<float> single(2);
    const TrainingProblem<double> twice(2);
    for (const int unrolls : {1, 2, 3, 9}) {
        const Strategy whole{false, {unrolls, {}, 0}}, greedy{true, {unrolls, {}, 0}};
        INFO(unrolls << " unrolls at a time");
        NetworkOptions pgd = small_network(5, 1);
        pgd.unroll.learned = true;
        same_training<float>(*single.ops, single.batch(), pgd, whole, Strategy::end_to_end);
        same_training<float>(*single.ops, single.batch(), small_network(6, 2), greedy, Strategy::greedy);
        same_training<double>(*twice.ops, twice.batch(), modl(4, 2, DType::f64), whole, Strategy::end_to_end);
        NetworkOptions through = modl(4, 2, DType::f64);
        through.unroll.solver.gradient = modules::SolverGradient::unrolled;
        through.unroll.solver.iterations = 4;
        same_training<double>(*twice.ops, twice.batch(), through, greedy, Strategy::greedy);
        NetworkOptions shared = modl(4, 1, DType::f64);
        shared.share_weights = true;
        same_training<double>(*twice.ops, twice.batch(), shared, whole, Strategy::end_to_end);
    }
}

TEST_CASE("Recovered inputs and the gradients from them approach the true ones with more iterations") {
    const TrainingProblem<double> p(2);
    const NetworkOptions options = modl(4, 1, DType::f64);
    TrainingRun exact(*p.ops, options, {false, {1, {}, 0}}, p.batch(), mix);
    contract<double>(exact.network, 0.8);
    std::vector<std::vector<double>> inputs(4);
    const auto keep = [&](int unroll, const Tensor& t) {
        const auto* first = reinterpret_cast<const double*>(t.as<std::complex<double>>());
        inputs[static_cast<std::size_t>(unroll)].assign(first, first + 2 * t.elements());
    };
    exact.schedule->observe(keep);
    exact.step(p.batch(), 1, 0);
    const auto true_inputs = inputs;
    const auto true_gradients = gradients<double>(exact.network);

    double last_gradient = 1, last_input = 1;
    for (const int iterations : {2, 5, 12, 40}) {
        INFO(iterations << " iterations");
        TrainingRun run(*p.ops, options, invertible(4, {0}, iterations), p.batch(), mix);
        contract<double>(run.network, 0.8);
        run.schedule->observe(keep);
        run.step(p.batch(), 1, 0);
        double input = 0, reported = 0;
        for (std::size_t i = 0; i < 4; ++i) input = std::max(input, relative_difference(inputs[i], true_inputs[i]));
        const auto errors = run.schedule->recovery_errors();
        CHECK(errors.size() == 3);
        CHECK(errors.count(0) == 0);
        for (const auto& [unroll, error] : errors) reported = std::max(reported, error);
        const double gradient = relative_difference(gradients<double>(run.network), true_gradients);
        INFO("input " << input << ", reported " << reported << ", gradient " << gradient);
        CHECK(inputs[0] == true_inputs[0]);
        CHECK(input < std::max(last_input, 1e-12));
        CHECK(gradient < std::max(last_gradient, 1e-12));
        // What is reported is an error of outputs, which the solve pulls towards the data; it has the size of the true one.
        if (input > 1e-12) CHECK(reported > input / 50);
        CHECK(reported < 2 * input + 1e-15);
        last_input = input, last_gradient = gradient;
    }
    CHECK(last_input < 1e-12);
    CHECK(last_gradient < 1e-12);
}

TEST_CASE("A regulariser that is no contraction cannot be recovered, and that is reported") {
    const TrainingProblem<double> p;
    TrainingRun run(*p.ops, modl(3, 1, DType::f64), invertible(3, {0}, 5), p.batch());
    contract<double>(run.network, 4);
    run.step(p.batch(), 1, 0);
    CHECK(run.schedule->recovery_errors().at(2) > 0.1);
}

TEST_CASE("Where every input is stored, the invertible strategy is checkpointing, to the bit") {
    const TrainingProblem<float> p(2);
    same_training<float>(*p.ops, p.batch(), modl(4, 1, DType::f32), invertible(4, {0, 1, 2, 3}, 5), {false, {1, {}, 0}});
    TrainingRun run(*p.ops, modl(4, 1, DType::f32), invertible(4, {0, 1, 2, 3}, 5), p.batch());
    CHECK(run.schedule->recovery_errors().empty());
}

TEST_CASE("Any choice of stored inputs trains, greedy modules too, and a fixed lambda like a learned one") {
    const TrainingProblem<double> p(2);
    constexpr double contraction = 0.5;
    for (const bool learned : {false, true}) {
        const NetworkOptions options = modl(4, 1, DType::f64, learned);
        TrainingRun exact(*p.ops, options, Strategy::end_to_end, p.batch(), mix);
        contract<double>(exact.network, contraction);
        exact.step(p.batch(), 1, 0);
        for (int choice = 0; choice < 16; choice += learned ? 1 : 6) {
            std::vector<int> stored;
            for (int i = 0; i < 4; ++i)
                if (choice >> i & 1) stored.push_back(i);
            TrainingRun run(*p.ops, options, invertible(4, stored, 30), p.batch(), mix);
            contract<double>(run.network, contraction);
            CHECK(run.step(p.batch(), 1, 0) == exact.schedule->losses());
            CHECK(relative_difference(gradients<double>(run.network), gradients<double>(exact.network)) < 1e-11);
        }
    }
    TrainingRun exact(*p.ops, modl(4, 2, DType::f64), Strategy::greedy, p.batch(), mix);
    Strategy greedy = invertible(4, {0, 2}, 30);
    greedy.greedily = true;
    TrainingRun run(*p.ops, modl(4, 2, DType::f64), greedy, p.batch(), mix);
    for (TrainingRun* r : {&exact, &run}) contract<double>(r->network, contraction), r->step(p.batch(), 1, 0);
    CHECK(run.schedule->losses() == exact.schedule->losses());
    CHECK(relative_difference(gradients<double>(run.network), gradients<double>(exact.network)) < 1e-11);
}

TEST_CASE("A PGD unroll cannot be run backwards") {
    const TrainingProblem<float> p;
    Arena none("none");
    none.serve_on_demand(p.ops->allocator());
    Tape tape(none, false);
    modules::Context context{*p.ops, tape, none};
    Network network(small_network(1, 1), p.ops->device());
    const Batch batch = p.batch();
    const Stage& stage = network.stages()[0];
    CHECK_THROWS_WITH(stage.unroll(0).inverse(context, stage.parameters(), batch.zero_filled, batch.sense, batch.zero_filled, 1),
                      ContainsSubstring("cannot") || ContainsSubstring("only conjugate_gradient with revnet"));
}

TEST_CASE("Activations of checkpointing are one piece's, and stored images are in the hand-off arena") {
    const TrainingProblem<float> p;
    const auto planned = [&](const NetworkOptions& options, const Strategy& strategy, std::size_t arena) {
        return TrainingRun(*p.ops, options, strategy, p.batch()).memory.use()[arena].planned;
    };
    const auto activations = [&](int unrolls, const Strategy& s) { return planned(small_network(unrolls, 1), s, 0); };
    const auto images = [&](int unrolls, const Strategy& s) { return planned(modl(unrolls, 1, DType::f32), s, 2); };
    const Strategy one{false, {1, {}, 0}}, two{false, {2, {}, 0}};
    CHECK(activations(8, one) == activations(3, one));
    CHECK(activations(8, two) == activations(4, two));
    CHECK(activations(8, one) < activations(8, two));
    CHECK(4 * activations(8, one) < activations(8, Strategy::end_to_end));

    const std::size_t image = (p.zero_filled.elements() * sizeof(std::complex<float>) + 255) / 256 * 256;
    // The inputs of unrolls 1 to 7 and a gradient.
    CHECK(images(8, one) / image == 8);
    CHECK(images(8, two) / image == 4);
    // Two images in turn and a gradient, and one for each that is stored.
    CHECK(images(8, invertible(8, {0}, 5)) / image == 3);
    CHECK(images(8, invertible(8, {0, 3, 6}, 5)) / image == 5);
    CHECK(images(20, invertible(20, {0}, 5)) / image == 3);
}

TEST_CASE("No strategy allocates after its dry run, whatever the size of the batch, and all memory is as planned") {
    const TrainingProblem<float> largest(3, 3, 12, 10), fewer(1, 3, 12, 10);
    Strategy greedy = Strategy::greedy;
    greedy.recomputation.unrolls = 1;
    for (const Strategy& strategy :
         {Strategy::greedy, Strategy::end_to_end, Strategy{false, {1, {}, 0}}, Strategy{false, {3, {}, 0}}, invertible(4, {0}, 5),
          invertible(4, {1}, 5), invertible(4, {}, 5), greedy}) {
        TrainingRun run(*largest.ops, modl(4, strategy.greedily ? 2 : 1, DType::f32), strategy, largest.batch(), mix);
        const std::int64_t before = largest.ops->allocator().allocations();
        for (int step = 1; step <= 6; ++step) run.step(step % 2 ? largest.batch() : fewer.batch(), step, 1e-4);
        Array<std::complex<float>> image(fewer.zero_filled.shape);
        CHECK(largest.ops->allocator().allocations() == before);
        for (const ArenaUse& use : run.memory.use()) {
            INFO(use.name);
            CHECK(use.measured == use.planned);
        }
    }
}
