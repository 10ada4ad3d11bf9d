#include "tools/gleam/options.hpp"

#include "greedy/checkpoint.hpp"
#include "greedy/job_network.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/devices.hpp"

namespace gleam::tools {

void DeviceOptions::add(CLI::App& command) {
    command.add_option("--device", device, "auto (a GPU if there is one), cpu or cuda[:N]; `gleam info` says what there is")
        ->capture_default_str();
    command.add_option("--threads", threads, "threads; 0 = all cores this process may use")
        ->check(CLI::Range(0, 4096))
        ->capture_default_str();
}

std::unique_ptr<kernels::Operations> DeviceOptions::open() const {
    kernels::set_thread_count(threads);
    return kernels::make_operations(device);
}

void SampleOptions::add(CLI::App& command) {
    command.add_option("--slices", slices, "slices to use: 0:80, 0:80:2 or 3,5,9 (default: all)");
    command
        .add_option("--mask", mask, "undersample fully sampled data: poisson, random_1d, equispaced_1d; file = as it is stored")
        ->check(CLI::IsMember({"poisson", "random_1d", "equispaced_1d", "file"}));
    command.add_option("--acceleration", terms.acceleration, "acceleration of the mask (equispaced_1d: line spacing)")
        ->check(CLI::Range(1.0, 1000.0))
        ->capture_default_str();
    command.add_option("--calibration", terms.calibration, "fully sampled central points per axis (1D masks: lines)")
        ->check(CLI::Range(0, 100000))
        ->capture_default_str();
    command.add_option("--offset", terms.offset, "equispaced_1d: first line; -1 = random for each slice")->capture_default_str();
    command.add_option("--mask-seed", seed, "seed of random masks")->capture_default_str();
}

data::Samples SampleOptions::open(const fs::path& file, const std::vector<std::string>& checkpoints) const {
    const data::DatasetLayout layout = data::DatasetFile(file).layout();
    const auto numbers = greedy::parse_slices(slices, layout.slices, "--slices");
    greedy::MaskConfig chosen = terms;
    std::uint64_t chosen_seed = seed;
    if (!mask.empty()) {
        chosen.type = mask;
    } else if (layout.mask || checkpoints.empty()) {
        chosen.type = "file";
    } else {
        const greedy::JobConfig job =
            greedy::parse_job(greedy::read_checkpoint_header(checkpoints.front()).config, checkpoints.front());
        chosen = job.data.mask;
        chosen_seed = job.seed;
    }
    return data::Samples(file, numbers, greedy::mask_options(chosen, chosen_seed));
}

void MethodOptions::add(CLI::App& command) {
    command.add_option("--iterations", cg.iterations, "CG-SENSE: iterations")->check(CLI::Range(1, 10000))->capture_default_str();
    command.add_option("--lambda", cg.lambda, "CG-SENSE: regularisation, relative to A^H A <= 1")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    command.add_option("--wavelet-iterations", wavelet.iterations, "l1-wavelet: iterations of FISTA")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    command.add_option("--wavelet-lambda", wavelet.lambda, "l1-wavelet: weight of the coefficients, for images of order one")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
}

std::string label_of(const std::string& method) {
    if (method == "zero_filled") return "zero-filled";
    if (method == "cg_sense") return "CG-SENSE";
    return method == "l1_wavelet" ? "l1-wavelet" : method;
}

std::unique_ptr<greedy::Reconstructor> MethodOptions::make(const std::string& method, kernels::Operations& ops) const {
    if (method == "zero_filled") return greedy::make_zero_filled(ops);
    if (method == "cg_sense") return greedy::make_cg_sense(ops, cg);
    if (method == "l1_wavelet") return greedy::make_l1_wavelet(ops, wavelet);
    throw ConfigError("--method", "there is no method '" + method + "'", "use zero_filled, cg_sense or l1_wavelet");
}

}  // namespace gleam::tools
