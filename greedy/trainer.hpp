// The trainer: one loop for every strategy. Loads batches, steps, logs, validates, saves, and stops when asked to.
//
// What a run writes into its directory:
//   config.yaml     the complete configuration
//   metrics.jsonl   losses and validation scores; a function of configuration and data alone, equal to the byte after a resume
//   last.h5         checkpoint every so many steps and at the end;  best.h5: the one with the best validation PSNR
//   summary.json    sizes, times and memory of the run (of several ranks: of the last one)
//   timeline.json   what each rank did when (parallel/timeline.hpp)
#pragma once

#include "greedy/checkpoint.hpp"
#include "greedy/job_network.hpp"
#include "greedy/parallel/ports.hpp"
#include "greedy/plan.hpp"
#include "greedy/progress.hpp"

namespace gleam {
class JsonLines;
}

namespace gleam::greedy {

enum class Outcome : std::uint8_t { finished, interrupted };

// Which part of a network a trainer trains: all of it, or some consecutive modules of a pipeline (greedy/parallel/pipeline.hpp).
struct Rank {
    Position position;
    int first_module = 0, modules = 0;                          // 0: all
    std::function<Ports(const ConnectionSizes&)> connect = {};  // empty: there are no other ranks
};

class Trainer {
public:
    // Opens the data, plans and allocates all memory, and with `resume` continues from last.h5. The device is `ops`'s. Refuses a
    // directory that already holds a run unless `resume` (DataError).
    Trainer(const JobConfig& job, bool resume, kernels::Operations& ops, Rank rank = {});
    ~Trainer();

    // Trains until the last step or until a signal asks to stop; of several ranks, until one asks the first.
    Outcome run();

    // Planned and measured bytes of every arena: params, activations, workspace, handoff, batch.
    std::vector<ArenaUse> memory_use() const;
    const Network& network() const { return network_; }
    const TrainingState& state() const { return state_; }

private:
    bool leads() const { return rank_.position.leads(); }
    DataLayouts layouts() const;
    void plan_memory();
    void resume_or_start(bool resume);
    void log_mask(const data::HostBatch& batch) const;
    void connect();
    void train();
    bool goes_on();
    bool first_goes_on();
    std::int64_t batches_done() const;
    void train_step(data::Loader& loader);
    void log_step();
    std::vector<double> of_all_ranks(std::vector<double> numbers);
    bool agree(bool lead_says);
    void warn_of_recovery(const std::map<int, double>& errors);
    void validate();
    void save(const char* file);
    void write_summary(std::size_t process_start) const;
    void write_timelines();

    JobConfig job_;
    Rank rank_;
    fs::path directory_;
    kernels::Operations& ops_;
    data::Samples train_;
    std::optional<data::Samples> validation_;
    Network network_;
    StepMemory memory_;
    DeviceBatch batch_;
    std::unique_ptr<Schedule> schedule_;
    Ports ports_;
    Links links_;
    Timeline timeline_;
    TrainingState state_;
    std::unique_ptr<JsonLines> metrics_;
    std::vector<double> losses_;
    std::vector<double> step_seconds_;
    double training_seconds_ = 0, waiting_seconds_ = 0;  // the former without the latter
    bool recovery_warned_ = false;
    std::size_t process_start_ = 0;
};

}  // namespace gleam::greedy
