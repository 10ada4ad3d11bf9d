#include "core/error.hpp"
#include "greedy/schedule.hpp"
#include "test/support/catch.hpp"
#include "test/support/problem.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

template <class T>
std::vector<T> weights_of(const Stage& stage) {
    const Tensor& t = stage.parameters().values();
    return {t.as<T>(), t.as<T>() + t.elements()};
}

template <class T>
std::vector<T> gradients_of(const Stage& stage) {
    const Tensor& t = stage.parameters().gradients();
    return {t.as<T>(), t.as<T>() + t.elements()};
}

}  // namespace

TEST_CASE("Greedy training with one module is end-to-end training, to the bit") {
    const TrainingProblem<float> p(2);
    TrainingRun greedy(*p.ops, small_network(3, 1), Strategy::greedy, p.batch());
    TrainingRun end_to_end(*p.ops, small_network(3, 1), Strategy::end_to_end, p.batch());
    for (int step = 1; step <= 3; ++step) {
        CHECK(greedy.step(p.batch(), step) == end_to_end.step(p.batch(), step));
        CHECK(weights_of<float>(greedy.network.stages()[0]) == weights_of<float>(end_to_end.network.stages()[0]));
    }
}

TEST_CASE("End-to-end training does not depend on how the network is cut into stages") {
    const TrainingProblem<float> p;
    TrainingRun whole(*p.ops, small_network(4, 1), Strategy::end_to_end, p.batch());
    TrainingRun cut(*p.ops, small_network(4, 2), Strategy::end_to_end, p.batch());
    for (int step = 1; step <= 2; ++step) CHECK(whole.step(p.batch(), step) == cut.step(p.batch(), step));
    auto expected = weights_of<float>(cut.network.stages()[0]);
    const auto second = weights_of<float>(cut.network.stages()[1]);
    expected.insert(expected.end(), second.begin(), second.end());
    CHECK(weights_of<float>(whole.network.stages()[0]) == expected);
}

TEST_CASE("A greedy stage's loss and gradient do not depend on later stages") {
    const TrainingProblem<float> p;
    TrainingRun one(*p.ops, small_network(1, 1), Strategy::greedy, p.batch());
    TrainingRun three(*p.ops, small_network(3, 3), Strategy::greedy, p.batch());
    for (int step = 1; step <= 3; ++step) {
        CHECK(one.step(p.batch(), step)[0] == three.step(p.batch(), step)[0]);
        CHECK(gradients_of<float>(one.network.stages()[0]) == gradients_of<float>(three.network.stages()[0]));
        CHECK(weights_of<float>(one.network.stages()[0]) == weights_of<float>(three.network.stages()[0]));
    }
    CHECK(gradients_of<float>(three.network.stages()[1]) != gradients_of<float>(three.network.stages()[2]));
}

TEST_CASE("Greedy stages that share the memory of their gradients learn the same, to the bit") {
    const TrainingProblem<float> p(2);
    const ParameterBuffers shared{.gradients = true, .shared_gradients = true, .moments = 2};
    const modules::Loss loss{{kernels::LossKind::l1, 1}};
    TrainingRun own(*p.ops, small_network(3, 3), Strategy::greedy, p.batch(), loss);
    TrainingRun one(*p.ops, small_network(3, 3), Strategy::greedy, p.batch(), loss, shared);
    CHECK(one.network.parameter_arena().bytes() < own.network.parameter_arena().bytes());
    for (int step = 1; step <= 3; ++step) {
        CHECK(one.step(p.batch(), step) == own.step(p.batch(), step));
        for (std::size_t s = 0; s < 3; ++s)
            CHECK(weights_of<float>(one.network.stages()[s]) == weights_of<float>(own.network.stages()[s]));
    }
    CHECK_THROWS_AS(one.schedule->step(2, [&] { return p.batch(); }, {}), InternalError);
    CHECK_THROWS_AS(one.schedule->accumulate(p.batch(), 1), InternalError);
    CHECK_THROWS_AS(TrainingRun(*p.ops, small_network(3, 3), Strategy::end_to_end, p.batch(), loss, shared), InternalError);
}

TEST_CASE("Pieces that are computed again learn the same when each is updated at once, to the bit, with one gradient at a time") {
    const TrainingProblem<float> p(2);
    const ParameterBuffers shared{.gradients = true, .shared_gradients = true, .moments = 2, .average = true};
    ParameterBuffers own = shared;
    own.shared_gradients = false;
    const modules::Loss loss{{kernels::LossKind::l1, 1}};
    for (const int piece : {1, 2}) {
        const Strategy strategy{false, {piece, {}, 5}};
        TrainingRun together(*p.ops, small_network(4, 1), strategy, p.batch(), loss, own);
        TrainingRun one(*p.ops, small_network(4, 4 / piece), strategy, p.batch(), loss, shared);
        CHECK(one.network.parameter_arena().bytes() < together.network.parameter_arena().bytes());
        for (int step = 1; step <= 3; ++step) {
            CHECK(one.step(p.batch(), step) == together.step(p.batch(), step));
            std::vector<float> weights;
            for (const Stage& stage : one.network.stages())
                for (const float w : weights_of<float>(stage)) weights.push_back(w);
            CHECK(weights == weights_of<float>(together.network.stages()[0]));
        }
        CHECK_THROWS_AS(TrainingRun(*p.ops, small_network(4, 1), strategy, p.batch(), loss, shared), InternalError);
    }
}

TEST_CASE("Training with bf16 features follows fp32 closely, in less memory, and keeps weights in fp32") {
    const TrainingProblem<float> p(2);
    NetworkOptions options = small_network(2, 2);
    options.unroll.regularizer.features = 20;
    for (const Strategy& strategy : {Strategy::greedy, Strategy::end_to_end}) {
        options.unroll.regularizer.bf16 = false;
        TrainingRun exact(*p.ops, options, strategy, p.batch());
        options.unroll.regularizer.bf16 = true;
        TrainingRun rounded(*p.ops, options, strategy, p.batch());
        std::vector<double> before, losses, expected;
        for (int step = 1; step <= 20; ++step) {
            losses = rounded.step(p.batch(), step), expected = exact.step(p.batch(), step);
            if (step == 1) before = losses;
        }
        for (std::size_t s = 0; s < losses.size(); ++s) {
            CHECK(losses[s] == Approx(expected[s]).epsilon(0.02));
            CHECK(losses[s] != expected[s]);
            CHECK(losses[s] < before[s]);
        }
        CHECK(rounded.memory.use()[0].planned < exact.memory.use()[0].planned);
        CHECK(rounded.network.stages()[0].parameters().dtype() == DType::f32);
    }
}

TEST_CASE("A stage is handed the image its predecessor computed before its update") {
    const TrainingProblem<float> p;
    TrainingRun run(*p.ops, small_network(2, 2), Strategy::greedy, p.batch());
    // With the first stage's weights of before the step, the second stage must see the same image as in inference.
    Array<std::complex<float>> image(p.zero_filled.shape);
    Array<double> loss(Shape{1});
    reconstruct(run.network, run.memory, p.batch(), image.view());
    Arena none("none");
    p.ops->loss_acc({kernels::LossKind::l1, 1}, image.view(), p.target.view(), nullptr, loss.view(), none);
    CHECK(run.step(p.batch(), 1, 0.1)[1] == loss[0]);
}

TEST_CASE("A whole stage has the gradient of its finite differences") {
    const TrainingProblem<double> p(2, 3, 7, 6);
    for (const Strategy& strategy : {Strategy::greedy, Strategy::end_to_end}) {
        TrainingRun run(*p.ops, small_network(2, 1, DType::f64), strategy, p.batch());
        Tensor values = run.network.stages()[0].parameters().values();
        const auto direction = random_array<double>(values.shape, 4);
        const auto move = [&](double t) {
            for (std::int64_t i = 0; i < direction.elements(); ++i) values.as<double>()[i] += t * direction[i];
        };
        const auto loss = [&] { return run.step(p.batch(), 1, 0.0)[0]; };
        loss();
        const auto gradient = gradients_of<double>(run.network.stages()[0]);
        double analytic = 0;
        for (std::int64_t i = 0; i < direction.elements(); ++i) analytic += gradient[std::size_t(i)] * direction[i];
        const double h = 1e-5;
        double numeric = 0;
        for (const auto& [t, w] : {std::pair{h, 8.0}, {-h, -8.0}, {2 * h, -1.0}, {-2 * h, 1.0}}) {
            move(t);
            numeric += w * loss() / (12 * h);
            move(-t);
        }
        CHECK(std::abs(numeric - analytic) / std::abs(analytic) < 1e-6);
    }
}

TEST_CASE("Gradients of batches that are accumulated are those of one large batch") {
    const TrainingProblem<double> p(6, 3, 13, 12);
    const auto part = [&](std::int64_t first, std::int64_t count) {
        Batch b = p.batch();
        for (Tensor* t : {&b.sense.maps, &b.sense.normal_mask, &b.zero_filled, &b.target}) *t = t->slice(first, count);
        return b;
    };
    const modules::Loss mix{{kernels::LossKind::l1, 1}, {kernels::LossKind::ssim, 0.5}};
    for (const Strategy& strategy : {Strategy::greedy, Strategy::end_to_end}) {
        TrainingRun whole(*p.ops, small_network(2, 2, DType::f64), strategy, p.batch(), mix);
        TrainingRun parts(*p.ops, small_network(2, 2, DType::f64), strategy, part(0, 2), mix);
        // Twice, so that the second step starts from what the first left behind.
        for (int step = 1; step <= 2; ++step) {
            whole.schedule->begin(), parts.schedule->begin();
            whole.schedule->accumulate(p.batch(), 1);
            for (int i = 0; i < 3; ++i) parts.schedule->accumulate(part(2 * i, 2), 1.0 / 3);
            for (std::size_t s = 0; s < 2; ++s) {
                const auto a = gradients_of<double>(parts.network.stages()[s]),
                           b = gradients_of<double>(whole.network.stages()[s]);
                REQUIRE(a.size() == b.size());
                for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-9).margin(1e-12));
            }
            const auto a = parts.schedule->losses(), b = whole.schedule->losses();
            for (std::size_t s = 0; s < a.size(); ++s) CHECK(a[s] == Approx(b[s]).epsilon(1e-12));
            UpdateTerms terms;
            terms.optimizer.step = step;
            whole.schedule->update(terms), parts.schedule->update(terms);
        }
    }
}

TEST_CASE("Each stage's gradient is limited to a length of its own, and its former length is known") {
    const TrainingProblem<float> p;
    TrainingRun free(*p.ops, small_network(2, 2), Strategy::greedy, p.batch());
    TrainingRun limited(*p.ops, small_network(2, 2), Strategy::greedy, p.batch());
    free.schedule->step(p.batch(), {});
    UpdateTerms terms;
    terms.clip_norm = 1e-3;
    limited.schedule->step(p.batch(), terms);
    const auto norms = limited.schedule->gradient_norms();
    REQUIRE(norms.size() == 2);
    for (std::size_t s = 0; s < 2; ++s) {
        const auto a = gradients_of<float>(free.network.stages()[s]), b = gradients_of<float>(limited.network.stages()[s]);
        double full = 0;
        for (float g : a) full += double(g) * double(g);
        full = std::sqrt(full);
        REQUIRE(full > 1e-3);
        CHECK(norms[s] == Approx(full));
        for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == Approx(a[i] * 1e-3 / full).epsilon(1e-5).margin(1e-9));
    }
}

TEST_CASE("An average of the weights follows its recurrence, and is what a reconstruction uses when told to") {
    const TrainingProblem<double> p;
    TrainingRun run(*p.ops, small_network(2, 2, DType::f64), Strategy::greedy, p.batch(), {{kernels::LossKind::l1, 1}},
                    {.gradients = true, .moments = 0, .average = true});
    UpdateTerms terms;
    terms.optimizer = {.kind = kernels::OptimizerKind::sgd, .learning_rate = 0.1};
    terms.average_decay = 0.75;
    auto expected = weights_of<double>(run.network.stages()[1]);
    for (int step = 1; step <= 4; ++step) {
        run.schedule->step(p.batch(), terms);
        const auto now = weights_of<double>(run.network.stages()[1]);
        for (std::size_t i = 0; i < now.size(); ++i) expected[i] = 0.75 * expected[i] + 0.25 * now[i];
    }
    const Tensor average = run.network.stages()[1].parameters().average();
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(average.as<double>()[i] == Approx(expected[i]).epsilon(1e-12));

    Array<std::complex<double>> with(p.zero_filled.shape), without(p.zero_filled.shape), by_hand(p.zero_filled.shape);
    reconstruct(run.network, run.memory, p.batch(), without.view());
    {
        const AveragedWeights averaged(run.network);
        reconstruct(run.network, run.memory, p.batch(), with.view());
    }
    CHECK(with.values != without.values);
    reconstruct(run.network, run.memory, p.batch(), by_hand.view());
    CHECK(by_hand.values == without.values);
    for (Stage& stage : run.network.stages()) p.ops->copy(stage.parameters().average(), stage.parameters().values());
    reconstruct(run.network, run.memory, p.batch(), by_hand.view());
    CHECK(by_hand.values == with.values);
}

TEST_CASE("Parameters take the memory of the buffers their optimiser needs, and no more") {
    const auto bytes = [](const ParameterBuffers& buffers) {
        return Network(small_network(2, 2), Device{}, buffers).parameter_bytes();
    };
    const std::size_t one = bytes({});
    CHECK(bytes({.gradients = true}) == 2 * one);
    CHECK(bytes({.gradients = true, .moments = 1}) == 3 * one);
    CHECK(bytes({.gradients = true, .moments = 2}) == 4 * one);
    CHECK(bytes({.gradients = true, .moments = 2, .average = true}) == 5 * one);
}

TEST_CASE("After the dry run nothing is allocated, and each arena's peak is what was planned") {
    const TrainingProblem<float> p(2);
    for (const Strategy& strategy : {Strategy::greedy, Strategy::end_to_end}) {
        TrainingRun run(*p.ops, small_network(4, 4), strategy, p.batch());
        const std::int64_t before = p.ops->allocator().allocations();
        for (int step = 1; step <= 3; ++step) run.step(p.batch(), step);
        Array<std::complex<float>> image(p.zero_filled.shape);
        reconstruct(run.network, run.memory, p.batch(), image.view());
        CHECK(p.ops->allocator().allocations() == before);
        for (const ArenaUse& use : run.memory.use()) {
            INFO(use.name);
            CHECK(use.planned > 0);
            CHECK(use.measured == use.planned);
        }
    }
}

TEST_CASE("Activation memory is flat in the number of unrolls for greedy training and grows end to end") {
    const TrainingProblem<float> p;
    const auto activations = [&](int unrolls, Strategy strategy) {
        return TrainingRun(*p.ops, small_network(unrolls, unrolls), strategy, p.batch()).memory.use()[0].planned;
    };
    CHECK(activations(8, Strategy::greedy) == activations(2, Strategy::greedy));
    CHECK(activations(1, Strategy::end_to_end) == activations(1, Strategy::greedy));
    CHECK(activations(8, Strategy::end_to_end) > 5 * activations(1, Strategy::end_to_end));
}

TEST_CASE("Training lowers the loss of every module") {
    const TrainingProblem<float> p;
    TrainingRun run(*p.ops, small_network(3, 3), Strategy::greedy, p.batch());
    const auto first = run.step(p.batch(), 1, 3e-3);
    std::vector<double> last;
    for (int step = 2; step <= 60; ++step) last = run.step(p.batch(), step, 3e-3);
    for (std::size_t s = 0; s < 3; ++s) CHECK(last[s] < 0.9 * first[s]);
}

TEST_CASE("Modules that do not divide the unrolls are refused") {
    CHECK_THROWS_WITH(Network(small_network(8, 3), Device{}), ContainsSubstring("8 unrolls cannot be cut into 3 modules"));
}
