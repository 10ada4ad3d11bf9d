// gleam-bench-handoff: what it costs to hand images from one rank to the next: latency, bandwidth, and what is seen of it when
// both ranks compute. By itself it measures two threads; started as two processes (tools/launch.sh, mpirun), these.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.hpp"
#include "greedy/parallel/letters.hpp"
#include "greedy/parallel/start.hpp"
#include "greedy/parallel/threads.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"
#include "tools/bench/report.hpp"

namespace gleam::bench {
namespace {

using Clock = std::chrono::steady_clock;  // of the machine: processes on one see the same

struct Options {
    CommonOptions common;
    std::string device = "cpu", transport = "auto";
    std::vector<std::int64_t> kib{4, 64, 640, 2560, 16384};
    double compute = 10;  // ms
};

// What is known of one size of images. Seconds.
struct Row {
    double bytes = 0;
    double latency = 0;                 // from commit() on one side to the end of take() on the other, at rest; 0: not measured
    double each = 0;                    // between images that follow one another at once
    double alone = 0, with_images = 0;  // a step of computing, without and with an image for each
};

double seconds(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

// One rank: an end of the edge, and something to compute.
class Rank {
public:
    Rank(const Options& options, kernels::Operations& ops, const greedy::Ports& ports, int rank)
        : o_(options), ops_(ops), ports_(ports), rank_(rank), work_(tensor(1 << 16)), sum_(tensor(1 << 16)) {
        ops_.fill_zero(work_);
        ops_.fill_zero(sum_);
        const auto start = Clock::now();
        constexpr int tries = 200;
        compute(tries);
        passes_ = std::max(1, static_cast<int>(1e-3 * o_.compute * tries / std::max(seconds(start, Clock::now()), 1e-9)));
    }

    // On the receiver: what was measured.
    Row measure(std::int64_t bytes) {
        const Tensor image = tensor(bytes / static_cast<std::int64_t>(sizeof(float)));
        Row row;
        row.bytes = static_cast<double>(bytes);
        if (ops_.device().kind == DeviceKind::cpu) row.latency = latency(image);
        row.each = per_image(image, 20 * o_.common.repeats, 0);
        std::vector<double> alone, with_images;
        for (int turn = 0; turn < 5; ++turn) {  // in turn, so that what else the machine does hits both
            meet();
            const auto start = Clock::now();
            for (int i = 0; i < o_.common.repeats; ++i) compute(passes_);
            alone.push_back(seconds(start, Clock::now()) / o_.common.repeats);
            with_images.push_back(per_image(image, o_.common.repeats, passes_));
        }
        row.alone = slower(median(alone));
        row.with_images = median(with_images);
        return row;
    }

private:
    Tensor tensor(std::int64_t elements) {
        const Tensor t{nullptr, DType::f32, Shape{elements}, ops_.device()};
        void* data = ops_.allocator().allocate(t.bytes());
        if (!data) throw OutOfMemoryError("gleam-bench-handoff", "no " + format_bytes(t.bytes()));
        memory_.emplace_back(ops_.allocator(), data, t.bytes());
        Tensor placed = t;
        placed.data = data;
        return placed;
    }
    void compute(int passes) {
        for (int i = 0; i < passes; ++i) ops_.linear_combination(0.5, work_, 0.5, sum_, sum_);
        ops_.synchronize();
    }
    // Both are here.
    void meet() { slower(0); }
    // The larger one of both ranks' numbers.
    double slower(double mine) {
        greedy::send_numbers(*ports_.mail, 1 - rank_, {mine});
        return std::max(mine, greedy::receive_numbers(*ports_.mail, 1 - rank_).at(0));
    }
    // The sender writes the time into the image, and sends the next one when it is told that this one was read.
    double latency(const Tensor& image) {
        std::vector<double> all;
        for (int i = 0; i < o_.common.repeats; ++i) {
            meet();
            if (rank_ == 0) {
                const Tensor out = ports_.out->claim(image);
                ops_.fill_zero(out);
                *static_cast<Clock::rep*>(out.data) = Clock::now().time_since_epoch().count();
                ports_.out->commit(label_++);
                continue;
            }
            const Tensor in = ports_.in->take(label_++, image);
            const auto now = Clock::now();
            all.push_back(seconds(Clock::time_point(Clock::duration(*static_cast<const Clock::rep*>(in.data))), now));
            ports_.in->give_back();
        }
        return median(all);
    }
    // Seconds per image when `count` follow one another; either side computes before it hands one on or takes it.
    double per_image(const Tensor& image, int count, int passes) {
        meet();
        const auto start = Clock::now();
        for (int i = 0; i < count; ++i) {
            if (rank_ == 0) {
                compute(passes);
                ops_.fill_zero(ports_.out->claim(image));
                ports_.out->commit(label_++);
            } else {
                ports_.in->take(label_++, image);
                compute(passes);
                ports_.in->give_back();
            }
        }
        ops_.synchronize();
        return slower(seconds(start, Clock::now()) / count);
    }

    const Options& o_;
    kernels::Operations& ops_;
    greedy::Ports ports_;
    int rank_, passes_ = 1;
    std::int64_t label_ = 0;
    std::vector<Memory> memory_;
    Tensor work_, sum_;
};

std::vector<Row> measure(const Options& o, kernels::Operations& ops, const greedy::Ports& ports, int rank) {
    std::vector<Row> rows;
    Rank r(o, ops, ports, rank);
    for (const std::int64_t kib : o.kib) rows.push_back(r.measure(kib * 1024));
    return rows;
}

void print(const Options& o, const std::string& by, const std::vector<Row>& rows) {
    nlohmann::ordered_json json{{"by", by}, {"device", o.device}};
    if (!o.common.json)
        fmt::print("{}, device {}; a step computes for about {:g} ms\n\n{:>10}{:>14}{:>14}{:>12}{:>14}{:>14}{:>10}\n", by,
                   o.device, o.compute, "image", "latency, us", "each, us", "GB/s", "step, ms", "with images", "seen");
    for (const Row& r : rows) {
        const double more = r.with_images / r.alone - 1;
        json["sizes"].push_back({{"bytes", r.bytes},
                                 {"latency", r.latency},
                                 {"each", r.each},
                                 {"step", r.alone},
                                 {"step_with_images", r.with_images},
                                 {"seen", more}});
        if (!o.common.json)
            fmt::print("{:>10}{:>14.1f}{:>14.1f}{:>12.2f}{:>14.3f}{:>14.3f}{:>9.1f}%\n",
                       format_bytes(static_cast<std::size_t>(r.bytes)), 1e6 * r.latency, 1e6 * r.each, 1e-9 * r.bytes / r.each,
                       1e3 * r.alone, 1e3 * r.with_images, 100 * more);
    }
    if (o.common.json) fmt::print("{}\n", json.dump(1));
}

greedy::ConnectionSizes largest(const Options& o) {
    return {static_cast<std::size_t>(*std::max_element(o.kib.begin(), o.kib.end())) * 1024, 0};
}

void run_threads(const Options& o) {
    std::vector<std::unique_ptr<kernels::Operations>> devices(2);
    greedy::ThreadTransport transport(2, 1);
    std::vector<Row> rows;
    std::vector<std::thread> threads;
    for (int r = 0; r < 2; ++r)
        threads.emplace_back([&, r] {
            kernels::set_thread_count(1);
            devices[static_cast<std::size_t>(r)] = kernels::make_operations(o.device);
            kernels::Operations& ops = *devices[static_cast<std::size_t>(r)];
            auto mine = measure(o, ops, transport.open({r, 2, 1}, ops, largest(o)), r);
            if (r == 1) rows = std::move(mine);
        });
    for (std::thread& t : threads) t.join();
    print(o, "two threads of a process", rows);
}

void run_process(const Options& o, greedy::Processes& processes) {
    if (processes.count() != 2) throw ConfigError("gleam-bench-handoff", "has one edge", "start two processes");
    kernels::set_thread_count(1);
    const auto ops = kernels::make_operations(o.device == "cuda" ? fmt::format("cuda:{}", greedy::rank_on_machine()) : o.device);
    const auto ports = processes.open({processes.rank(), 2, 1}, *ops, largest(o), o.transport, {"rank 0", "rank 1"});
    const auto rows = measure(o, *ops, ports, processes.rank());
    if (processes.rank() == 1) print(o, "two processes, images by " + processes.carried_by(), rows);
    processes.finish();
}

}  // namespace
}  // namespace gleam::bench

int main(int argc, char** argv) {
    using namespace gleam::bench;
    CLI::App program("Times the hand-off of images between two ranks", "gleam-bench-handoff");
    Options o;
    add_common_options(program, o.common);
    program.add_option("--device", o.device, "cpu, emu, cuda")->capture_default_str();
    program.add_option("--transport", o.transport, "of processes: auto, host, nccl")->capture_default_str();
    program.add_option("--kib", o.kib, "sizes of images, in KiB")->capture_default_str()->check(CLI::Range(1, 1 << 20));
    program.add_option("--compute", o.compute, "ms that a step computes")->capture_default_str()->check(CLI::Range(0.1, 1e4));
    return run_benchmark(program, argc, argv, [&] {
        if (const auto processes = gleam::greedy::start_processes(std::chrono::seconds(30)))
            run_process(o, *processes);
        else
            run_threads(o);
        return 0;
    });
}
