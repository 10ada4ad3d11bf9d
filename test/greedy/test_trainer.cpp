#include <cstring>
#include <limits>

#include "greedy/reconstruction.hpp"
#include "greedy/trainer.hpp"
#include "modules/metrics.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::greedy;
using namespace gleam::test;

namespace {

std::vector<Tensor> buffers_of(const ParameterPack& pack) {
    std::vector<Tensor> all{pack.values()};
    all.insert(all.end(), pack.moments().begin(), pack.moments().end());
    if (pack.buffers().average) all.push_back(pack.average());
    return all;
}

struct Fixture {
    TemporaryDirectory directory;
    std::unique_ptr<kernels::Operations> ops = kernels::make_cpu_operations();
    fs::path train = directory / "train.h5", validation = directory / "validation.h5";

    Fixture() {
        write_dataset(train, 5);
        write_dataset(validation, 2);
    }
    JobConfig job(const std::string& name, int steps, const std::string& strategy = "greedy") const {
        JobConfig j = parse_job(tiny_job(train, validation, steps, strategy), "test");
        j.output = (directory / name).string();
        return j;
    }
    std::string metrics(const std::string& name) const { return read_file(directory / name / "metrics.jsonl"); }
    std::vector<float> weights(const std::string& name) {
        Network network = network_of_checkpoint(directory / name / "last.h5", ops->device(), true);
        network.materialize(*ops, 0);
        load_checkpoint(directory / name / "last.h5", network, *ops);
        std::vector<float> all;  // in the same order, however the network is cut into stages
        for (std::size_t kind = 0; kind < buffers_of(network.stages().front().parameters()).size(); ++kind)
            for (const Stage& s : network.stages()) {
                const Tensor t = buffers_of(s.parameters())[kind];
                all.insert(all.end(), t.as<float>(), t.as<float>() + t.elements());
            }
        return all;
    }
};

}  // namespace

TEST_CASE("A run continued from its checkpoint has the bits of one that was never stopped") {
    Fixture f;
    for (const std::string strategy : {"greedy", "end_to_end", "checkpoint"}) {
        Trainer(f.job("whole " + strategy, 11, strategy), false, *f.ops).run();
        JobConfig job = f.job("parts " + strategy, 11, strategy);
        for (const int until : {4, 5, 9, 11}) {
            JobConfig part = job;
            part.training.steps = until;
            Trainer(part, until != 4, *f.ops).run();
        }
        CHECK(f.weights("parts " + strategy) == f.weights("whole " + strategy));
        // A part's own last step is validated too; those lines aside, the metrics are the same.
        const auto train_lines = [](const std::string& all) {
            std::string kept;
            std::istringstream lines(all);
            for (std::string line; std::getline(lines, line);)
                if (line.find("\"train\"") != std::string::npos) kept += line + "\n";
            return kept;
        };
        CHECK(train_lines(f.metrics("parts " + strategy)) == train_lines(f.metrics("whole " + strategy)));
    }
}

TEST_CASE("A run with everything that training offers has the same bits after a stop, and memory as planned") {
    Fixture f;
    const auto everything = [&](const std::string& name, int steps) {
        JobConfig job = f.job(name, steps);
        job.training.batch = 1, job.training.accumulate = 3;
        job.training.loss = {1, 0.5, 0.1, 0.2, 0.1};
        job.training.optimizer.schedule = "step", job.training.optimizer.step_every = 4, job.training.optimizer.warmup = 2;
        job.training.clip_norm = 0.05, job.training.ema = 0.9;
        return job;
    };
    for (const std::string type : {"adam", "adamw", "sgd", "sgd with momentum"}) {
        INFO(type);
        const auto job = [&](const std::string& name, int steps) {
            JobConfig j = everything(type + name, steps);
            j.training.optimizer.type = type.substr(0, type.find(' '));
            j.training.optimizer.momentum = type == "sgd with momentum" ? 0.9 : 0;
            return j;
        };
        Trainer whole(job("whole", 9), false, *f.ops);
        whole.run();
        for (const ArenaUse& use : whole.memory_use()) CHECK(use.measured == use.planned);
        for (const int until : {4, 5, 9}) Trainer(job("parts", until), until != 4, *f.ops).run();
        CHECK(f.weights(type + "parts") == f.weights(type + "whole"));
        const auto last_line = [&](const std::string& name) {
            const std::string all = f.metrics(type + name);
            return all.substr(all.rfind("{\"kind\":\"train\""));
        };
        CHECK(last_line("parts") == last_line("whole"));
        CHECK_THAT(last_line("whole"), ContainsSubstring("\"gradient_norm\":["));
    }
}

TEST_CASE("Accumulated batches see the slices of one large batch") {
    Fixture f;
    JobConfig large = f.job("large", 4), small = f.job("small", 4);
    large.training.batch = 4;
    small.training.batch = 2, small.training.accumulate = 2;
    Trainer(large, false, *f.ops).run();
    Trainer(small, false, *f.ops).run();
    const auto a = f.weights("large"), b = f.weights("small");
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-3).margin(1e-4));
}

TEST_CASE("Reconstructions and the best checkpoint's score come from the averaged weights") {
    Fixture f;
    JobConfig job = f.job("run", 8);
    job.training.ema = 0.5;
    job.training.validate_every = 0;  // only at the end
    Trainer trainer(job, false, *f.ops);
    trainer.run();
    const data::Samples samples = open_samples(job.data.validation, "data.validation", job);
    Arena workspace("workspace");
    workspace.serve_on_demand(f.ops->allocator());
    const auto mean_psnr = [&](const fs::path& checkpoint) {
        const auto method = make_network_reconstructor(*f.ops, checkpoint);
        double sum = 0;
        for (std::int64_t i = 0; i < samples.count(); ++i) {
            const data::Sample sample = samples.read(i, 0, *f.ops, workspace);
            ComplexArray target = sample.target;
            for (auto& v : target.values) v *= static_cast<float>(sample.scale);
            sum += modules::score(method->reconstruct(sample), target).psnr;
        }
        return sum / static_cast<double>(samples.count());
    };
    const double expected = trainer.state().best_psnr;
    CHECK(mean_psnr(f.directory / "run" / "best.h5") == Approx(expected).epsilon(1e-5));
    // The weights of the last step are there as well, and are others.
    Network inference = network_of_checkpoint(f.directory / "run" / "best.h5", f.ops->device());
    Network training = network_of_checkpoint(f.directory / "run" / "best.h5", f.ops->device(), true);
    for (Network* network : {&inference, &training}) {
        network->materialize(*f.ops, 0);
        load_checkpoint(f.directory / "run" / "best.h5", *network, *f.ops);
    }
    const ParameterPack &a = inference.stages()[0].parameters(), &b = training.stages()[0].parameters();
    const std::size_t bytes = a.values().bytes();
    CHECK(std::memcmp(a.values().data, b.average().data, bytes) == 0);
    CHECK(std::memcmp(a.values().data, b.values().data, bytes) != 0);
}

TEST_CASE("Two runs of one configuration write the same metrics, byte for byte") {
    Fixture f;
    Trainer(f.job("a", 6), false, *f.ops).run();
    Trainer(f.job("b", 6), false, *f.ops).run();
    CHECK(f.metrics("a") == f.metrics("b"));
    JobConfig other = f.job("c", 6);
    other.seed = 2;
    Trainer(other, false, *f.ops).run();
    CHECK(f.metrics("a") != f.metrics("c"));
}

TEST_CASE("A run's memory is what was planned, and no step allocates any") {
    Fixture f;
    Trainer trainer(f.job("run", 3), false, *f.ops);
    const std::int64_t before = f.ops->allocator().allocations();
    trainer.run();
    // Validation reads its slices with memory on demand; the arenas themselves stay as they are.
    for (const ArenaUse& use : trainer.memory_use()) {
        INFO(use.name);
        CHECK(use.measured == use.planned);
    }
    JobConfig blind = f.job("blind", 3);
    blind.data.validation.file = "";
    Trainer without(blind, false, *f.ops);
    const std::int64_t granted = f.ops->allocator().allocations();
    without.run();
    CHECK(f.ops->allocator().allocations() == granted);
    CHECK(granted > before);
}

TEST_CASE("Checkpointing trains to the weights of end-to-end training, in less memory") {
    Fixture f;
    Trainer whole(f.job("end_to_end", 4, "end_to_end"), false, *f.ops),
        pieces(f.job("checkpoint", 4, "checkpoint"), false, *f.ops);
    whole.run(), pieces.run();
    CHECK(f.weights("checkpoint") == f.weights("end_to_end"));
    CHECK(f.metrics("checkpoint") == f.metrics("end_to_end"));
    CHECK(pieces.memory_use()[1].measured < whole.memory_use()[1].measured);
    for (const ArenaUse& use : pieces.memory_use()) CHECK(use.measured == use.planned);

    JobConfig modules = f.job("modules", 4), again = f.job("modules again", 4);
    for (JobConfig* job : {&modules, &again}) job->training.modules = 1;
    again.training.recompute_unrolls = 1;
    Trainer(modules, false, *f.ops).run(), Trainer(again, false, *f.ops).run();
    CHECK(f.weights("modules again") == f.weights("modules"));
}

TEST_CASE("Training by inversion logs what recovered inputs are worth, resumes, and stays within its memory") {
    Fixture f;
    const auto job = [&](const std::string& name, int steps, double lambda) {
        JobConfig j = f.job(name, steps, "end_to_end");
        j.training.strategy = "invertible";
        j.model.unrolls = 3;
        j.model.regularizer.type = "revnet", j.model.regularizer.layers = 2;
        j.model.data_consistency.type = "conjugate_gradient", j.model.data_consistency.lambda = lambda;
        j.training.invertible.stored = "1";
        validate(j);
        return j;
    };
    const auto errors = [&](const std::string& name) {  // of unroll 2, in every step
        std::vector<double> all;
        std::istringstream lines(f.metrics(name));
        for (std::string line; std::getline(lines, line);) {
            const std::string stored = "\"recovery_error\":[0.0,0.0,";
            if (line.find("\"train\"") == std::string::npos) continue;
            REQUIRE(line.find(stored) != std::string::npos);
            all.push_back(std::stod(line.substr(line.find(stored) + stored.size())));
        }
        return all;
    };
    Trainer whole(job("whole", 6, 4), false, *f.ops);
    whole.run();
    for (const ArenaUse& use : whole.memory_use()) CHECK(use.measured == use.planned);
    for (const int until : {3, 6}) Trainer(job("parts", until, 4), until != 3, *f.ops).run();
    CHECK(f.weights("parts") == f.weights("whole"));
    CHECK(errors("parts") == errors("whole"));
    REQUIRE(errors("whole").size() == 6);
    for (const double error : errors("whole")) CHECK((error > 0 && error < 1e-3));

    Trainer(job("poor", 6, 0.01), false, *f.ops).run();  // solves of 10 iterations are far from their end
    CHECK(errors("poor").back() > errors("whole").back());
}

TEST_CASE("Strategies that compute unrolls again train every physics, with one set of maps and two") {
    Fixture f;
    for (const data::Physics physics : {data::Physics::planar, data::Physics::volume, data::Physics::dynamic})
        for (const std::int64_t sets : {1, 2}) {
            const std::string name = std::string(data::name_of(physics)) + " " + std::to_string(sets);
            INFO(name);
            write_simulated(f.directory / (name + ".h5"), tiny_simulation(physics, sets));
            const auto losses = [&](const std::string& strategy) {
                JobConfig j = f.job(name + strategy, 2, "end_to_end");
                j.data.train.file = (f.directory / (name + ".h5")).string(), j.data.validation.file = "";
                j.model.physics = data::name_of(physics), j.model.map_sets = sets, j.model.unrolls = 3;
                j.model.regularizer.type = "revnet", j.model.regularizer.layers = 2;
                j.model.data_consistency.type = "conjugate_gradient", j.model.data_consistency.lambda = 4;
                j.training.strategy = strategy;
                Trainer trainer(j, false, *f.ops);
                trainer.run();
                for (const ArenaUse& use : trainer.memory_use()) CHECK(use.measured == use.planned);
                return f.weights(name + strategy);
            };
            const auto expected = losses("end_to_end");
            CHECK(losses("checkpoint") == expected);
            const auto recovered = losses("invertible");
            for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(recovered[i] - expected[i]) < 1e-4);
        }
}

TEST_CASE("Training needs no validation data, whatever the strategy") {
    Fixture f;
    for (const std::string strategy : {"greedy", "end_to_end", "checkpoint"}) {
        JobConfig job = f.job(strategy, 2, strategy);
        job.data.validation.file = "";
        CHECK(Trainer(job, false, *f.ops).run() == Outcome::finished);
        CHECK(fs::exists(f.directory / strategy / "best.h5"));
    }
}

TEST_CASE("An existing run is not overwritten, and not resumed under another configuration") {
    Fixture f;
    Trainer(f.job("run", 2), false, *f.ops).run();
    CHECK_THROWS_WITH(Trainer(f.job("run", 2), false, *f.ops), ContainsSubstring("already holds a run"));
    JobConfig other = f.job("run", 4);
    other.training.optimizer.learning_rate = 1;
    CHECK_THROWS_WITH(Trainer(other, true, *f.ops), ContainsSubstring("another configuration"));
}

TEST_CASE("An all-zero slice is trained on without NaN") {
    Fixture f;
    const fs::path zero = f.directory / "zero.h5";
    write_dataset(zero, 2, 20, 2, [](std::int64_t s, data::SliceData& slice) {
        if (s != 0) return;
        for (auto* a : {&slice.kspace, &slice.target, &slice.truth}) std::fill(a->values.begin(), a->values.end(), 0);
    });
    JobConfig job = f.job("run", 4);
    job.data.train.file = zero.string();
    CHECK(Trainer(job, false, *f.ops).run() == Outcome::finished);
}

TEST_CASE("A loss that is not finite ends the run with step, module and slices, and leaves the checkpoint as it was") {
    Fixture f;
    JobConfig job = f.job("run", 400);
    job.training.optimizer.learning_rate = 1e30;
    job.training.checkpoint_every = 1;
    Trainer trainer(job, false, *f.ops);
    CHECK_THROWS_WITH(trainer.run(),
                      ContainsSubstring("module") && ContainsSubstring("slices") && ContainsSubstring("learning_rate"));
    CHECK(read_checkpoint_header(f.directory / "run" / "last.h5").state.step == trainer.state().step - 1);
    for (const float w : f.weights("run")) CHECK(std::isfinite(w));
}

TEST_CASE("Weights that are not finite are not saved over those that are") {
    Fixture f;
    JobConfig job = f.job("run", 5);
    job.training.optimizer.type = "sgd";
    job.training.optimizer.learning_rate = 1e300;  // infinite in single precision
    job.training.checkpoint_every = 1;
    CHECK_THROWS_WITH(Trainer(job, false, *f.ops).run(), ContainsSubstring("last.h5") && ContainsSubstring("NaN or infinity"));
    CHECK_FALSE(fs::exists(f.directory / "run" / "last.h5"));
}

TEST_CASE("Training data without a target, without slices or with a mask of its own is refused") {
    Fixture f;
    write_dataset(f.directory / "blind.h5", 2, 20, 2, {}, false);
    JobConfig job = f.job("run", 2);
    job.data.train.file = (f.directory / "blind.h5").string();
    CHECK_THROWS_WITH(Trainer(job, false, *f.ops), ContainsSubstring("blind.h5") && ContainsSubstring("target"));
    job.data.train = {f.train.string(), "3:9"};
    CHECK_THROWS_AS(Trainer(job, false, *f.ops), ConfigError);
}

TEST_CASE("A mask that cannot be met is an error that comes out of the loader") {
    Fixture f;
    JobConfig job = f.job("run", 2);
    job.data.mask = {"random_1d", 10, 16, 0.1, -1};
    job.data.validation.file = "";
    Trainer trainer(job, false, *f.ops);
    CHECK_THROWS_AS(trainer.run(), ConfigError);
}

TEST_CASE("A damaged checkpoint is refused, whatever the damage") {
    Fixture f;
    Trainer(f.job("run", 2), false, *f.ops).run();
    const fs::path good = f.directory / "run" / "last.h5", victim = f.directory / "victim.h5";
    const Damage damage = survives_damage(good, victim, 25, 60, [&](const fs::path& p) {
        Network network = network_of_checkpoint(p, f.ops->device(), true);
        network.materialize(*f.ops, 0);
        load_checkpoint(p, network, *f.ops);
    });
    CHECK(damage.refused > 25);
    CHECK_THROWS_WITH(read_checkpoint_header(f.train), ContainsSubstring("is not a checkpoint"));
    CHECK_THROWS_AS(read_checkpoint_header(f.directory / "absent.h5"), DataError);
}

TEST_CASE("As many unrolls as fit a memory budget are found, at least one") {
    Fixture f;
    const JobConfig end_to_end = f.job("run", 2, "end_to_end");
    const data::DatasetLayout layout = data::DatasetFile(f.train).layout();
    const auto planned = [&](std::int64_t unrolls) {
        JobConfig j = end_to_end;
        j.model.unrolls = unrolls;
        j.data.validation.file = "";
        j.output = (f.directory / ("fit" + std::to_string(unrolls))).string();
        return Trainer(j, false, *f.ops).memory_use()[1].planned;
    };
    CHECK(fit_unrolls(end_to_end, layout, planned(3), *f.ops) == 3);
    CHECK(fit_unrolls(end_to_end, layout, planned(3) - 1, *f.ops) == 2);
    CHECK(fit_unrolls(end_to_end, layout, 1, *f.ops) == 1);

    // Checkpointing has room for more, but not for any number: stored images count.
    JobConfig checkpoint = end_to_end;
    checkpoint.training.strategy = "checkpoint";
    const std::int64_t more = fit_unrolls(checkpoint, layout, planned(3), *f.ops);
    CHECK(more > 3);
    CHECK(more < 256);
}
